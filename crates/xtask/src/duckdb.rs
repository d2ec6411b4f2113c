//! DuckDB, which opens the segment files as any analyst's engine would, beside our own answers in the benchmark.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{run_quietly, target_dir};

/// The version on PyPI.
const VERSION: &str = "2.0.0";

/// Installs DuckDB's Python package into `target/real/duckdb` unless it is there; gives the folder for `PYTHONPATH`.
pub(crate) fn fetch() -> Result<PathBuf, String> {
    let folder = target_dir().join("real/duckdb");
    let stamp = folder.join("complete");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == VERSION) {
        return Ok(folder);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    run_quietly(pip.args(["--upgrade", "--target"]).arg(&folder).arg(format!("duckdb=={VERSION}")))?;
    std::fs::write(&stamp, VERSION).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(folder)
}
