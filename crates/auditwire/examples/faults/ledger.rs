//! What receivers have parsed: a file that every incarnation appends to, one record per message with one write, so that a
//! SIGKILL loses nothing that was parsed. And what must hold of it in the end.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::Result;

/// Bytes of a record.
const SIZE: usize = 32;
/// `id` of a message that is not of the load.
pub(crate) const NO_ID: u64 = u64::MAX;

/// One message as a receiver parsed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Process of the receiver and link in it; grows with each link of a lane.
    pub(crate) link: u64,
    pub(crate) seq: u64,
    pub(crate) n: u64,
    /// The load's own number of the event.
    pub(crate) id: u64,
}

/// Appends one record. One small write to a file is in the kernel as a whole or not at all.
pub(crate) fn append(file: &mut File, record: Record) -> std::io::Result<()> {
    let mut bytes = [0; SIZE];
    for (place, value) in bytes.chunks_exact_mut(8).zip([record.link, record.seq, record.n, record.id]) {
        place.copy_from_slice(&value.to_le_bytes());
    }
    file.write_all(&bytes)
}

/// Everything parsed so far, in the order of parsing.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>> {
    let bytes = std::fs::read(path)?;
    let word = |record: &[u8], i: usize| {
        record.get(8 * i..8 * i + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    let records = bytes.chunks_exact(SIZE);
    Ok(records.map(|r| Record { link: word(r, 0), seq: word(r, 1), n: word(r, 2), id: word(r, 3) }).collect())
}

/// What a lane's records come to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Account {
    /// Accepted events that were never parsed, by their own number.
    pub(crate) missing: Vec<u64>,
    /// Messages that had been parsed before.
    pub(crate) repeated: u64,
    /// The most messages of one link that had been parsed before it began.
    pub(crate) repeated_most: u64,
    /// Events that came with two different numbers.
    pub(crate) renumbered: u64,
    /// Links that began behind what was to come next: a hole, at least for a while.
    pub(crate) holes: Vec<u64>,
    /// Places inside one link where `n` did not go on by one.
    pub(crate) disorder: u64,
    pub(crate) links: u64,
    pub(crate) parsed: u64,
}

impl Account {
    /// Draws it up. `accepted` are the numbers of the events that the service took, in ascending order.
    pub(crate) fn of(records: &[Record], accepted: &[u64]) -> Self {
        let mut account = Self { parsed: records.len() as u64, ..Self::default() };
        let (mut seen, mut newest): (Vec<u64>, u64) = (Vec::new(), 0);
        let mut ids = std::collections::HashSet::new();
        let mut last_n = std::collections::HashMap::new();
        let mut repeats: std::collections::HashMap<u64, u64> = std::collections::HashMap::new();
        for record in records {
            ids.insert(record.id);
            let at = usize::try_from(record.seq).unwrap_or(0);
            if at >= seen.len() {
                seen.resize(at + 1, 0);
            }
            match seen[at] {
                0 => seen[at] = record.n,
                n => {
                    account.repeated += 1;
                    *repeats.entry(record.link).or_default() += 1;
                    account.renumbered += u64::from(n != record.n);
                }
            }
            match last_n.insert(record.link, record.n) {
                None => {
                    account.links += 1;
                    if newest > 0 && record.n > newest + 1 {
                        account.holes.push(record.link);
                    }
                }
                Some(before) => account.disorder += u64::from(record.n != before + 1),
            }
            newest = newest.max(record.n);
        }
        account.missing = accepted.iter().filter(|id| !ids.contains(id)).copied().collect();
        account.repeated_most = repeats.values().copied().max().unwrap_or(0);
        account
    }
}
