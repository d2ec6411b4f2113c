//! From the log to bytes: reads bounded batches, decides with the filter, renders and frames into reused buffers.
//! Nothing is kept that could be read again.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{BooleanArray, RecordBatch};
use auditwire_model::connection::{Framing, Transport};
use auditwire_model::event::{Columns, columns, view};
use auditwire_model::query::Expr;
use auditwire_model::wire::framing::write_frame;
use auditwire_model::{Position, ProjectId, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::super::message::{Messages, undecided};
use super::super::window::{Entry, Kind};
use super::progress::Progress;
use crate::audit::SOURCE;
use crate::error::{self, Error, Result};
use crate::log::{Log, Scan, Scanned};
use crate::store::Order;

/// Most bytes rendered at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Most events looked at for one chunk.
const CHUNK_EVENTS: usize = 1024;

/// Which events are read.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// Every event is read, and those that the filter keeps back are accounted for one by one.
    Stream(Expr),
    /// Only what is wanted of a part of the log is read; what lies between is passed over in runs.
    Part(Part),
}

/// A part of the log.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Which events.
    pub(crate) predicate: Expr,
    /// `from <= timestamp`.
    pub(crate) time_from: Option<Timestamp>,
    /// `timestamp < to`.
    pub(crate) time_to: Option<Timestamp>,
    /// Last position.
    pub(crate) last: Position,
    /// Only these, in order, when they are chosen one by one.
    pub(crate) chosen: Option<Vec<Position>>,
}

/// Chosen events that lie so close are read together, with what is between them.
const RUN_GAP: u64 = 256;

impl Part {
    /// The next run of positions to be read from `from` on; `None`: nothing more is wanted.
    fn run(&self, from: Position) -> Option<(Position, Position)> {
        let Some(chosen) = &self.chosen else { return (from <= self.last).then_some((from, self.last)) };
        let mut rest = chosen.iter().skip(chosen.partition_point(|position| *position < from));
        let first = *rest.next()?;
        let last = rest.try_fold(first, |last, next| if next.0 - last.0 <= RUN_GAP { Ok(*next) } else { Err(last) });
        Some((first, last.unwrap_or_else(|last| last)))
    }

    /// Which rows are chosen; `None`: all of them.
    fn of(&self, batch: &RecordBatch) -> Option<BooleanArray> {
        let chosen = self.chosen.as_ref()?;
        let seqs = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values();
        Some(seqs.iter().map(|seq| Some(chosen.binary_search(&Position(*seq)).is_ok())).collect())
    }
}

/// A batch in hand.
#[derive(Debug)]
struct Held {
    batch: RecordBatch,
    /// What passes the filter; `None`: everything.
    selected: Option<BooleanArray>,
    /// Rows on which the filter could not decide.
    undecided: Vec<usize>,
    row: usize,
}

/// An event that could not become a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsendable {
    /// Which.
    pub(crate) seq: Position,
    /// Why.
    pub(crate) reason: String,
    /// One of the service's own events: telling about it would make another.
    pub(crate) own: bool,
}

/// A piece of the stream, ready for the link.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Frames one after the other.
    pub(crate) bytes: Vec<u8>,
    /// Where each message ends in `bytes`.
    pub(crate) ends: Vec<u64>,
    /// Messages and skipped runs, in order; the messages belong to `ends` in order.
    pub(crate) entries: Vec<Entry>,
    /// New quarantine cases.
    pub(crate) unsendable: Vec<Unsendable>,
    /// Positions that the log no longer had, or could not read.
    pub(crate) gone: Option<(Position, Position)>,
    /// The segments that could not be read, when that is why.
    pub(crate) damaged: Vec<String>,
}

impl Chunk {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.entries.clear();
        self.unsendable.clear();
        self.gone = None;
        self.damaged.clear();
    }
}

/// The reading half of a sender.
pub(crate) struct Feed {
    log: Log,
    project: ProjectId,
    selection: Selection,
    messages: Messages,
    /// `None`: the link knows where each message ends.
    framing: Option<Framing>,
    /// Nothing behind this is read.
    end: Position,
    reader: Option<BoxStream<'static, Result<Scanned>>>,
    /// The present reader has given events.
    read_something: bool,
    /// The segments that the events before the next ones should have come from.
    damaged: Vec<String>,
    held: Option<Held>,
    /// Of a part: what could not be read, and was not told yet.
    unreadable: Vec<(Position, Position, String)>,
    /// When the last event in hand was received.
    received_at: Timestamp,
    /// Of a part: nothing more is wanted up to here.
    passed: Option<Position>,
    /// Of a part: where what is being read ends.
    until: Position,
    message: Vec<u8>,
    chunk: Chunk,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Feed {
    /// Feeds one connection revision.
    pub(crate) fn new(
        log: Log,
        project: ProjectId,
        selection: Selection,
        messages: Messages,
        framing: Framing,
        transport: Transport,
    ) -> Self {
        let framing = transport.is_framed().then_some(framing);
        let (message, chunk) = (Vec::new(), Chunk::default());
        Self {
            log,
            project,
            selection,
            messages,
            framing,
            end: Position(u64::MAX),
            reader: None,
            read_something: false,
            damaged: Vec::new(),
            held: None,
            unreadable: Vec::new(),
            received_at: Timestamp::EPOCH,
            passed: None,
            until: Position::ZERO,
            message,
            chunk,
        }
    }

    /// Reads nothing behind `last`.
    pub(crate) fn end_at(&mut self, last: Position) {
        self.end = last;
        self.rewind();
    }

    /// Forgets what was read ahead: the next read begins at `progress.next()`.
    pub(crate) fn rewind(&mut self) {
        self.reader = None;
        self.read_something = false;
        self.damaged.clear();
        self.held = None;
        self.unreadable.clear();
        self.passed = None;
    }

    /// There is something to make a [`chunk`](Self::chunk) of.
    pub(crate) fn is_loaded(&self) -> bool {
        self.held.is_some() || self.passed.is_some()
    }

    /// Reads the next batch from `from`, if the log has one. May be dropped at any point.
    pub(crate) async fn load(&mut self, from: Position) -> Result<()> {
        if let (None, Selection::Part(part)) = (&self.reader, &self.selection) {
            let Some((_, until)) = part.run(from) else {
                self.passed = Some(part.last);
                return Ok(());
            };
            self.until = until;
        }
        let reader = self.reader.get_or_insert_with(|| {
            let (project, head) = (self.project.clone(), self.log.head(&self.project).min(self.end));
            self.log.scan(self.selection.scan(project, from, head))
        });
        match reader.next().await {
            Some(Ok(scanned)) => {
                self.take(scanned);
                Ok(())
            }
            Some(Err(error)) => {
                self.rewind();
                Err(error)
            }
            None => {
                self.reader = None;
                if matches!(self.selection, Selection::Part(_)) {
                    self.passed = Some(self.until);
                    return Ok(());
                }
                if std::mem::take(&mut self.read_something) { Ok(()) } else { Err(nothing_to_read(from)) }
            }
        }
    }

    fn take(&mut self, scanned: Scanned) {
        let Scanned { batch, through, damage, .. } = scanned;
        let mut undecided = Vec::new();
        let selected = match &self.selection {
            Selection::Part(part) => {
                self.passed = Some(through.min(self.until));
                if let Some(damage) = damage {
                    self.unreadable.push((damage.from, damage.to, damage.segment));
                }
                part.of(&batch)
            }
            Selection::Stream(filter) => {
                if let Some(damage) = damage
                    && !self.damaged.contains(&damage.segment)
                {
                    self.damaged.push(damage.segment);
                }
                let decided = (*filter != Expr::All).then(|| self.messages.decide(filter, &batch));
                decided.map(|decided| {
                    undecided = decided.undecided;
                    decided.selected
                })
            }
        };
        if batch.num_rows() > 0 {
            self.read_something = true;
            self.held = Some(Held { batch, selected, undecided, row: 0 });
        }
    }

    /// Renders up to `budget` messages from the batch in hand. What it returns must be queued and pushed before the next
    /// call.
    pub(crate) fn chunk(&mut self, progress: &mut Progress, budget: usize) -> &mut Chunk {
        self.chunk.clear();
        if let Some((first, last, segment)) = self.unreadable.pop() {
            self.chunk.gone = Some((first, last));
            self.chunk.damaged = vec![segment];
        }
        let Some(mut held) = self.held.take() else {
            self.pass(progress);
            return &mut self.chunk;
        };
        let rows = held.batch.num_rows();
        let stop = rows.min(held.row + CHUNK_EVENTS);
        while held.row < stop && self.chunk.ends.len() < budget && self.chunk.bytes.len() < CHUNK_BYTES {
            self.take_row(&held, progress);
            held.row += 1;
        }
        if held.row < rows {
            self.held = Some(held);
        } else {
            self.pass(progress);
        }
        &mut self.chunk
    }

    /// Accounts for what was not wanted of a part, behind the batch that was in hand.
    fn pass(&mut self, progress: &mut Progress) {
        let Some(passed) = self.passed.take() else { return };
        let next = progress.next();
        if next <= passed {
            self.chunk.entries.push(progress.skip(next, passed, self.received_at, Kind::Filtered));
        }
    }

    fn take_row(&mut self, held: &Held, progress: &mut Progress) {
        let seqs = held.batch.column(columns::SEQ).as_primitive::<UInt64Type>();
        let position = Position(seqs.value(held.row));
        let next = progress.next();
        if position < next {
            return;
        }
        let event = view(&held.batch, held.row);
        self.received_at = event.received_at;
        if position > next && matches!(self.selection, Selection::Part(_)) {
            let last = position.previous();
            self.chunk.entries.push(progress.skip(next, last, event.received_at, Kind::Filtered));
        } else if position > next {
            let last = position.previous();
            self.chunk.entries.push(progress.skip(next, last, event.received_at, Kind::Gone));
            self.chunk.gone = Some((next, last));
            self.chunk.damaged = std::mem::take(&mut self.damaged);
        }
        if held.selected.as_ref().is_some_and(|s| !s.value(held.row)) {
            self.chunk.entries.push(progress.skip(position, position, event.received_at, Kind::Filtered));
            return;
        }
        let (n, mut entry) = progress.message(position, event.received_at);
        self.message.clear();
        let made = match held.undecided.binary_search(&held.row) {
            Ok(_) => Err(undecided()),
            Err(_) => self.messages.write(&event, n, &mut self.message),
        };
        match made {
            Ok(_) => {
                match self.framing {
                    Some(framing) => write_frame(framing, &self.message, &mut self.chunk.bytes),
                    None => self.chunk.bytes.extend_from_slice(&self.message),
                }
                self.chunk.ends.push(self.chunk.bytes.len() as u64);
            }
            Err(reason) => {
                if progress.quarantine(&mut entry) {
                    let own = event.source_id == Some(SOURCE);
                    self.chunk.unsendable.push(Unsendable { seq: position, reason, own });
                }
            }
        }
        self.chunk.entries.push(entry);
    }
}

impl Selection {
    /// What lies between `from` and the end, in order.
    fn scan(&self, project: ProjectId, from: Position, head: Position) -> Scan {
        let (from, last) = match self {
            Self::Stream(_) => (from, head),
            Self::Part(part) => part.run(from).unwrap_or((from, part.last)),
        };
        let (predicate, time_from, time_to) = match self {
            Self::Stream(_) => (Expr::All, None, None),
            Self::Part(part) => (part.predicate.clone(), part.time_from, part.time_to),
        };
        let (order, columns) = (Order::Ascending, Columns::ALL);
        Scan { project, from, to: last, time_from, time_to, predicate, order, limit: None, columns, numbered: false }
    }
}

/// The log says that there are events and gives none. Without an error the sender would ask again at once, for ever.
fn nothing_to_read(from: Position) -> Error {
    Error::new(error::Kind::Internal, "storage_damaged", format!("the log has events from {from} on and gives none"))
}
