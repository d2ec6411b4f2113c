//! The driver that coverage guides: libFuzzer over the target that `AUDITWIRE_FUZZ_TARGET` names. `cargo xtask fuzz` builds it with
//! the counters that it follows, and starts it; `-h` tells libFuzzer's own options.
#![no_main]

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, OnceLock, PoisonError};

use auditwire_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

/// What the last panic said. Some are caught by the readers themselves, so none is printed before it is known to be a defect.
static SAID: Mutex<String> = Mutex::new(String::new());

fuzz_target!(init: begin(), |bytes: &[u8]| run(bytes));

fn begin() {
    // In the place of libfuzzer-sys's, which ends the process also at a panic that a reader catches.
    std::panic::set_hook(Box::new(|panic| *SAID.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string()));
    if std::env::var("AUDITWIRE_FUZZ_TARGET").is_ok_and(|name| name == "list") {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    }
    if let Some(folder) = std::env::var_os("AUDITWIRE_FUZZ_SEEDS") {
        let target = target();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(std::path::Path::new(&folder).join(format!("seed-{number}")), seed)
                .expect("a seed is written");
        }
        // libFuzzer refuses an empty list.
        let words = if target.words.is_empty() { &["\0"] } else { target.words };
        let words: String = words.iter().map(|word| format!("\"{}\"\n", quoted(word))).collect();
        std::fs::write(std::path::Path::new(&folder).with_extension("words"), words).expect("the words are written");
    }
}

/// As libFuzzer's dictionaries have it.
fn quoted(word: &str) -> String {
    word.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn target() -> &'static Target {
    static CHOSEN: OnceLock<&Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var("AUDITWIRE_FUZZ_TARGET").unwrap_or_default();
        let all: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        auditwire_fuzz::target(&name).unwrap_or_else(|| panic!("AUDITWIRE_FUZZ_TARGET is one of {all:?}"))
    })
}

fn run(bytes: &[u8]) {
    let target = target();
    if std::panic::catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        eprintln!("{} is broken: {}", target.name, SAID.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
}
