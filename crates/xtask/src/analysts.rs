//! What analysts read Parquet with, from PyPI: DuckDB, pyarrow and polars for the tests and the benchmark, and Spark, which is
//! large and slow to start, for its own verb.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{cargo, run as execute, run_quietly, target_dir};

/// The packages. DuckDB needs `pytz` to give times with a zone, and does not say so to pip.
const READERS: &[&str] =
    &["duckdb==2.0.0", "pytz==2025.2", "pyarrow==26.0.1", "polars==2.1.0", "polars-runtime-32==2.1.0"];
/// Spark brings its own Java classes, but no Java.
const SPARK: &[&str] = &["pyspark==4.3.0", "py4j==0.10.9.9"];

/// Installs the small ones into `target/real/analysts` unless they are there; gives the folder for `PYTHONPATH`.
pub(crate) fn fetch() -> Result<PathBuf, String> {
    install(&target_dir().join("real/analysts"), READERS, &["--only-binary", ":all:"])
}

/// `spark`: the test of the files that Spark reads.
pub(crate) fn spark() -> Result<(), String> {
    let version = Command::new("java").arg("-version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        return Err(
            "Spark needs Java 17 or newer (`java` in PATH, such as Debian's openjdk-17-jre-headless)".to_owned()
        );
    }
    let folder = install(&target_dir().join("real/spark"), SPARK, &[])?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked", "--test", "it", "--", "analysts::spark"]);
    execute(command.env("AUDITWIRE_TEST_SPARK", folder))
}

fn install(folder: &Path, packages: &[&str], how: &[&str]) -> Result<PathBuf, String> {
    let stamp = folder.join("complete");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(folder.to_owned());
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]).args(how);
    run_quietly(pip.args(["--upgrade", "--target"]).arg(folder).args(packages))?;
    std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(folder.to_owned())
}
