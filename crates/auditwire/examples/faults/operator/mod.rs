//! Mistakes and mishaps of those who operate the service, made under load: nothing that was answered may be destroyed, and the
//! service says what is wrong while it is.
//!
//! Each mishap happens to a service of its own. What it accepted is known; what of it can be lost for good (events that lay
//! only in a store that was deleted) is found out beforehand.

mod clock;
mod folder;
mod restore;
mod world;

use std::collections::BTreeSet;
use std::process::Command;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::options::Options;
use world::World;

/// Tells that the process is in a namespace of its own.
const APART: &str = "FAULTS_APART";

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// `rm log.sqlite*` beside the files of sealed events.
    StoreDeleted,
    /// An older `log.sqlite` put back, after sealing and merging went on.
    OlderStore,
    /// A folder made by `store copy` under load is put into service.
    Copied,
    /// The file of the store has bytes flipped, and what can be read is rescued.
    Damaged,
    /// The clock is 800 days ahead for one life of the service.
    ClockAhead,
    /// The clock is an hour behind for one life of the service.
    ClockBehind,
    /// The lock file is deleted and a second process started.
    LockDeleted,
    /// The folder is moved away under the service.
    FolderMoved,
    /// Another volume is mounted over the folder.
    MountedOver,
    /// The volume fills up, and the service is started anew while it is full.
    VolumeFull,
    /// Signals that mean something else, or nothing.
    Signals,
}

const ALL: [Mishap; 11] = [
    Mishap::StoreDeleted,
    Mishap::OlderStore,
    Mishap::Copied,
    Mishap::Damaged,
    Mishap::ClockAhead,
    Mishap::ClockBehind,
    Mishap::LockDeleted,
    Mishap::FolderMoved,
    Mishap::MountedOver,
    Mishap::VolumeFull,
    Mishap::Signals,
];

/// In a mount namespace of its own, so that what is mounted over a folder is mounted for nobody else.
pub(crate) fn run(options: &Options) -> Result<()> {
    if std::env::var_os(APART).is_some() {
        return run_here(options);
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe()?).args(options.words());
    let status = command.env(APART, "1").status()?;
    if status.success() { Ok(()) } else { Err(format!("the operator's mishaps ended with {status}").into()) }
}

fn run_here(options: &Options) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let mut left = Vec::new();
    let (mut accepted, mut excused) = (0, 0);
    for n in 0..options.count_or(ALL.len()) {
        if left.is_empty() {
            // Each comes once before one comes twice.
            let wanted = |mishap: &Mishap| options.only.as_ref().is_none_or(|only| *only == format!("{mishap:?}"));
            left = ALL.into_iter().filter(wanted).collect();
            left.shuffle(&mut rng);
        }
        let Some(mishap) = left.pop() else { continue };
        let mut world = World::new(options, SmallRng::seed_from_u64(rng.random()))?;
        let happened = happen(mishap, &mut world).and_then(|lost| Ok((world.judge(&lost)?, lost.len())));
        let told = |e| format!("{mishap:?} (number {n}): {e}\n{}", world.service.log_end());
        let (count, lost) = happened.map_err(told)?;
        println!("{mishap:?}: {count} accepted, none missing but {lost} that had nowhere else to be");
        (accepted, excused) = (accepted + count, excused + lost);
    }
    println!("accepted {accepted}; {excused} lay only in what was deleted; nothing else is missing");
    Ok(())
}

fn happen(mishap: Mishap, world: &mut World) -> Result<BTreeSet<u64>> {
    match mishap {
        Mishap::StoreDeleted => restore::deleted(world),
        Mishap::OlderStore => restore::older(world),
        Mishap::Copied => restore::copied(world),
        Mishap::Damaged => restore::damaged(world),
        Mishap::ClockAhead => clock::wrong(world, "+800d"),
        Mishap::ClockBehind => clock::wrong(world, "-1h"),
        Mishap::LockDeleted => folder::lock_deleted(world),
        Mishap::FolderMoved => folder::moved(world),
        Mishap::MountedOver => folder::mounted_over(world),
        Mishap::VolumeFull => folder::full(world),
        Mishap::Signals => folder::signals(world),
    }
}
