//! An export in Parquet as analysts open it: every reader that the documents name finds the same rows, times included.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::world::given;
use crate::world::service::{EVENTS, Service};

/// Each prints, for every event in its order, a line of JSON: `seq`, the microseconds of `timestamp`, `timestamp_ns`, `severity`,
/// `message`, the value of `zone` in `resource_metadata`, and the labels.
const READERS: [(&str, &str); 4] = [
    ("duckdb", include_str!("analysts/duckdb.py")),
    ("pyarrow", include_str!("analysts/pyarrow.py")),
    ("polars", include_str!("analysts/polars.py")),
    ("spark", include_str!("analysts/spark.py")),
];

async fn exported() -> (Service, PathBuf, Vec<Value>) {
    let service = Service::start().await;
    let events = json!([
        {"action": "a", "timestamp": "2026-11-22T10:00:00.123456789Z", "severity": "ERROR", "message": "Вход отклонён\n\"x\"",
         "resource": {"id": "r", "type": "vm", "metadata": {"zone": "ru-1", "size": "2"}}, "labels": ["urgent", "b"]},
        {"action": "b", "timestamp": "1970-01-01T00:00:00.000000001Z"},
    ]);
    let answer = service.post(EVENTS, &events).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let file = service.folder.path().join("events.parquet");
    let path = format!("{EVENTS}/export?format=parquet&order=asc&limit=2");
    let answer = service.request(reqwest::Method::GET, &path).send().await.unwrap();
    std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
    let rows = [
        json!([
            1,
            1_795_341_600_123_456_i64,
            1_795_341_600_123_456_789_i64,
            "ERROR",
            "Вход отклонён\n\"x\"",
            "ru-1",
            ["urgent", "b"]
        ]),
        json!([2, 0, 1, "DEFAULT", null, null, []]),
    ];
    (service, file, rows.to_vec())
}

fn read(reader: &str, package: &Path, file: &Path) -> Vec<Value> {
    let (_, script) = READERS.into_iter().find(|(name, _)| *name == reader).unwrap();
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", package).env("SPARK_LOCAL_IP", "127.0.0.1").env("TZ", "Asia/Kamchatka");
    let output = python.args(["-c", script]).arg(file).output().unwrap();
    assert!(output.status.success(), "{reader}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duckdb_pyarrow_and_polars_read_an_export() {
    let Some(package) = given("AUDITWIRE_TEST_ANALYSTS", "of exports in other readers of Parquet") else { return };
    let (_service, file, rows) = exported().await;
    for reader in ["duckdb", "pyarrow", "polars"] {
        assert_eq!(read(reader, &package, &file), rows, "{reader}");
    }
}

/// Only `cargo xtask spark` gets it: half a GB, and a minute to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spark_reads_an_export() {
    let Some(package) = std::env::var_os("AUDITWIRE_TEST_SPARK").map(PathBuf::from) else { return };
    let (_service, file, rows) = exported().await;
    assert_eq!(read("spark", &package, &file), rows);
}
