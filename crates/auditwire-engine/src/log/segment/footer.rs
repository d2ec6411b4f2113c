//! The footer of a segment: where everything lies. Read once, checked, and kept while there is room.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parking_lot::Mutex;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use super::layout::{EVENT_COLUMNS, PAGE_ROWS, VERSION, VERSION_KEY, leaves, parquet_schema};
use super::notes::{self, GroupNotes};

/// Read at once from the end of a file: the footers of all but the largest segments fit.
pub(super) const END_BYTES: u64 = 128 << 10;
/// Memory for footers.
const CACHE_BYTES: usize = 64 << 20;

/// What a segment says about itself.
#[derive(Debug)]
pub(crate) struct Footer {
    /// The object's name, for errors.
    pub(super) name: String,
    /// Length of the file.
    pub(super) size: u64,
    pub(super) metadata: Arc<ParquetMetaData>,
    /// Texts as they are.
    pub(super) plain: ArrowReaderMetadata,
    /// Texts as numbers into a dictionary.
    pub(super) numbered: ArrowReaderMetadata,
    /// Per row group.
    pub(super) notes: Vec<GroupNotes>,
    /// First row of each row group, and the number of rows.
    pub(super) starts: Vec<u64>,
    /// What it holds in memory.
    bytes: usize,
}

/// A footer, or where its bytes begin when more of them are needed.
pub(super) enum Parsed {
    Footer(Arc<Footer>),
    From(u64),
}

impl Footer {
    /// Reads a footer from the last bytes of a file of `size` bytes.
    pub(super) fn parse(name: &str, size: u64, last: Bytes) -> Result<Parsed, String> {
        let from = notes::end_from(&last).ok_or("its end is not that of a segment")?;
        let Some(skipped) = (size.checked_sub(last.len() as u64)).and_then(|start| from.checked_sub(start)) else {
            return if from < size {
                Ok(Parsed::From(from))
            } else {
                Err("its end is not that of a segment".to_owned())
            };
        };
        let end = usize::try_from(skipped).ok().filter(|at| *at <= last.len()).map(|at| last.slice(at..));
        let end = end.filter(notes::end_is_sound).ok_or("the checksum of its end does not match")?;
        let metadata = Arc::new(decode(size, from, end).map_err(|e| format!("its end cannot be read: {e}"))?);
        let version = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let version = version.filter(|entry| entry.key == VERSION_KEY).find_map(|entry| entry.value.as_deref());
        if version != Some(VERSION) {
            let version = version.unwrap_or("none");
            return Err(format!("its format version is {version}; this program reads version {VERSION}"));
        }
        let expected = parquet_schema().map_err(|e| e.to_string())?;
        if expected.root_schema() != metadata.file_metadata().schema() {
            return Err("its columns are not those of a segment".to_owned());
        }
        let notes = notes::read(&metadata).ok_or("the checksums of its pages cannot be read")?;
        let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options()).map_err(|e| e.to_string())?;
        let numbered = options().with_schema(Arc::new(numbered(plain.schema())));
        let numbered = ArrowReaderMetadata::try_new(Arc::clone(&metadata), numbered).map_err(|e| e.to_string())?;
        let mut starts = vec![0_u64];
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).map_err(|e| e.to_string())?;
            starts.push(starts.last().and_then(|start| start.checked_add(rows)).ok_or("it has too many rows")?);
        }
        let pieces: usize = notes.iter().map(|n| n.pieces.len() * 16 + n.alphabets.len() * 40).sum();
        let bytes = metadata.memory_size() + pieces;
        Ok(Parsed::Footer(Arc::new(Self {
            name: name.to_owned(),
            size,
            metadata,
            plain,
            numbered,
            notes,
            starts,
            bytes,
        })))
    }

    /// How many rows a row group has.
    pub(super) fn group_rows(&self, group: usize) -> usize {
        let rows = self.starts.get(group + 1).zip(self.starts.get(group)).map(|(end, start)| end - start);
        rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or_default()
    }

    /// True if all pages of a chunk hold numbers into its dictionary.
    pub(super) fn is_numbered(&self, group: usize, leaf: usize) -> bool {
        let chunk = self.metadata.row_group(group).column(leaf);
        chunk.dictionary_page_offset().is_some()
            && chunk
                .page_encoding_stats_mask()
                .is_some_and(|mask| mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY))
    }

    /// About how many rows of these columns take `bytes` bytes when they are decoded; whole pages, if that is more than one.
    pub(super) fn rows_in(&self, group: usize, columns: &[usize], bytes: usize) -> usize {
        let chunks = columns.iter().flat_map(|column| leaves(*column));
        let chunks = chunks.map(|leaf| self.metadata.row_group(group).column(leaf));
        let size = |chunk: &ColumnChunkMetaData| {
            let texts = chunk.unencoded_byte_array_data_bytes().unwrap_or_default();
            chunk.uncompressed_size().max(texts.saturating_add(chunk.num_values().saturating_mul(8)))
        };
        let all = chunks.map(size).fold(0, i64::saturating_add);
        let row = usize::try_from(all).unwrap_or(usize::MAX) / self.group_rows(group).max(1);
        let rows = (bytes / row.max(1)).max(1);
        if rows > PAGE_ROWS { rows - rows % PAGE_ROWS } else { rows }
    }

    /// How many rows the segment has.
    pub(super) fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }
}

fn decode(size: u64, from: u64, end: Bytes) -> Result<ParquetMetaData, ParquetError> {
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Required);
    decoder.push_range(from..size, end)?;
    match decoder.try_decode()? {
        DecodeResult::Data(metadata) => Ok(metadata),
        _ => Err(ParquetError::General("it lies outside the checked end".to_owned())),
    }
}

/// The schema with every text column as a dictionary.
fn numbered(schema: &Schema) -> Schema {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let numbered = |(at, field): (usize, &Arc<Field>)| match field.data_type() {
        DataType::Utf8 if at <= EVENT_COLUMNS => Arc::new(field.as_ref().clone().with_data_type(text.clone())),
        _ => Arc::clone(field),
    };
    Schema::new(schema.fields().iter().enumerate().map(numbered).collect::<Vec<_>>())
}

/// Footers used last.
#[derive(Debug, Default)]
pub(super) struct Footers {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// With the count of uses at which each was used last.
    footers: HashMap<String, (Arc<Footer>, u64)>,
    bytes: usize,
    uses: u64,
}

impl Footers {
    pub(super) fn get(&self, name: &str) -> Option<Arc<Footer>> {
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let uses = kept.uses;
        let (footer, used) = kept.footers.get_mut(name)?;
        *used = uses;
        Some(Arc::clone(footer))
    }

    pub(super) fn put(&self, footer: &Arc<Footer>) {
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let entry = (Arc::clone(footer), kept.uses);
        kept.bytes += footer.bytes;
        if let Some((old, _)) = kept.footers.insert(footer.name.clone(), entry) {
            kept.bytes -= old.bytes;
        }
        while kept.bytes > CACHE_BYTES && kept.footers.len() > 1 {
            let oldest = kept.footers.iter().min_by_key(|(_, (_, used))| *used).map(|(name, _)| name.clone());
            let Some((old, _)) = oldest.and_then(|name| kept.footers.remove(&name)) else { break };
            kept.bytes -= old.bytes;
        }
    }

    pub(super) fn forget(&self, name: &str) {
        let mut kept = self.kept.lock();
        if let Some((old, _)) = kept.footers.remove(name) {
            kept.bytes -= old.bytes;
        }
    }
}
