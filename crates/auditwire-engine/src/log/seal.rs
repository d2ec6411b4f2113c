//! Sealing: the oldest groups become one segment. Its file is on disk, complete, before the commit that names it and
//! takes the rows out of the groups.

use std::collections::HashMap;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::sync::{mpsc, oneshot};

use super::commit::Step;
use super::segment::{Finished, SegmentError, SegmentWriter};
use super::upkeep::Keeper;
use super::{Submission, error, groups};
use crate::error::Result;
use crate::store::{FileNote, GroupId, Place, Replaced, Seal, SealedSpan, Segment, SegmentId, Span};
use crate::tasks::Task;

/// Most spans looked at for one segment; more than a group can have.
pub(super) const SPANS_READ: u32 = 65_536;
/// A longer file is uploaded in parts of this size (S3 wants at least 5 MiB).
const PART_BYTES: usize = if cfg!(test) { 12 << 10 } else { 8 << 20 };
/// How far the thread that encodes stands back (`nice`): behind intake, before searches. When more than so many bytes
/// wait, it does not: the disk would fill with what is not sealed.
const NICENESS: i32 = 5;
const BEHIND_BYTES: u64 = 512 << 20;

/// Rows of a project, in the order of the file.
pub(super) type Piece = (ProjectId, RecordBatch);

/// A segment whose file is on disk.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) segment: Segment,
    pub(super) spans: Vec<SealedSpan>,
}

impl Keeper {
    /// Seals the oldest groups. False when there is nothing to seal.
    pub(super) async fn seal(&mut self) -> Result<bool> {
        let started = Instant::now();
        let fresh = self.shared.store.fresh(SPANS_READ).await.map_err(error::read)?;
        let mut spans = self.oldest_groups(fresh);
        let (Some(from), Some(to)) = (spans.first().and_then(group_of), spans.last().and_then(group_of)) else {
            return Ok(false);
        };
        spans.sort_by(|a, b| (&a.project, a.first).cmp(&(&b.project, b.first)));
        let id = self.next_segment();
        let written = self.write(id, 0, id.0, groups::pieces(&self.shared.store, &spans)).await?;
        let rows = u64::from(written.segment.rows);
        let seal = Seal { segment: written.segment, spans: written.spans, replaces: Replaced::Groups(from.0..=to.0) };
        self.commit_segment(seal).await?;
        self.droppable = Some(to);
        self.shared.fresh.sealed(&spans, self.shared.clock.monotonic());
        self.shared.counters.sealed(rows, started.elapsed());
        tracing::debug!(segment = id.0, rows, from = from.0, to = to.0, took = ?started.elapsed(), "sealed");
        Ok(true)
    }

    /// The spans of the oldest groups that are sealed together; always whole groups, and at least one.
    fn oldest_groups(&self, mut fresh: Vec<Span>) -> Vec<Span> {
        let settings = &self.shared.settings.seal;
        if fresh.len() >= SPANS_READ as usize {
            // The last group may have more spans than were read.
            let last = fresh.last().map(|span| span.place);
            fresh.retain(|span| Some(span.place) != last);
        }
        let (mut rows, mut bytes, mut spans) = (0, 0, 0);
        let mut taken = 0;
        for group in fresh.chunk_by(|a, b| a.place == b.place) {
            rows += group.iter().map(|span| u64::from(span.rows)).sum::<u64>();
            bytes += group.first().map_or(0, |span| u64::from(span.blob_bytes));
            spans += group.len() as u64;
            if taken > 0 && (rows > settings.rows || bytes > settings.bytes || spans > settings.spans) {
                break;
            }
            taken += group.len();
        }
        fresh.truncate(taken);
        fresh
    }

    /// A number that no segment has had while this process runs: readers remember names by it.
    pub(super) fn next_segment(&mut self) -> SegmentId {
        self.last_segment = SegmentId(self.last_segment.0 + 1);
        self.last_segment
    }

    /// Writes a segment's file. When this returns it is on disk under its name.
    pub(super) async fn write(
        &self,
        id: SegmentId,
        level: u8,
        rank: u64,
        pieces: impl Stream<Item = Result<Piece>>,
    ) -> Result<Written> {
        let name = format!("{:010}-{:08x}.parquet", id.0, rand::random::<u32>());
        // Before there is anything of it: what a crash leaves is known to be ours.
        let files = vec![FileNote::Writing(name.clone())];
        self.commit(Step { files, ..Step::default() }, Submission::default()).await?;
        let mut ends = HashMap::new();
        let (to_writer, from_feeder) = mpsc::channel::<Piece>(2);
        let (to_upload, from_writer) = mpsc::channel::<Bytes>(2);
        let (answer, finished) = oneshot::channel();
        let niceness = if self.shared.fresh.bytes() > BEHIND_BYTES { 0 } else { NICENESS };
        let store = crate::records::instance_id(&*self.shared.store).await?;
        let encode = move || drop(answer.send(encode(from_feeder, &to_upload, niceness, store.as_deref())));
        self.shared.tasks.thread(Task::Seal, encode).map_err(error::defect)?;
        let feed = async {
            let fed = feed(pieces, &to_writer, &mut ends).await;
            drop(to_writer);
            fed
        };
        // Not `try_join`: when feeding fails, the upload is dropped with it and leaves nothing behind.
        let (fed, uploaded) = tokio::join!(feed, upload(&*self.shared.objects, &name, from_writer));
        fed?;
        let upload = uploaded.map_err(|e| put_failed(&name, e))?;
        let finished = finished.await.map_err(error::defect)?.map_err(error::defect)?;
        // Whoever writes a file makes the folders above it, so a folder that was moved away would be there anew.
        self.shared.check_folder()?;
        upload.complete(finished.bytes.clone()).await.map_err(|e| put_failed(&name, e))?;
        self.shared.check_folder()?;
        written(
            &Segment {
                id,
                name,
                level,
                rank,
                rows: u32::try_from(finished.rows).map_err(error::defect)?,
                bytes: finished.total_bytes,
                made_at: self.shared.clock.now(),
            },
            finished,
            &ends,
        )
    }
}

fn written(segment: &Segment, finished: Finished, ends: &HashMap<(ProjectId, Position), Timestamp>) -> Result<Written> {
    let share = |rows: u32| segment.bytes * u64::from(rows) / u64::from(segment.rows.max(1));
    let mut spans = Vec::with_capacity(finished.spans.len());
    for made in finished.spans {
        let span = Span {
            place: Place::Segment(segment.id),
            project: made.project,
            first: made.first,
            rows: made.rows,
            offset: made.offset,
            time_min: made.time_min,
            time_max: made.time_max,
            blob_bytes: u32::try_from(share(made.rows)).unwrap_or(u32::MAX),
        };
        let received_max = ends.get(&(span.project.clone(), span.last())).copied();
        let received_max = received_max.ok_or_else(|| error::defect(format!("no end of {span:?}")))?;
        spans.push(SealedSpan { span, received_max, summary: made.summary });
    }
    Ok(Written { segment: segment.clone(), spans })
}

fn put_failed(name: &str, source: object_store::Error) -> crate::error::Error {
    error::segment_not_written(name, source)
}

pub(super) fn group_of(span: &Span) -> Option<GroupId> {
    match span.place {
        Place::Group(id) => Some(id),
        Place::Segment(_) => None,
    }
}

/// Position and time of receipt of the last row.
fn end_of(batch: &RecordBatch) -> Option<(Position, Timestamp)> {
    let seq = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values().last().copied()?;
    let received = batch.column(columns::RECEIVED_AT).as_primitive::<Int64Type>().values().last().copied()?;
    Some((Position(seq), Timestamp::from_nanos(received)?))
}

/// Hands the rows to the writer, and notes where each batch ends.
async fn feed(
    pieces: impl Stream<Item = Result<Piece>>,
    writer: &mpsc::Sender<Piece>,
    ends: &mut HashMap<(ProjectId, Position), Timestamp>,
) -> Result<()> {
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.next().await {
        let (project, batch) = piece?;
        if let Some((last, received)) = end_of(&batch) {
            ends.insert((project.clone(), last), received);
        }
        if writer.send((project, batch)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Runs on a thread of its own.
fn encode(
    mut pieces: mpsc::Receiver<Piece>,
    upload: &mpsc::Sender<Bytes>,
    niceness: i32,
    store: Option<&str>,
) -> Result<Finished, SegmentError> {
    // Where it is not allowed, sealing and intake share the processors evenly.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), niceness);
    let mut writer = SegmentWriter::new()?.of_store(store);
    while let Some((project, batch)) = pieces.blocking_recv() {
        writer.push(&project, &batch)?;
        let bytes = writer.take_bytes()?;
        // When the upload has failed nobody wants the rest.
        if !bytes.is_empty() && upload.blocking_send(bytes).is_err() {
            return Err(SegmentError::Ended);
        }
    }
    writer.finish()
}

/// An upload whose last bytes are still to come. Dropped, it leaves nothing behind.
struct Upload<'o> {
    objects: &'o dyn ObjectStore,
    name: object_store::path::Path,
    held: Vec<Bytes>,
    parts: Option<Box<dyn object_store::MultipartUpload>>,
}

async fn upload<'o>(
    objects: &'o dyn ObjectStore,
    name: &str,
    mut bytes: mpsc::Receiver<Bytes>,
) -> object_store::Result<Upload<'o>> {
    let mut upload = Upload { objects, name: name.into(), held: Vec::new(), parts: None };
    while let Some(bytes) = bytes.recv().await {
        upload.held.push(bytes);
        if upload.held.iter().map(Bytes::len).sum::<usize>() >= PART_BYTES {
            upload.part().await?;
        }
    }
    Ok(upload)
}

impl Upload<'_> {
    async fn part(&mut self) -> object_store::Result<()> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(self.objects.put_multipart(&self.name).await?),
        };
        parts.put_part(PutPayload::from_iter(self.held.drain(..))).await
    }

    /// Both ways to the end sync the file and the folder, when the folder is opened so.
    async fn complete(mut self, rest: Bytes) -> object_store::Result<()> {
        self.held.push(rest);
        if self.parts.is_none() {
            return self.objects.put(&self.name, PutPayload::from_iter(self.held)).await.map(drop);
        }
        self.part().await?;
        match &mut self.parts {
            Some(parts) => parts.complete().await.map(drop),
            None => Ok(()),
        }
    }
}
