//! `cargo xtask fuzz`: the fuzz targets (`crates/auditwire-fuzz`) with libFuzzer, which coverage guides, on the stable compiler.
//!
//! rustc has LLVM's pass that counts coverage; it is switched on for our own crates only, by this very program standing between
//! cargo and rustc ([`compile`]), so that all packages of others are those of the tests and nothing is built twice. libFuzzer
//! is C++ and comes with the package `libfuzzer-sys`, behind a feature that nothing else switches on.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::run::{cargo, root, run as execute, run_quietly, target_dir};

/// Set where this program is to stand in for rustc.
pub(crate) const COMPILE: &str = "AUDITWIRE_XTASK_COMPILE";
/// How long one target is tried in CI, in seconds.
const SECONDS: u32 = 3;
/// One input may take so long, in seconds; on a busy machine, too.
const INPUT_SECONDS_MAX: u32 = 25;
/// What coverage is counted of.
const CRATES: [&str; 4] = ["auditwire_model", "auditwire_engine", "auditwire_server", "auditwire_fuzz"];
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Copt-level=1",
];

/// In the place of rustc: `args` are its path and its arguments.
pub(crate) fn compile(args: &[String]) -> String {
    let Some((rustc, rest)) = args.split_first() else { return "no compiler was named".to_owned() };
    let behind =
        |key: &str| rest.iter().zip(rest.iter().skip(1)).find(|(at, _)| *at == key).map(|(_, value)| value.as_str());
    let ours =
        behind("--crate-name").is_some_and(|name| CRATES.contains(&name)) && behind("--crate-type") == Some("lib");
    let mut command = Command::new(rustc);
    command.args(rest);
    if ours && !rest.iter().any(|arg| arg == "--test") {
        command.args(FLAGS);
    }
    command.exec().to_string()
}

/// In CI: a few seconds each, where a C++ compiler is.
pub(crate) fn in_ci() -> Result<(), String> {
    match compiler() {
        Ok(()) => run(&[]),
        Err(why) => {
            println!("not run: the fuzz targets with coverage ({why}); the tests have tried them without");
            Ok(())
        }
    }
}

fn compiler() -> Result<(), String> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    run_quietly(Command::new(&compiler).arg("--version"))
        .map(drop)
        .map_err(|_| format!("there is no C++ compiler {compiler}"))
}

/// `fuzz [TARGET …] [--seconds N]`.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (mut chosen, mut seconds) = (Vec::new(), SECONDS);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => {
                let said = args.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
                seconds = said.ok_or("--seconds is a number from 1")?;
            }
            name if !name.starts_with('-') => chosen.push(name.to_owned()),
            other => return Err(format!("unknown argument {other}; say targets and --seconds N")),
        }
    }
    compiler()?;
    let program = build()?;
    let all = run_quietly(Command::new(&program).env("AUDITWIRE_FUZZ_TARGET", "list"))?;
    let all: Vec<String> = all.lines().map(str::to_owned).collect();
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target {unknown}; there are {}", all.join(", ")));
    }
    let targets = if chosen.is_empty() { all } else { chosen };
    println!("fuzzing {} targets for {seconds} s each", targets.len());
    let broken = side_by_side(&targets, |target| one(&program, target, seconds));
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

/// The features are those of all tests, so that the packages of others are built once for both.
fn build() -> Result<PathBuf, String> {
    let wrapper = std::env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let mut build = cargo();
    build.args(["build", "--workspace", "--locked", "--example", "coverage", "--features", "auditwire-fuzz/coverage"]);
    execute(build.env("RUSTC_WORKSPACE_WRAPPER", wrapper).env(COMPILE, "1"))?;
    Ok(target_dir().join("debug/examples/coverage"))
}

/// As many at once as there are processors; what failed is told.
fn side_by_side(targets: &[String], one: impl Fn(&str) -> Result<(), String> + Sync) -> Vec<String> {
    let left = Mutex::new(targets.iter());
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            let (left, one, tell) = (&left, &one, tell.clone());
            scope.spawn(move || {
                let next = || left.lock().ok().and_then(|mut left| left.next());
                while let Some(target) = next() {
                    if let Err(why) = one(target) {
                        let _ = tell.send(why);
                    }
                }
            });
        }
    });
    drop(tell);
    told.iter().collect()
}

/// The corpus grows from run to run in `target/fuzz`; seeds are written anew, crashes come from the repository.
fn one(program: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let folder = target_dir().join("fuzz").join(target);
    let (corpus, seeds) = (folder.join("corpus"), folder.join("seeds"));
    for folder in [&corpus, &seeds] {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let words = folder.join("seeds.words");
    let mut command = Command::new(program);
    command.env("AUDITWIRE_FUZZ_TARGET", target).env("AUDITWIRE_FUZZ_SEEDS", &seeds);
    command.args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_SECONDS_MAX}")]);
    command.args(["-rss_limit_mb=4096", "-max_len=65536", "-use_value_profile=1", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", folder.display())).arg(format!("-dict={}", words.display()));
    command.arg(&corpus).arg(&seeds);
    let crashes = root().join("crates/auditwire-fuzz/tests/crashes").join(target);
    if crashes.is_dir() {
        command.arg(&crashes);
    }
    let output = command.output().map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let number =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
        let covered = text.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next());
        let (runs, covered) = (number("stat::number_of_executed_units:"), covered.unwrap_or("?"));
        println!("{target:>12}: {runs} inputs, {covered} places reached");
        return Ok(());
    }
    let last: Vec<&str> = text.lines().rev().take(30).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("{target} is broken; mend it and keep the input in {}:\n{}", crashes.display(), last.join("\n")))
}
