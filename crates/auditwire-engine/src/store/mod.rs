//! The store the engine needs: one coarse trait in the product's words. Implementations: SQLite
//! (`auditwire-store`) and memory ([`memory`]), held together by one contract suite ([`contract`]).
//!
//! A store keeps four things: *groups* (one blob of events per commit), the directory of *segments* (files of sealed
//! events, which themselves lie in an object store), *records* (small versioned documents: connections, cursors, tokens,
//! …) and *id runs* (the part of the duplicate window that is no longer in memory). [`Span`]s say which rows of which
//! group or segment a project's positions are. [`Store::commit`] is the only way to write; it is one transaction and is
//! on disk when it returns.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod memory;
mod patch;

use std::fmt::Debug;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
pub use patch::Patch;

/// A group's number, given by the committer, increasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u64);

/// A segment's number, given by the sealer, increasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(pub u64);

/// Where events lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Fresh: in the blob of a group.
    Group(GroupId),
    /// Sealed: in the file of a segment.
    Segment(SegmentId),
}

/// The part of a group or segment that belongs to one project: rows `offset .. offset + rows` of the blob's batch, or of
/// the file, hold the positions `first .. first + rows`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which group or segment.
    pub place: Place,
    /// Whose events.
    pub project: ProjectId,
    /// Position of the first row.
    pub first: Position,
    /// How many rows.
    pub rows: u32,
    /// First row inside the blob's batch or the file.
    pub offset: u32,
    /// Earliest event time in the span.
    pub time_min: Timestamp,
    /// Latest event time in the span.
    pub time_max: Timestamp,
    /// Length of the group's blob, so that a reader can bound what it reads at once. In a segment: the span's share of
    /// the file, by rows.
    pub blob_bytes: u32,
}

impl Span {
    /// Position of the last row.
    #[must_use]
    pub fn last(&self) -> Position {
        Position(self.first.0 + u64::from(self.rows) - 1)
    }
}

/// The events of one commit.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// Encoded batch (`log::blob`).
    pub blob: Bytes,
    /// One per project, in the order of the rows.
    pub spans: Vec<Span>,
}

/// A file of sealed events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub id: SegmentId,
    /// Name of the object. Never used again for another one.
    pub name: String,
    /// How often segments were merged into it.
    pub level: u8,
    /// Where its events stand among all sealed ones: by this order each project's spans are in order of position. A
    /// segment made of others has the least of theirs.
    pub rank: u64,
    /// Rows of the file, also those that no span names any more.
    pub rows: u32,
    /// Length of the file.
    pub bytes: u64,
    /// When it was written.
    pub made_at: Timestamp,
}

impl Segment {
    /// A stand-in for events that are known to have been there and are in no file: a hole in the log, told as damage to whoever
    /// reads it. No file is ever written under its name.
    #[must_use]
    pub fn gap(id: SegmentId, rank: u64, rows: u32, made_at: Timestamp) -> Self {
        Self { id, name: format!("gap-{:010}", id.0), level: 0, rank, rows, bytes: 0, made_at }
    }

    /// It stands for events that are in no file.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.bytes == 0
    }
}

/// A span of a segment with what is known of it beside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSpan {
    /// The span.
    pub span: Span,
    /// `received_at` of its last event; decides when it is past its retention.
    pub received_max: Timestamp,
    /// Its counts (`log::segment::Summary`).
    pub summary: Bytes,
}

/// One segment takes the place of groups or of older segments. The rows of its spans must be exactly the rows of the
/// spans they replace; else the commit fails with [`StoreError::Mismatch`].
#[derive(Debug, Clone)]
pub struct Seal {
    /// The new segment; its file is on disk.
    pub segment: Segment,
    /// Its spans.
    pub spans: Vec<SealedSpan>,
    /// Where the rows are now.
    pub replaces: Replaced,
}

/// What a [`Seal`] replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// These groups. Their blobs stay until [`Commit::drop_groups`].
    Groups(RangeInclusive<u64>),
    /// These segments. Those that no span names any more leave the directory.
    Segments(Vec<SegmentId>),
}

/// The events of a project up to a position end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expire {
    /// Whose events.
    pub project: ProjectId,
    /// Last position that goes; the last one of a span of a segment, else the commit fails with
    /// [`StoreError::Mismatch`].
    pub through: Position,
}

/// Why the file of a segment may lie there that the directory does not name. The number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Left {
    /// It was begun: it is complete when a segment of that name is there.
    Writing = 1,
    /// A merge put its rows into another one.
    Replaced = 2,
    /// All its events have ended.
    Expired = 3,
}

impl Left {
    /// The reason with that number.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::Writing, Self::Replaced, Self::Expired].into_iter().find(|why| i64::from(*why as u8) == number)
    }
}

/// A file that this store wrote and the directory does not name: the only kind that may be removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftFile {
    /// Name of the object.
    pub name: String,
    /// Why it may be there.
    pub why: Left,
}

/// A change of the record of [`LeftFile`]s. Files that are replaced or expire are noted, and the file of a new segment is
/// forgotten, by the very commit that makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNote {
    /// A file of this name is going to be written.
    Writing(String),
    /// It was removed, or never was there.
    Gone(String),
}

/// What a project's log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub project: ProjectId,
    /// First position that is kept, or would be: what comes before has expired.
    pub first: Position,
    /// Last position ever given.
    pub last: Position,
}

/// How much of the log is a project's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSize {
    /// Whose.
    pub project: ProjectId,
    /// Sealed events.
    pub rows: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// What kind of document a record is. The number is stored; never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "each variant is the document of that name in `records`")]
pub enum RecordKind {
    Instance = 1,
    Project = 2,
    Token = 3,
    Connection = 4,
    ConnectionName = 5,
    ConnectionSecret = 6,
    ActiveConnection = 7,
    Cursor = 8,
    CheckResult = 9,
    IdempotencyKey = 10,
    Quarantine = 11,
    Account = 12,
    Session = 13,
    SignInLink = 14,
    AccountName = 15,
    Retention = 16,
    Expired = 17,
    Replay = 18,
    QuarantineDropped = 19,
    Alert = 20,
    DeliveryStep = 22,
    Webhook = 23,
    WebhookCall = 24,
    WebhookLast = 25,
    Fresh = 30,
    Usage = 40,
    TokenTree = 50,
    TokenSecret = 51,
    TokenUse = 52,
    RetiringKey = 53,
    Reading = 60,
    ExpiryClock = 70,
    ClockCorrection = 71,
}

/// A record's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// What it is.
    pub kind: RecordKind,
    /// Whose it is; `None` for the instance's own.
    pub project: Option<ProjectId>,
    /// Unique within kind and project.
    pub id: String,
}

impl RecordKey {
    /// A record of a project.
    pub fn of(kind: RecordKind, project: &ProjectId, id: impl Into<String>) -> Self {
        Self { kind, project: Some(project.clone()), id: id.into() }
    }

    /// A record of the instance.
    pub fn global(kind: RecordKind, id: impl Into<String>) -> Self {
        Self { kind, project: None, id: id.into() }
    }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its address.
    pub key: RecordKey,
    /// 1 when created, one more with each put; begins again after a delete.
    pub version: u64,
    /// Versioned JSON (`records`).
    pub value: Vec<u8>,
}

/// What must be true of a record before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// It does not exist.
    Absent,
    /// It has this version.
    Version(u64),
}

/// One step of a commit on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which record.
    pub key: RecordKey,
    /// What must be true of it; else the whole commit fails with [`StoreError::Conflict`].
    pub expect: Expect,
    /// What happens to it.
    pub effect: Effect,
}

/// What a [`Change`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Writes it; the version grows by one.
    Put(Vec<u8>),
    /// Removes it; removing what is not there is no error.
    Delete,
    /// Only checks the expectation (a fence).
    None,
}

/// A part of the duplicate window that left memory: ids as sorted 64-bit hashes with their positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdRun {
    /// Whose ids.
    pub project: ProjectId,
    /// First position covered.
    pub first: Position,
    /// Last position covered.
    pub last: Position,
    /// `received_at` of the last event covered; decides when the run may go.
    pub newest: Timestamp,
    /// How often runs were merged into it.
    pub level: u8,
    /// The hashes with their positions, cut into a power of two of parts by their highest bits
    /// (`log::duplicates`), so that one id is looked up by reading one small part.
    pub parts: Vec<Bytes>,
    /// Encoded filter over the hashes, read without them.
    pub filter: Bytes,
}

/// An [`IdRun`] without its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdRunHead {
    /// First position covered; with the project it identifies the run.
    pub first: Position,
    /// Last position covered.
    pub last: Position,
    /// `received_at` of the last event covered.
    pub newest: Timestamp,
    /// How often runs were merged into it.
    pub level: u8,
    /// How many parts its hashes have.
    pub parts: u32,
    /// Encoded filter.
    pub filter: Bytes,
}

/// Everything that becomes true at once.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Events.
    pub group: Option<Group>,
    /// Records, in order.
    pub changes: Vec<Change>,
    /// New runs of the duplicate window. A new run replaces all runs of its project that it covers.
    pub id_runs: Vec<IdRun>,
    /// Runs that ended: `(project, first position)`.
    pub expired_id_runs: Vec<(ProjectId, Position)>,
    /// A new segment.
    pub seal: Option<Seal>,
    /// Events that end.
    pub expire: Vec<Expire>,
    /// The blobs of all groups up to this one go. No span may name one of them. The newest group of all always stays:
    /// its number is how the store knows which ones were used.
    pub drop_groups: Option<GroupId>,
    /// The directory is put right after a restore.
    pub patch: Option<Patch>,
    /// Files that are going to be written, and files that were removed.
    pub files: Vec<FileNote>,
}

/// Which way a reader goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// The two steps in which the write-ahead log moves into the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checkpoint {
    /// Copies what is complete; may run beside commits and readers, and holds none of them up.
    Copy,
    /// Copies the rest and begins the write-ahead log anew if no reader needs it; runs between commits.
    Restart,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// The data file or files, in bytes.
    pub data_bytes: u64,
    /// The write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Of [`data_bytes`](Self::data_bytes), what holds nothing and is used again by later commits.
    pub free_bytes: u64,
    /// Times that data was forced to the disk since the store was opened.
    pub syncs: u64,
}

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation did not hold; nothing was written.
    #[error("record {key:?} has changed meanwhile")]
    Conflict {
        /// The first record whose expectation failed.
        key: RecordKey,
    },
    /// What a [`Seal`] or [`Expire`] speaks of is not what the store holds; nothing was written. Names the span.
    #[error("the store holds other events: {0}")]
    Mismatch(String),
    /// No room; nothing was written. Clears by itself when there is room again.
    #[error("the disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store's own order contradicts itself (SQLite: malformed, or not a database). Whatever is written to it may destroy
    /// what can still be read: nothing more may be.
    #[error("the store is damaged: {0}")]
    Malformed(String),
    /// What was read contradicts itself; names the row.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The disk did not confirm what was written. What is on it can no longer be known, also not by trying again:
    /// the process must end, and the next start reads what is really there.
    #[error("the disk did not confirm a write")]
    Unsynced(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process has opened the store since this one did; nothing was written, and nothing more can be: the process
    /// must end.
    #[error("another process has opened the store")]
    Rival,
    /// It was written by a newer version of this program, which is no damage; says what is too new.
    #[error("{0}")]
    Newer(String),
    /// Any other failure. Whether a commit happened is not known: the process must not go on committing on its
    /// assumption (the committer reads the heads again or ends).
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where events and records live. All reads see only completed commits.
#[async_trait]
pub trait Store: Send + Sync + Debug + 'static {
    /// Makes everything in `commit` true at once; on disk when it returns. One caller at a time (the committer).
    /// A group whose number exists, or a span that does not begin right after its project's last position, fails the
    /// whole commit: a position is never given twice.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// One record.
    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError>;

    /// All records of a kind, of one project or (`None`) of all projects and the instance, ordered by project and id.
    async fn records(&self, kind: RecordKind, project: Option<&ProjectId>) -> Result<Vec<Record>, StoreError>;

    /// The ids of a project's records of one kind, in the order of their bytes, from the first of `ids` up to, without, the
    /// second.
    async fn record_ids(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
    ) -> Result<Vec<String>, StoreError>;

    /// A project's records of one kind, by their ids as in [`record_ids`](Self::record_ids), in `order`, at most `limit`.
    async fn records_between(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
        order: Order,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError>;

    /// First and last position of every project that ever had events, and the highest group id. What another process
    /// committed is never taken for this one's: [`StoreError::Rival`] instead.
    async fn heads(&self) -> Result<(Vec<Head>, Option<GroupId>), StoreError>;

    /// Spans of a project that overlap `from ..= to`, in `order`, at most `limit`.
    async fn spans(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Span>, StoreError>;

    /// The blobs of these groups, in any order; groups that do not exist are left out.
    async fn blobs(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Bytes)>, StoreError>;

    /// Spans of all projects that lie in groups, by group and offset, at most `limit`.
    async fn fresh(&self, limit: u32) -> Result<Vec<Span>, StoreError>;

    /// Groups up to `through`, oldest first, with the length of their blobs; without the newest group of all.
    async fn oldest_groups(&self, through: GroupId, limit: u32) -> Result<Vec<(GroupId, u64)>, StoreError>;

    /// One segment of the directory.
    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, StoreError>;

    /// All segments by rank, each with how many of its rows spans name.
    async fn segments(&self) -> Result<Vec<(Segment, u64)>, StoreError>;

    /// The spans of a segment by project and position.
    async fn segment_spans(&self, id: SegmentId) -> Result<Vec<SealedSpan>, StoreError>;

    /// The sealed spans of a project that overlap `from ..= to`, oldest first, at most `limit`.
    async fn sealed(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        limit: u32,
    ) -> Result<Vec<SealedSpan>, StoreError>;

    /// The files that this store wrote and no segment names, by name.
    async fn left_files(&self) -> Result<Vec<LeftFile>, StoreError>;

    /// How much is sealed, by project.
    async fn sizes(&self) -> Result<Vec<ProjectSize>, StoreError>;

    /// The runs of a project's duplicate window without their hashes, oldest first.
    async fn id_run_heads(&self, project: &ProjectId) -> Result<Vec<IdRunHead>, StoreError>;

    /// One part of the hashes of the run that begins at `first`.
    async fn id_run_part(&self, project: &ProjectId, first: Position, part: u32) -> Result<Option<Bytes>, StoreError>;

    /// Moves the write-ahead log into the data file. Returns false when a reader held it up; try again later.
    async fn checkpoint(&self, step: Checkpoint) -> Result<bool, StoreError>;

    /// Gives back about `step` bytes of what holds nothing, unless no more than `keep` bytes are free; runs between
    /// commits. Returns whether more could be given back.
    async fn shrink(&self, keep: u64, step: u64) -> Result<bool, StoreError>;

    /// Reads everything and holds it against itself; takes long, beside commits and readers.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when it does not hold.
    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How much is stored.
    async fn stats(&self) -> Result<StoreStats, StoreError>;
}
