//! Waiting for a condition with a limit.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::Result;

/// Waits until `condition` gives a value; fails with `what` after `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if begun.elapsed() > limit {
            return Err(format!("not within {limit:?}: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes a port as soon as it is free: for a moment after its last owner closed it, a process that is just being started may
/// still hold a copy.
pub(crate) fn when_free<T>(mut listen: impl FnMut() -> io::Result<T>) -> Result<T> {
    until("the port is free", Duration::from_secs(5), || match listen() {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(None),
        other => Ok(Some(other?)),
    })
}
