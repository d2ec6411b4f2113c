//! House rules that no lint knows.

use std::path::{Path, PathBuf};

use crate::run::{cargo, root, run_quietly};

/// What begins tasks, threads and blocking work. Only `engine/tasks` may, because its table says what a panic means: elsewhere
/// one that ends is missed by nobody. A lint would ask the same of tests, which may.
const BEGINS: &[&str] = &[
    "tokio::spawn(",
    "task::spawn(",
    "spawn_blocking(",
    "thread::spawn(",
    "thread::Builder",
    "JoinSet",
    "TaskTracker",
    "ThreadPoolBuilder",
];

/// Files that may nevertheless, and why.
const MAY_BEGIN: &[(&str, &str)] = &[
    ("auditwire-engine/src/tasks/mod.rs", "this is the place"),
    ("auditwire-engine/src/engine.rs", "holds what tasks begin, so that closing waits for it; each is caught"),
    (
        "auditwire-engine/src/log/segment/pool.rs",
        "the threads that decode catch each job's panic and tell who waits for it",
    ),
    (
        "auditwire-engine/src/delivery/tls/roots.rs",
        "nobody waits for the thread that reads the system's certificates: whoever needs them reads them itself",
    ),
    ("auditwire-server/src/listen/accept.rs", "counts connections so that draining waits for them; each is caught"),
    ("auditwire-server/src/doors/syslog.rs", "a fixture of the benchmark: no setting opens it"),
    ("auditwire/src/receive/listen.rs", "a verb that plays the receiver; no service"),
    ("auditwire/src/receive/mod.rs", "a verb that plays the receiver; no service"),
    ("auditwire/src/demo/mod.rs", "a verb that ends with its account and waits for the service in it"),
];

/// Lines above which a source file no longer reads from top to bottom.
const FILE_LINES_MAX: usize = 600;

/// All rules; every violation is reported together.
pub(crate) fn check() -> Result<(), String> {
    let mut found = Vec::new();
    banned_packages(&mut found)?;
    for file in sources(&root().join("crates"))? {
        source_file(&file, &mut found)?;
    }
    if found.is_empty() { Ok(()) } else { Err(format!("house rules are broken:\n  {}", found.join("\n  "))) }
}

/// The bans of `deny.toml`, without cargo-deny: it takes a while to be had, and a second TLS stack must not wait for it.
fn banned_packages(found: &mut Vec<String>) -> Result<(), String> {
    // Not Cargo.lock: it also names optional packages that are never built.
    let mut tree = cargo();
    let all = ["--target", "all", "--edges", "all", "--prefix", "none", "--format", "{p}"];
    let tree = run_quietly(tree.args(["tree", "--workspace", "--locked"]).args(all))?;
    for (name, why) in bans(&read(&root().join("deny.toml"))?)? {
        if tree.lines().any(|line| line.split(' ').next() == Some(&name)) {
            found.push(format!("the package {name} is in the dependency tree: {why}"));
        }
    }
    Ok(())
}

/// Names and reasons under `bans.deny`.
fn bans(deny: &str) -> Result<Vec<(String, String)>, String> {
    let deny: toml::Table = deny.parse().map_err(|e| format!("deny.toml: {e}"))?;
    let list = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(toml::Value::as_array);
    let text = |ban: &toml::Value, key| ban.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let pair = |ban| text(ban, "crate").zip(text(ban, "reason"));
    let bans = list.into_iter().flatten().map(pair).collect::<Option<Vec<_>>>();
    bans.filter(|bans| !bans.is_empty()).ok_or_else(|| "deny.toml: each of bans.deny names crate and reason".to_owned())
}

fn source_file(file: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let text = read(file)?;
    let name = file.strip_prefix(root()).unwrap_or(file).display();
    // A `tests.rs` is the tests of the module that it lies beside, and says nothing new with a paragraph.
    let tests = file.file_name().is_some_and(|n| n == "tests.rs");
    if !tests && !text.starts_with("//!") {
        found.push(format!("{name} does not open with a paragraph that says what it is for (//!)"));
    }
    begins_nothing(&name.to_string(), &text, found);
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!("{name} has {lines} lines; split it ({FILE_LINES_MAX} at most)"));
    }
    Ok(())
}

/// Tests may begin what they like: they lie in files and folders of that name, or at the end of a file.
fn begins_nothing(name: &str, text: &str, found: &mut Vec<String>) {
    let of_tests = |part: &str| matches!(part, "tests" | "tests.rs" | "examples" | "contract.rs" | "fixtures.rs");
    let listed = MAY_BEGIN.iter().any(|(file, _)| name.strip_prefix("crates/") == Some(*file));
    if listed || name.starts_with("crates/xtask/") || name.split('/').any(of_tests) {
        return;
    }
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    for (number, line) in product.lines().enumerate() {
        if !line.trim_start().starts_with("//")
            && let Some(what) = BEGINS.iter().find(|what| line.contains(**what))
        {
            let number = number + 1;
            found.push(format!("{name}:{number} uses `{what}`: begin it through engine/tasks, or list the file in xtask/src/tidy.rs with the reason"));
        }
    }
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|x| x == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bans_are_those_of_deny_toml() {
        let bans = bans(&read(&root().join("deny.toml")).unwrap()).unwrap();
        for name in ["ring", "openssl-sys", "native-tls", "bindgen"] {
            assert!(bans.iter().any(|(banned, _)| banned == name), "{name}: {bans:?}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_no_empty_list() {
        for text in ["", "[bans]\ndeny = []", "[bans]\ndeny = [\"ring\"]", "[bans]\ndeny = [{ crate = \"ring\" }]", "["]
        {
            assert!(bans(text).is_err(), "{text}");
        }
    }
}
