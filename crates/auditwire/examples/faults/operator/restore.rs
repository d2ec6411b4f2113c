//! Stores that are deleted, older than the files beside them, copied or damaged.

use std::collections::BTreeSet;

use rand::RngExt;

use super::world::{LIMIT, World, copy};
use crate::Result;

/// What of the store's file may lie beside it.
const STORE: [&str; 3] = ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"];

/// `rm log.sqlite*`: no start before somebody decided, and then everything that was in files is there.
pub(super) fn deleted(world: &mut World) -> Result<BTreeSet<u64>> {
    world.work()?;
    world.sealed()?;
    world.stop()?;
    let before = world.files()?;
    for file in STORE {
        let _ = std::fs::remove_file(world.service.data().join(file));
    }
    for _ in 0..2 {
        let (code, said) = world.service.refused(LIMIT)?;
        if code != Some(1) || !said.contains("auditwire store adopt") {
            return Err(format!("it ended with {code:?} and said: {said}").into());
        }
        world.vanished(&before)?;
    }
    world.verb(&["store", "adopt"], &[0, 1])?;
    world.vanished(&before)?;
    world.decide()?;
    world.service.live()?;
    world.says(200, "ready")?;
    world.work()?;
    Ok(BTreeSet::new())
}

/// An older store put back: it starts, keeps what it does not know aside, and takes it in when told to.
pub(super) fn older(world: &mut World) -> Result<BTreeSet<u64>> {
    world.work()?;
    world.stop()?;
    let (store, older) = (world.service.data().join("log.sqlite"), world.service.folder().join("older.sqlite"));
    copy(&store, &older)?;
    world.service.live()?;
    world.work()?;
    world.sealed()?;
    world.stop()?;
    let before = world.files()?;
    for file in STORE {
        let _ = std::fs::remove_file(world.service.data().join(file));
    }
    copy(&older, &store)?;
    world.service.live()?;
    world.says(200, "were set aside")?;
    world.alerts("files_unaccounted")?;
    world.vanished(&before)?;
    // Life goes on behind what was found.
    world.work()?;
    world.stop()?;
    world.verb(&["store", "inspect"], &[1])?;
    world.decide()?;
    world.service.live()?;
    world.says(200, "ready")?;
    Ok(BTreeSet::new())
}

/// A copy made under load is put into service: it holds at least what had been answered when the copy began.
pub(super) fn copied(world: &mut World) -> Result<BTreeSet<u64>> {
    world.work()?;
    let answered = world.found()?.len() as u64;
    world.post();
    world.some()?;
    let to = world.service.folder().join("copy");
    let to = to.to_str().ok_or("a path that is no text")?;
    world.verb(&["store", "copy", "--with-keys", "--to", to], &[0])?;
    world.some()?;
    world.quiet()?;
    world.stop()?;
    std::fs::rename(world.service.data(), world.service.folder().join("first"))?;
    std::fs::rename(to, world.service.data())?;
    let token = world.service.folder().join("first/operator.token");
    copy(&token, &world.service.data().join("operator.token"))?;
    world.service.live()?;
    world.says(200, "ready")?;
    let found = world.found()?;
    let dense = found.iter().copied().eq(0..found.len() as u64);
    if !dense || (found.len() as u64) < answered {
        return Err(
            format!("the copy holds {} events of at least {answered}, without holes: {dense}", found.len()).into()
        );
    }
    // What was answered later lies in the first folder only.
    Ok((found.len() as u64..world.accepted()).collect())
}

/// Where the records of API tokens lie. A digest that was altered is that of a token nobody has, and no rescue can know it: a person then
/// signs in by a link and makes another, and whoever judges here would be shut out.
fn token_records(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mark = b"\"sha256\":\"";
    let found = bytes.windows(mark.len()).enumerate().filter(|(_, window)| window == mark);
    found.map(|(at, _)| at.saturating_sub(RECORD)..at + RECORD).collect()
}

/// More than a token's record has before its digest and behind it, in bytes.
const RECORD: usize = 700;

/// Bytes of the store are flipped: what can be read is rescued, what lay in files is untouched.
pub(super) fn damaged(world: &mut World) -> Result<BTreeSet<u64>> {
    world.work()?;
    world.sealed()?;
    world.stop()?;
    let store = world.service.data().join("log.sqlite");
    let mut bytes = std::fs::read(&store)?;
    let spared = token_records(&bytes);
    for _ in 0..world.rng.random_range(1..40) {
        // Not the header: a file that is no database at all is another case.
        let at = world.rng.random_range(100..bytes.len());
        if !spared.iter().any(|record| record.contains(&at)) {
            bytes[at] ^= world.rng.random_range(1..=255_u8);
        }
    }
    std::fs::write(&store, bytes)?;
    let to = world.service.folder().join("rescued");
    let words = ["store", "rescue", "--to", to.to_str().ok_or("a path that is no text")?];
    let output = world.service.verb(&words)?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("rescue: {} {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let token = world.service.data().join("operator.token");
    std::fs::rename(world.service.data(), world.service.folder().join("damaged"))?;
    std::fs::rename(&to, world.service.data())?;
    if !token.exists() {
        copy(&world.service.folder().join("damaged/operator.token"), &token)?;
    }
    // The directory of the files may have been damaged, too: then they are found, and taken in.
    world.verb(&["store", "adopt"], &[0, 1])?;
    world.service.live()?;
    Ok(BTreeSet::new())
}
