//! What end-to-end tests need: the real binary, real receivers, and waiting for conditions with a limit.

pub(crate) mod browser;
pub(crate) mod console;
pub(crate) mod failure;
pub(crate) mod gate;
pub(crate) mod real;
pub(crate) mod service;
pub(crate) mod sink;
pub(crate) mod tls;
pub(crate) mod visitor;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A path that the test command provides; `None` (said aloud) when this run does without, which `--real=require` forbids.
pub(crate) fn given(variable: &str, suite: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    let required = std::env::var_os("AUDITWIRE_TEST_REAL_REQUIRED").is_some();
    assert!(path.is_some() || !required, "{suite} needs {variable}");
    if path.is_none() {
        println!("not run: {suite} (start it with `cargo xtask test`)");
    }
    path
}

/// Waits until `condition` gives a value; panics with `what` after `limit`.
pub(crate) async fn eventually<T>(what: &str, limit: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
