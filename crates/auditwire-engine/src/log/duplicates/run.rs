//! A run: the ids of a stretch of a project's log as sorted hashes with their positions, cut into small parts, and a
//! filter that says which hashes cannot be in it. `docs/formats/store.md`, "Id runs", has the bytes.

use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use xorf::{BinaryFuse16, Descriptor, Filter};

use crate::store::{IdRun, StoreError};

const VERSION: u8 = 1;
/// Version, three zeros, CRC-32 of the rest.
const HEADER_BYTES: usize = 8;
/// Hash (u64) and position relative to the run's first (u32).
const ENTRY_BYTES: usize = 12;
/// A part holds about this many entries, 24 KB: what one look-up reads.
const PART_ENTRIES: usize = 2048;
const DESCRIPTOR_BYTES: usize = 20;

/// A hash of an id, and the position of the event that has it.
pub(super) type Entry = (u64, u64);

/// What a run covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: Position,
    pub(super) last: Position,
    pub(super) newest: Timestamp,
    pub(super) level: u8,
}

/// Builds a run. Takes some milliseconds for 100,000 entries: not for the committer's own task.
pub(super) fn build(project: ProjectId, extent: Extent, mut entries: Vec<Entry>) -> Result<IdRun, StoreError> {
    entries.sort_unstable();
    let mut hashes: Vec<u64> = entries.iter().map(|(hash, _)| *hash).collect();
    hashes.dedup();
    let filter = BinaryFuse16::try_from(&hashes).map_err(|e| StoreError::Failed(e.into()))?;

    let count = entries.len().div_ceil(PART_ENTRIES).next_power_of_two();
    let mut parts = vec![Vec::new(); count];
    for (hash, position) in entries {
        let offset = position.checked_sub(extent.first.0).and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.ok_or_else(|| StoreError::Failed("an id lies outside its run".into()))?;
        let part: &mut Vec<u8> = &mut parts[part_of(hash, count)];
        part.extend_from_slice(&hash.to_le_bytes());
        part.extend_from_slice(&offset.to_le_bytes());
    }
    let Extent { first, last, newest, level } = extent;
    let parts = parts.iter().map(|part| sealed(part)).collect();
    Ok(IdRun { project, first, last, newest, level, parts, filter: encode_filter(&filter) })
}

/// The part that holds a hash, if a run has `count` (a power of two) of them: its highest bits.
pub(super) fn part_of(hash: u64, count: usize) -> usize {
    match count.trailing_zeros() {
        0 => 0,
        bits => usize::try_from(hash >> (u64::BITS - bits)).unwrap_or(0),
    }
}

/// Positions of a hash in the part that would hold it.
pub(super) fn look_up(part: &Bytes, first: Position, hash: u64) -> Result<Vec<Position>, StoreError> {
    let entries = opened(part)?;
    let at = |i: usize| entry(&entries[i * ENTRY_BYTES..]);
    let (mut low, mut high) = (0, entries.len() / ENTRY_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        if at(middle).0 < hash { low = middle + 1 } else { high = middle }
    }
    let same = (low..entries.len() / ENTRY_BYTES).map(at).take_while(|(h, _)| *h == hash);
    Ok(same.map(|(_, offset)| Position(first.0 + offset)).collect())
}

/// All entries of a part.
pub(super) fn entries(part: &Bytes, first: Position) -> Result<impl Iterator<Item = Entry>, StoreError> {
    let entries = opened(part)?.chunks_exact(ENTRY_BYTES).map(entry);
    Ok(entries.map(move |(hash, offset)| (hash, first.0 + offset)))
}

fn entry(bytes: &[u8]) -> (u64, u64) {
    let (mut hash, mut offset) = ([0; 8], [0; 4]);
    hash.copy_from_slice(&bytes[..8]);
    offset.copy_from_slice(&bytes[8..ENTRY_BYTES]);
    (u64::from_le_bytes(hash), u64::from(u32::from_le_bytes(offset)))
}

fn encode_filter(filter: &BinaryFuse16) -> Bytes {
    let d = &filter.descriptor;
    let mut bytes = Vec::with_capacity(DESCRIPTOR_BYTES + filter.fingerprints.len() * 2);
    bytes.extend_from_slice(&d.seed.to_le_bytes());
    for n in [d.segment_length, d.segment_length_mask, d.segment_count_length] {
        bytes.extend_from_slice(&n.to_le_bytes());
    }
    bytes.extend(filter.fingerprints.iter().flat_map(|f| f.to_le_bytes()));
    sealed(&bytes)
}

/// A filter, checked so that asking it cannot go wrong.
pub(super) fn decode_filter(bytes: &Bytes) -> Result<BinaryFuse16, StoreError> {
    let bytes = opened(bytes)?;
    let damaged = || StoreError::Damaged("the filter of an id run".to_owned());
    let (head, fingerprints) = bytes.split_at_checked(DESCRIPTOR_BYTES).ok_or_else(damaged)?;
    let mut seed = [0; 8];
    seed.copy_from_slice(&head[..8]);
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let descriptor = Descriptor {
        seed: u64::from_le_bytes(seed),
        segment_length: word(8),
        segment_length_mask: word(12),
        segment_count_length: word(16),
    };
    let fingerprints: Box<[u16]> = fingerprints.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    let length = descriptor.segment_length;
    let sound = length.is_power_of_two()
        && descriptor.segment_length_mask == length - 1
        && descriptor.segment_count_length > 0
        && descriptor.segment_count_length.is_multiple_of(length)
        && fingerprints.len() as u64 >= u64::from(descriptor.segment_count_length) + 2 * u64::from(length);
    if sound { Ok(BinaryFuse16 { descriptor, fingerprints }) } else { Err(damaged()) }
}

/// True when the hash may be among those the filter was made of.
pub(super) fn may_hold(filter: &BinaryFuse16, hash: u64) -> bool {
    filter.contains(&hash)
}

fn sealed(content: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
    bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
    bytes.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    bytes.extend_from_slice(content);
    Bytes::from(bytes)
}

fn opened(bytes: &Bytes) -> Result<&[u8], StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("an id run: {what}"));
    let (header, content) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(|| damaged("it is too short"))?;
    if header[0] != VERSION {
        return Err(damaged("its version is unknown"));
    }
    let checksum = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if checksum == crc32fast::hash(content) { Ok(content) } else { Err(damaged("its checksum does not match")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(first: u64, last: u64) -> Extent {
        Extent { first: Position(first), last: Position(last), newest: Timestamp::EPOCH, level: 0 }
    }

    proptest! {
        #[test]
        fn every_entry_is_found_and_hardly_anything_else(
            hashes in prop::collection::vec(prop_oneof![4 => any::<u64>(), 1 => 0..5u64], 1..300),
            first in 1..1000u64,
            others in prop::collection::vec(any::<u64>(), 50),
        ) {
            let entries: Vec<Entry> = hashes.iter().zip(first..).map(|(hash, at)| (*hash, at)).collect();
            let run = build(ProjectId::system(), extent(first, first + 300), entries.clone()).unwrap();
            let filter = decode_filter(&run.filter).unwrap();
            for (hash, at) in &entries {
                prop_assert!(may_hold(&filter, *hash));
                let part = &run.parts[part_of(*hash, run.parts.len())];
                prop_assert!(look_up(part, run.first, *hash).unwrap().contains(&Position(*at)));
            }
            for other in others.iter().filter(|o| !hashes.contains(o)) {
                let part = &run.parts[part_of(*other, run.parts.len())];
                prop_assert!(look_up(part, run.first, *other).unwrap().is_empty());
            }
            let mut all: Vec<Entry> = Vec::new();
            for part in &run.parts {
                all.extend(super::entries(part, run.first).unwrap());
            }
            let mut expected = entries;
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn damage_is_told_never_a_panic(at in any::<prop::sample::Index>(), bit in 0..8u32, cut in any::<prop::sample::Index>()) {
            let run = build(ProjectId::system(), extent(1, 99), (1..99).map(|n| (n << 40, n)).collect()).unwrap();
            let mut filter = run.filter.to_vec();
            let at = at.index(filter.len());
            filter[at] ^= 1 << bit;
            // The three spare bytes are not covered by the checksum.
            prop_assert!(decode_filter(&Bytes::from(filter.clone())).is_err() || (1..4).contains(&at));
            filter.truncate(cut.index(filter.len()));
            prop_assert!(decode_filter(&Bytes::from(filter)).is_err());
            let mut part = run.parts[0].to_vec();
            part.truncate(cut.index(part.len()));
            prop_assert!(look_up(&Bytes::from(part), run.first, 7).is_err());
        }
    }

    #[test]
    fn parts_are_chosen_by_the_highest_bits() {
        assert_eq!(part_of(u64::MAX, 1), 0);
        assert_eq!(part_of(u64::MAX, 8), 7);
        assert_eq!(part_of(1 << 61, 8), 1);
        let run = build(
            ProjectId::system(),
            extent(1, 10_000),
            (1..10_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n)).collect(),
        );
        assert_eq!(run.unwrap().parts.len(), 8);
    }
}
