//! House rules that no lint knows.

use std::path::{Path, PathBuf};

use crate::run::{cargo, root, run_quietly};

/// Packages that must not come into the tree: second TLS stacks, and what needs more than a C compiler.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one provider of cryptography"),
    ("openssl-sys", "rustls with aws-lc-rs is the one TLS stack"),
    ("native-tls", "rustls with aws-lc-rs is the one TLS stack"),
    ("bindgen", "it needs libclang on the user's machine"),
    ("prost-build", "it needs protoc on the user's machine"),
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

fn banned_packages(found: &mut Vec<String>) -> Result<(), String> {
    // Not Cargo.lock: it also names optional packages that are never built.
    let mut tree = cargo();
    tree.args([
        "tree",
        "--workspace",
        "--locked",
        "--target",
        "all",
        "--edges",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let tree = run_quietly(&mut tree)?;
    for (name, why) in BANNED {
        if tree.lines().any(|line| line.split(' ').next() == Some(name)) {
            found.push(format!("the package {name} is in the dependency tree: {why}"));
        }
    }
    Ok(())
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
