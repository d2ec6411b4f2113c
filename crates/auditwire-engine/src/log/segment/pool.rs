//! The threads that decode: as many as there are processors, and behind everything else that wants to run, so that
//! searches do not slow intake.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::SegmentError;

/// How far the threads stand back (`nice`).
const NICENESS: i32 = 10;

/// A pool of decoding threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    threads: Option<Arc<rayon::ThreadPool>>,
    width: usize,
}

impl Pool {
    pub(crate) fn new() -> Self {
        let width = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let start = |_| {
            // Where it is not allowed, searches and intake share the processors evenly.
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        };
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(width)
            .thread_name(|n| format!("scan-{n}"))
            .start_handler(start)
            .build()
            .inspect_err(|error| tracing::warn!(%error, "no threads for decoding; the runtime's are used"));
        Self { threads: threads.ok().map(Arc::new), width }
    }

    /// How many jobs run at once.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Begins `work` on a thread of the pool; the answer is waited for. A panic in it is an error here; when nobody waits
    /// any more it is not begun.
    pub(crate) fn run<T, W>(&self, work: W) -> impl Future<Output = Result<T, SegmentError>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            if !answer.is_closed() {
                let done = std::panic::catch_unwind(AssertUnwindSafe(work));
                let _ = answer.send(done.map_err(|_| ()));
            }
        };
        match &self.threads {
            Some(threads) => threads.spawn(job),
            None => drop(tokio::task::spawn_blocking(job)),
        }
        async move {
            match answered.await {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(())) => Err(SegmentError::damaged("", "its contents contradict each other")),
                Err(_) => Err(SegmentError::Ended),
            }
        }
    }
}
