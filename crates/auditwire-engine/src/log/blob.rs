//! The bytes of one group (`docs/formats/store.md`, "Blob"): a short header with a checksum, then an Arrow IPC record
//! batch message and its body. The schema is not repeated; the format version stands for it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_buffer::Buffer;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_ipc::{MetadataVersion, root_as_message};
use arrow_schema::ArrowError;
use auditwire_model::event::{SCHEMA_VERSION, columns, schema};
use bytes::Bytes;

/// Version (u16), zero (u16), CRC-32 of all that follows (u32), length of the message (u32), zero (u32); little-endian.
const HEADER_BYTES: usize = 16;
/// Bytes that the checksum does not cover.
const CHECKED_FROM: usize = 8;
/// Buffers begin at multiples of this: small, because a group is often a single event with some seventy buffers.
const ALIGNMENT: usize = 8;

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    #[error("it is shorter than its header says")]
    Short,
    #[error("a newer version of Auditwire wrote them (format {0}; this one reads {SCHEMA_VERSION}): use that version")]
    Version(u16),
    #[error("its checksum does not match")]
    Checksum,
    #[error("its message cannot be read: {0}")]
    Message(String),
    #[error("its columns cannot be read")]
    Arrow(#[from] ArrowError),
}

/// What is wrong with a blob, as far as its header and its checksum tell; nothing of one that a newer version wrote.
pub(crate) fn damage(blob: &[u8]) -> Option<BlobError> {
    let Some((header, rest)) = blob.get(..HEADER_BYTES).zip(blob.get(CHECKED_FROM..)) else {
        return Some(BlobError::Short);
    };
    let checksum = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let known = u16::from_le_bytes([header[0], header[1]]) <= SCHEMA_VERSION;
    (known && checksum != crc32fast::hash(rest)).then_some(BlobError::Checksum)
}

/// The positions of the rows of a group, for whoever takes stock of a damaged store.
///
/// # Errors
/// What is wrong with the bytes; for people.
pub fn group_positions(blob: &Bytes) -> Result<Vec<u64>, String> {
    let batch = decode(blob, Some(&[columns::SEQ])).map_err(|error| error.to_string())?;
    Ok(batch.column(columns::SEQ).as_primitive::<UInt64Type>().values().to_vec())
}

/// Groups of fewer rows are encoded into memory that is given back at once.
const MANY_ROWS: usize = 64;

/// Encodes groups one after the other. Of a large one it keeps the room that the next one will need: without it the body grows
/// by doubling, and most of its time goes into fresh pages.
pub(crate) struct Encoder {
    context: IpcWriteContext,
}

impl Default for Encoder {
    fn default() -> Self {
        let mut context = IpcWriteContext::default();
        context.set_reserve_scratch(true);
        Self { context }
    }
}

impl Encoder {
    /// Encodes a batch of [`schema`].
    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<Bytes, ArrowError> {
        if batch.num_rows() < MANY_ROWS {
            return encode(batch, &mut IpcWriteContext::default());
        }
        encode(batch, &mut self.context)
    }
}

fn encode(batch: &RecordBatch, context: &mut IpcWriteContext) -> Result<Bytes, ArrowError> {
    let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
    let mut dictionaries = DictionaryTracker::new(true);
    let (_, encoded) = IpcDataGenerator::default().encode(batch, &mut dictionaries, &options, context)?;

    let message_bytes = encoded.ipc_message.len().next_multiple_of(ALIGNMENT);
    let message_length = u32::try_from(message_bytes).map_err(|_| ArrowError::IpcError("message too long".into()))?;
    let mut head = Vec::with_capacity(HEADER_BYTES + message_bytes);
    head.extend_from_slice(&SCHEMA_VERSION.to_le_bytes());
    head.extend_from_slice(&[0; 6]);
    head.extend_from_slice(&message_length.to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&encoded.ipc_message);
    head.resize(HEADER_BYTES + message_bytes, 0);
    // Moved up in its own memory: a second buffer of this size would be fresh pages again.
    let mut blob = encoded.arrow_data;
    blob.splice(..0, head);
    let checksum = crc32fast::hash(&blob[CHECKED_FROM..]);
    blob[4..8].copy_from_slice(&checksum.to_le_bytes());
    Ok(Bytes::from(blob))
}

/// Decodes a blob, all columns or (`projection`, ascending column numbers) some. The columns share the blob's memory.
/// Whatever the bytes are, the answer is a valid batch or an error.
pub(crate) fn decode(blob: &Bytes, projection: Option<&[usize]>) -> Result<RecordBatch, BlobError> {
    let header = blob.get(..HEADER_BYTES).ok_or(BlobError::Short)?;
    let version = u16::from_le_bytes([header[0], header[1]]);
    if version != SCHEMA_VERSION {
        return Err(BlobError::Version(version));
    }
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if word(4) != crc32fast::hash(&blob[CHECKED_FROM..]) {
        return Err(BlobError::Checksum);
    }
    let body_at = usize::try_from(word(8)).ok().and_then(|n| n.checked_add(HEADER_BYTES)).ok_or(BlobError::Short)?;
    let message = blob.get(HEADER_BYTES..body_at).ok_or(BlobError::Short)?;
    decode_message(message, &blob.slice(body_at..), projection)
}

fn decode_message(message: &[u8], body: &Bytes, projection: Option<&[usize]>) -> Result<RecordBatch, BlobError> {
    let message = root_as_message(message).map_err(|e| BlobError::Message(e.to_string()))?;
    let wrong = |what: &str| BlobError::Message(what.to_owned());
    let header = message.header_as_record_batch().ok_or_else(|| wrong("it is not a record batch"))?;
    if header.compression().is_some() {
        return Err(wrong("it is compressed"));
    }
    check_bounds(&header, body.len()).map_err(wrong)?;
    let body = Buffer::from(body.clone());
    let (none, version) = (HashMap::new(), message.version());
    // Arrow's reader still panics on some contradictions between lengths. Behind the checksum only a wrong writer can
    // make those; but one bad group must not take the process down.
    let read = || arrow_ipc::reader::read_record_batch(&body, header, schema(), &none, projection, &version);
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(batch) => Ok(batch?),
        Err(_) => Err(wrong("its lengths contradict each other")),
    }
}

/// The reader slices without asking, and would panic: so every length and place is checked before.
fn check_bounds(header: &arrow_ipc::RecordBatch<'_>, body_bytes: usize) -> Result<(), &'static str> {
    let small = |n: i64| (0..=i64::from(i32::MAX)).contains(&n);
    if !small(header.length()) {
        return Err("its number of rows is impossible");
    }
    let nodes = header.nodes().ok_or("it has no columns")?;
    if nodes.iter().any(|n| !small(n.length()) || !(0..=n.length()).contains(&n.null_count())) {
        return Err("a column's length is impossible");
    }
    let inside = |b: &arrow_ipc::Buffer| {
        let (offset, length) = (usize::try_from(b.offset()).ok()?, usize::try_from(b.length()).ok()?);
        (offset.checked_add(length)? <= body_bytes).then_some(())
    };
    let buffers = header.buffers().ok_or("it has no buffers")?;
    if buffers.iter().all(|b| inside(b).is_some()) { Ok(()) } else { Err("a column lies outside the blob") }
}
