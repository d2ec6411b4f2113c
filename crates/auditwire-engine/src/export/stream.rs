//! A full export: a file of any length, written while it is read.
//!
//! The audit event `export`, which says what was asked for, is on disk before the first byte goes out; `export-end` says
//! how it ended and how much had been handed out. A stream that cannot go on ends with an error, never as if it were whole.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::Columns;
use auditwire_model::export::{Format, Formulas};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::Wanted;
use super::audit::{Asked, Taken, events};
use super::parquet::ParquetFile;
use super::render::{Body, Rendered, header, render, unwritable};
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::{Damage, Scan, Submission};
use crate::permits::Permit;
use crate::search::{Asking, Count, number_known, one_after_the_other, within};
use crate::tasks::Task;
use crate::{Engine, projects};

/// Pieces that wait for the client.
const PIECES: usize = 2;
/// When a place for an export may be free again.
const PLACE_WAIT: Duration = Duration::from_secs(10);

/// An export under way. Dropping it ends the work.
pub struct Export {
    /// How many events are to be expected, as far as could be counted in a moment.
    pub expected: Count,
    /// The file, piece by piece. An error means that the file is of no use.
    pub pieces: BoxStream<'static, Result<Bytes>>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Begins an export of all events that match and are in the log now.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_limit`, `too_many_exports`, `closing`. The stream's own: `events_unreadable` (a part of the log is
/// damaged), `export_paused` (the client took nothing for too long), `closing`, and those of the store.
pub async fn export(engine: &Engine, caller: &Caller, project: &ProjectId, wanted: &Wanted) -> Result<Export> {
    projects::authorize(engine, caller, project, Verb::ExportEvents).await?;
    engine.accepting()?;
    if wanted.limit == Some(0) {
        return Err(Error::invalid("invalid_limit", "limit", "limit is a number from 1"));
    }
    let permit = engine.shared.exports.try_take(project).ok_or_else(too_many)?;
    let scan = wanted.scan(project, engine.log.head(project));
    let expected = expected(engine, project, scan.clone()).await?;
    let begun = Audit::new(action::EXPORT, caller).on("event-log", project);
    let begun = told(begun, wanted, expected).build(engine.clock.now());
    let id = begun.event_id.clone();
    submit(engine, project, begun).await?;

    let (send, receive) = mpsc::channel(PIECES);
    let work = Work {
        engine: engine.clone(),
        caller: caller.clone(),
        project: project.clone(),
        id,
        format: wanted.format,
        formulas: wanted.formulas,
        taken: Taken::default(),
        send,
        permit: Some(permit),
    };
    engine.spawn(Task::Export, work.run(scan));
    Ok(Export { expected, pieces: pieces(receive) })
}

/// What comes through the channel.
enum Piece {
    Bytes(Bytes),
    /// Nothing is missing. A channel that closes without it has broken off.
    End,
}

fn pieces(receive: mpsc::Receiver<Result<Piece>>) -> BoxStream<'static, Result<Bytes>> {
    let next = |receive: Option<mpsc::Receiver<Result<Piece>>>| async {
        let mut receive = receive?;
        match receive.recv().await {
            Some(Ok(Piece::Bytes(bytes))) => Some((Ok(bytes), Some(receive))),
            Some(Ok(Piece::End)) => None,
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(broken_off()), None)),
        }
    };
    // A body that compresses asks once more after the end.
    stream::unfold(Some(receive), next).fuse().boxed()
}

fn broken_off() -> Error {
    Error::new(Kind::Unavailable, "export_failed", "the export ended early; the Event log says why")
}

/// Counts what the scan will find, for a moment.
async fn expected(engine: &Engine, project: &ProjectId, scan: Scan) -> Result<Count> {
    let deadline = Instant::now() + engine.settings.export.count_max;
    let scan = Scan { columns: Columns::NONE, ..scan };
    let (mut count, scans) = match scan.limit {
        None => number_known(engine, project, scan).await?,
        Some(_) => (0, vec![scan]),
    };
    let mut asking = Asking::over(one_after_the_other(engine, scans, |_| ()), deadline, None);
    while let Some(piece) = asking.next().await? {
        count += piece.rows as u64;
    }
    Ok(Count { count, exact: asking.whole() })
}

/// What was asked for, and what is to be expected.
fn told(event: Audit, wanted: &Wanted, expected: Count) -> Audit {
    let asked = Asked {
        format: wanted.format.as_str(),
        order: wanted.order,
        filter: within(wanted.question.query.clone(), wanted.question.plane),
        from: wanted.question.time_from,
        to: wanted.question.time_to,
    };
    let mut event = asked.told(event).with("expected", expected.count).with("expected_exact", expected.exact);
    if let Some(limit) = wanted.limit {
        event = event.with("limit", limit);
    }
    if wanted.formulas == Formulas::Raw {
        event = event.with("raw", true);
    }
    let about = if expected.exact { "" } else { "at least " };
    let format = wanted.format.as_str().to_uppercase();
    event.message(format!("An export of {about}{} as {format} began", events(expected.count)))
}

async fn submit(engine: &Engine, project: &ProjectId, event: auditwire_model::event::Event) -> Result<()> {
    let submission = Submission { project: Some(project.clone()), events: vec![event], changes: Vec::new() };
    engine.log.submit(submission).await.map(|_| ())
}

/// The work beside the stream: reads, renders, waits for the client.
struct Work {
    engine: Engine,
    caller: Caller,
    project: ProjectId,
    /// `event_id` of the event that told of the beginning.
    id: String,
    format: Format,
    formulas: Formulas,
    taken: Taken,
    send: mpsc::Sender<Result<Piece>>,
    /// Until the end of the work: what then waits for the client is a last piece.
    permit: Option<Permit>,
}

/// Why an export ended early.
enum Early {
    /// Nobody takes it any more.
    Cancelled,
    Failed(Error),
}

impl From<Error> for Early {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Work {
    async fn run(mut self, scan: Scan) {
        let engine = self.engine.clone();
        let written = engine.tasks().caught(Task::Export, self.write(scan));
        let ended = match engine.unless_closing(written).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(panicked)) => Err(Error::from(panicked).into()),
            Err(closing) => Err(closing.into()),
        };
        self.permit = None;
        let event = self.ended(ended.as_ref().err()).build(engine.clock.now());
        if let Err(error) = submit(&engine, &self.project, event).await {
            tracing::warn!(project = %self.project, %error, "the end of an export could not be told in the Event log");
        }
        let last = match ended {
            Ok(()) => Ok(Piece::End),
            Err(Early::Cancelled) => return,
            Err(Early::Failed(error)) => {
                tracing::warn!(project = %self.project, %error, "an export ended early");
                Err(error)
            }
        };
        // Whoever does not take it sees the stream break off all the same.
        let _ = timeout(engine.settings.export.pause_max, self.send.send(last)).await;
    }

    async fn write(&mut self, scan: Scan) -> Result<(), Early> {
        let mut parquet = match self.format {
            Format::Parquet => Some(ParquetFile::new()?),
            Format::Tsv | Format::Csv | Format::JsonLines => None,
        };
        self.hand_out(header(self.format)).await?;
        self.engine.tasks().reach("export", self.project.as_str());
        let tasks = self.engine.tasks().clone();
        let (format, formulas) = (self.format, self.formulas);
        let make = move |batch| render(format, formulas, &batch);
        let mut rendered = self.engine.log.scan_map(scan, Arc::new(make));
        while let Some(piece) = rendered.next().await {
            let piece = piece?;
            if let Some(damage) = &piece.damage {
                return Err(unreadable(damage).into());
            }
            let Some(made) = piece.value else { continue };
            let Rendered { taken, body } = made?;
            let bytes = match (body, &mut parquet) {
                (Body::Bytes(bytes), _) => bytes,
                (Body::Rows(rows), file) => match file.take() {
                    Some(mut writer) => {
                        let pushed = move || writer.push(&rows).map(|bytes| (writer, bytes));
                        let (writer, bytes) =
                            tasks.blocking(Task::Export, pushed).await.map_err(|e| unwritable(&e))??;
                        *file = Some(writer);
                        bytes
                    }
                    None => Vec::new(),
                },
            };
            self.hand_out(bytes).await?;
            self.taken.merge(taken);
        }
        if let Some(writer) = parquet {
            let finished = tasks.blocking(Task::Export, move || writer.finish());
            let rest = finished.await.map_err(|e| unwritable(&e))??;
            self.hand_out(rest).await?;
        }
        Ok(())
    }

    /// Hands a piece to the client, or finds that it is not there any more.
    async fn hand_out(&self, bytes: Vec<u8>) -> Result<(), Early> {
        if self.send.is_closed() {
            return Err(Early::Cancelled);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        match timeout(self.engine.settings.export.pause_max, self.send.send(Ok(Piece::Bytes(bytes.into())))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Early::Cancelled),
            Err(_) => {
                let detail = "the export was given up, because nobody took its bytes for too long";
                Err(Error::new(Kind::Unavailable, "export_paused", detail).into())
            }
        }
    }

    /// The event that tells of the end.
    fn ended(&self, early: Option<&Early>) -> Audit {
        let event = Audit::new(action::EXPORT_END, &self.caller)
            .on("event-log", &self.project)
            .with("export", &self.id)
            .with("format", self.format.as_str());
        let event = self.taken.told(event);
        let rows = events(self.taken.rows);
        match early {
            None => event.message(format!("The export is complete: {rows}")),
            Some(Early::Cancelled) => event
                .failed("cancelled", "the client took no more")
                .message(format!("The export was cancelled after {rows}")),
            Some(Early::Failed(error)) => {
                event.failed(error.code, &error.detail).message(format!("The export failed after {rows}"))
            }
        }
    }
}

pub(super) fn unreadable(damage: &Damage) -> Error {
    let Damage { from, to, segment, .. } = damage;
    let detail = format!(
        "events {from} to {to} cannot be read, because {segment} is damaged; export what lies before and after them \
         with seq < {from} and seq > {to}"
    );
    Error::new(Kind::Internal, "events_unreadable", detail).caused_by(damage.detail.clone())
}

fn too_many() -> Error {
    let detail = "too many exports of this project are under way; try again when one of them has ended";
    Error::new(Kind::Busy, "too_many_exports", detail).retry_after(PLACE_WAIT)
}
