//! Runs one target over crashes, seeds and mutants, and counts the memory of each.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use auditwire_fuzz::mutate::Mutator;
use auditwire_fuzz::{Target, target as find};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One target at a time: the memory is counted of the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Inputs made of each target's seeds; all targets together take some seconds.
const RUNS: usize = 2000;
const SEED: u64 = 0x0A0D_1712_2026;

/// Where what once broke something lies, a folder for each target.
pub(crate) fn crashes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes")
}

fn asked<T: std::str::FromStr>(variable: &str, usual: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub(crate) fn target(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let target = find(name).expect("a target");
    let (seed, runs) = (asked("AUDITWIRE_FUZZ_SEED", SEED), asked("AUDITWIRE_FUZZ_RUNS", RUNS));
    println!("AUDITWIRE_FUZZ_SEED={seed} AUDITWIRE_FUZZ_RUNS={runs}");
    for file in std::fs::read_dir(crashes().join(name)).into_iter().flatten().flatten() {
        one(target, &std::fs::read(file.path()).expect("a crash is read"));
    }
    (target.seeds)().iter().for_each(|seed| one(target, seed));
    one(target, b"");
    let mut mutator = Mutator::new(target, seed);
    for run in 0..runs {
        let input = mutator.next_input();
        one(target, &input);
        if run % 16 == 0 {
            mutator.keep(input);
        }
    }
}

/// Tries one input; one that breaks the target is kept beside the build, to be moved to the crashes.
fn one(target: &Target, input: &[u8]) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let taken = MEMORY.peak_usage().saturating_sub(before);
    if outcome.is_ok() && taken <= target.memory_max {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crashes").join(target.name);
    let file = folder.join(format!("{:08x}", crc32fast::hash(input)));
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input)).expect("the input is kept");
    let shown: String = input.iter().take(400).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    panic!(
        "{} is broken by {} bytes in {} (it took {taken} bytes of memory, {} are allowed): {shown}\nMend it and move the file to {}.",
        target.name,
        input.len(),
        file.display(),
        target.memory_max,
        crashes().join(target.name).display()
    );
}
