//! House rules that no lint knows.

use std::path::{Path, PathBuf};

use crate::run::{cargo, root, run_quietly};

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
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!("{name} has {lines} lines; split it ({FILE_LINES_MAX} at most)"));
    }
    Ok(())
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
