//! What a segment says about its own bytes beyond Parquet, in the file's metadata: a checksum of every page and filter,
//! which bytes the texts of a chunk consist of, and a checksum of the end of the file.

use bytes::Bytes;
use parquet::basic::Type;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData, RowGroupMetaData};

/// Key of the notes of a row group, followed by its number.
const GROUP_KEY: &str = "auditwire.row_group.";
/// Key of the checksum of the end of the file.
const END_KEY: &str = "auditwire.end";
/// Its value: where the end begins (16 hex digits) and its CRC-32 (8), computed with zeros in this place.
const END_DIGITS: usize = 24;

/// Which bytes occur in the texts of a chunk, ASCII letters as small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Alphabet(pub(super) [u64; 4]);

impl Alphabet {
    /// Adds the bytes of some texts.
    pub(super) fn add(&mut self, texts: &[u8]) {
        let mut seen = [false; 256];
        texts.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        for (byte, seen) in (0_u8..=255).zip(seen) {
            if seen {
                let byte = usize::from(byte.to_ascii_lowercase());
                self.0[byte / 64] |= 1 << (byte % 64);
            }
        }
    }

    /// True if the texts have this byte (a small letter).
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte) / 64] >> (byte % 64) & 1 == 1
    }

    /// True if no text has a byte outside ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.0[2] | self.0[3] == 0
    }
}

/// A run of bytes of the file that is read as a whole, and its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) crc: u32,
}

/// The notes of one row group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GroupNotes {
    /// Every page and filter, by offset.
    pub(super) pieces: Vec<Piece>,
    /// Per leaf column; only texts have one.
    pub(super) alphabets: Vec<Option<Alphabet>>,
}

/// The pages and filters of a row group, in the order in which their checksums are noted.
fn places(group: &RowGroupMetaData, data_pages: &[Vec<u32>]) -> Option<Vec<(u64, u32)>> {
    let mut places = Vec::new();
    for (chunk, pages) in group.columns().iter().zip(data_pages) {
        let (start, length) = byte_range(chunk)?;
        let data: u64 = pages.iter().map(|length| u64::from(*length)).sum();
        let dictionary = u32::try_from(length.checked_sub(data)?).ok()?;
        let mut at = start;
        for length in (dictionary > 0).then_some(dictionary).iter().chain(pages) {
            places.push((at, *length));
            at = at.checked_add(u64::from(*length))?;
        }
    }
    for chunk in group.columns() {
        if let (Some(offset), Some(length)) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length()) {
            places.push((u64::try_from(offset).ok()?, u32::try_from(length).ok()?));
        }
    }
    Some(places)
}

/// Where a chunk begins and how long it is; `None` for numbers below zero, at which Parquet's own function panics.
fn byte_range(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    Some((u64::try_from(start).ok()?, u64::try_from(chunk.compressed_size()).ok()?))
}

/// The lengths of the data pages of each chunk.
pub(super) fn data_pages<'a>(
    pages: impl Iterator<Item = &'a [parquet::file::page_index::offset_index::PageLocation]>,
) -> Option<Vec<Vec<u32>>> {
    pages.map(|pages| pages.iter().map(|page| u32::try_from(page.compressed_page_size).ok()).collect()).collect()
}

/// The notes of a row group that has just been written, as metadata. `bytes` gives the file's bytes at a place.
pub(super) fn write<'b>(
    number: usize,
    group: &RowGroupMetaData,
    data_pages: &[Vec<u32>],
    alphabets: &[Alphabet],
    bytes: impl Fn(u64, u32) -> Option<&'b [u8]>,
) -> Option<KeyValue> {
    let mut value = Vec::new();
    for (offset, length) in places(group, data_pages)? {
        value.extend_from_slice(&crc32fast::hash(bytes(offset, length)?).to_be_bytes());
    }
    for (chunk, alphabet) in group.columns().iter().zip(alphabets) {
        if chunk.column_type() == Type::BYTE_ARRAY {
            alphabet.0.iter().for_each(|word| value.extend_from_slice(&word.to_be_bytes()));
        }
    }
    Some(KeyValue::new(format!("{GROUP_KEY}{number}"), hex::encode(value)))
}

/// The notes of all row groups.
pub(super) fn read(metadata: &ParquetMetaData) -> Option<Vec<GroupNotes>> {
    let values = metadata.file_metadata().key_value_metadata()?;
    let index = metadata.page_index()?;
    let mut notes = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let key = format!("{GROUP_KEY}{number}");
        let value = values.iter().find(|entry| entry.key == key)?.value.as_ref()?;
        let value = hex::decode(value).ok()?;
        let locations: Option<Vec<_>> = (0..group.num_columns())
            .map(|leaf| Some(index.offset_index(number, leaf)?.page_locations().as_slice()))
            .collect();
        let places = places(group, &data_pages(locations?.into_iter())?)?;
        let (crcs, mut rest) = value.split_at_checked(places.len().checked_mul(4)?)?;
        let crcs = crcs.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
        let mut pieces: Vec<Piece> =
            places.into_iter().zip(crcs).map(|((offset, length), crc)| Piece { offset, length, crc }).collect();
        pieces.sort_unstable_by_key(|piece| piece.offset);
        let mut alphabets = Vec::with_capacity(group.num_columns());
        for chunk in group.columns() {
            alphabets.push(match chunk.column_type() {
                Type::BYTE_ARRAY => {
                    let (words, left) = rest.split_at_checked(32)?;
                    rest = left;
                    let mut alphabet = Alphabet::default();
                    for (word, bytes) in alphabet.0.iter_mut().zip(words.as_chunks::<8>().0) {
                        *word = u64::from_be_bytes(*bytes);
                    }
                    Some(alphabet)
                }
                _ => None,
            });
        }
        if !rest.is_empty() {
            return None;
        }
        notes.push(GroupNotes { pieces, alphabets });
    }
    Some(notes)
}

/// The place for the checksum of the file's end, to be filled by [`stamp`]; the last entry of the metadata.
pub(super) fn blank_end() -> KeyValue {
    KeyValue::new(END_KEY.to_owned(), "0".repeat(END_DIGITS))
}

/// Where the digits of the end's checksum are.
fn digits_at(end: &[u8]) -> Option<usize> {
    // The entry is the key, a field's header, the value's length, the value.
    let key = memchr::memmem::rfind(end, END_KEY.as_bytes())?;
    let at = key + END_KEY.len() + 2;
    (end.len() >= at + END_DIGITS).then_some(at)
}

/// Blanks the place for the checksum again, as [`blank_end`] made it.
pub(super) fn blank(end: &mut [u8]) {
    if let Some(at) = digits_at(end)
        && let Some(digits) = end.get_mut(at..at + END_DIGITS)
    {
        digits.fill(b'0');
    }
}

/// Fills in the checksum of `end`, the file's bytes from `offset` on.
pub(super) fn stamp(end: &mut [u8], offset: u64) -> Option<()> {
    let at = digits_at(end)?;
    let digits = format!("{offset:016x}{:08x}", crc32fast::hash(end));
    end.get_mut(at..at + END_DIGITS)?.copy_from_slice(digits.as_bytes());
    Some(())
}

/// Where the checked end of the file begins, told by some of its last bytes.
pub(super) fn end_from(last: &[u8]) -> Option<u64> {
    let at = digits_at(last)?;
    u64::from_str_radix(std::str::from_utf8(&last[at..at + 16]).ok()?, 16).ok()
}

/// True if `end` has the checksum it says.
pub(super) fn end_is_sound(end: &Bytes) -> bool {
    let Some(at) = digits_at(end) else { return false };
    let noted = std::str::from_utf8(&end[at + 16..at + END_DIGITS]).ok().and_then(|t| u32::from_str_radix(t, 16).ok());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&end[..at]);
    crc.update(&[b'0'; END_DIGITS]);
    crc.update(&end[at + END_DIGITS..]);
    noted == Some(crc.finalize())
}
