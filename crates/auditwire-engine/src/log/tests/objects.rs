//! A place for files that fails or hangs on demand, at any operation.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use parking_lot::Mutex;

use crate::store::memory::Fault;

/// Files in memory; what is put stays there through crashes.
#[derive(Debug, Default, Clone)]
pub(crate) struct FaultyObjects {
    inner: Arc<InMemory>,
    faults: Arc<Mutex<HashMap<u64, Fault>>>,
    operations: Arc<AtomicU64>,
    hangs: Arc<AtomicBool>,
    /// The process is over: it does nothing more.
    over: Arc<AtomicBool>,
}

impl fmt::Display for FaultyObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty objects")
    }
}

fn full() -> object_store::Error {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    object_store::Error::Generic { store: "faulty objects", source: Box::new(source) }
}

impl FaultyObjects {
    /// The operation after `skip` more ones ends in `fault`.
    pub(crate) fn inject(&self, skip: u64, fault: Fault) {
        self.faults.lock().insert(self.operations.load(Ordering::SeqCst) + skip, fault);
    }

    pub(crate) fn heal(&self) {
        self.faults.lock().clear();
    }

    pub(crate) fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }

    /// The same files for the next process; this one touches them no more.
    pub(crate) fn crash(&self) -> Self {
        self.over.store(true, Ordering::SeqCst);
        Self { inner: Arc::clone(&self.inner), ..Self::default() }
    }

    async fn hang<T>(&self) -> T {
        self.hangs.store(true, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if self.over.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let fault = self.faults.lock().remove(&self.operations.fetch_add(1, Ordering::SeqCst));
        match fault {
            None => work.await,
            Some(Fault::HangBefore) => self.hang().await,
            Some(Fault::Panic) => panic!("injected"),
            Some(Fault::Full | Fault::FailBefore) => Err(full()),
            Some(Fault::HangAfter) => {
                work.await?;
                self.hang().await
            }
            Some(Fault::FailAfter | Fault::Unsynced) => {
                work.await?;
                Err(full())
            }
        }
    }
}

#[async_trait]
impl ObjectStore for FaultyObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.run(self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.run(self.inner.put_multipart_opts(location, options)).await?;
        Ok(Box::new(FaultyUpload { upload, objects: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.run(self.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let objects = self.clone();
        let delete = move |location: Result<Path>| {
            let objects = objects.clone();
            async move {
                let location = location?;
                let one = stream::iter([Ok(location.clone())]).boxed();
                let mut deleted = objects.inner.delete_stream(one);
                objects.run(async { deleted.next().await.unwrap_or(Ok(location)) }).await
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (objects, listed) = (self.clone(), self.inner.list(prefix));
        stream::once(async move {
            match objects.run(async { Ok(listed) }).await {
                Ok(listed) => listed,
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        })
        .flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    objects: FaultyObjects,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (objects, part) = (self.objects.clone(), self.upload.put_part(data));
        Box::pin(async move { objects.run(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.objects.run(self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
