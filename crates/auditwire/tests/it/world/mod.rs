//! What end-to-end tests need: the real binary, real receivers, and waiting for conditions with a limit.

pub(crate) mod real;
pub(crate) mod service;
pub(crate) mod sink;
pub(crate) mod tls;

use std::time::{Duration, Instant};

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
