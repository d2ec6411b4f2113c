//! The preloaded library that watches and delays syncs; built with the machine's C compiler.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{root, run_quietly, target_dir};

/// Builds it when its source is newer than it.
pub(crate) fn build() -> Result<PathBuf, String> {
    let source = root().join("crates/xtask/shim/sync.c");
    let library = target_dir().join("real/libsync.so");
    let modified = |p: &PathBuf| std::fs::metadata(p).and_then(|m| m.modified()).ok();
    if modified(&library).is_some_and(|built| modified(&source).is_some_and(|written| written < built)) {
        return Ok(library);
    }
    if let Some(dir) = library.parent() {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o"]);
    run_quietly(command.arg(&library).arg(&source).arg("-ldl"))?;
    Ok(library)
}
