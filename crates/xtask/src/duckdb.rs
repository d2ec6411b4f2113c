//! DuckDB, which opens the segment files as any analyst's engine would, beside our own answers in the benchmark.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{run_quietly, target_dir};

/// The packages on PyPI. DuckDB needs `pytz` to give times with a zone, and does not say so to pip.
const PACKAGES: [&str; 2] = ["duckdb==2.0.0", "pytz==2025.2"];

/// Installs DuckDB's Python package into `target/real/duckdb` unless it is there; gives the folder for `PYTHONPATH`.
pub(crate) fn fetch() -> Result<PathBuf, String> {
    let folder = target_dir().join("real/duckdb");
    let stamp = folder.join("complete");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(folder);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    run_quietly(pip.args(["--upgrade", "--target"]).arg(&folder).args(PACKAGES))?;
    std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(folder)
}
