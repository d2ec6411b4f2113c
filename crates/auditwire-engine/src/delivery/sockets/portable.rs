//! In the place of what only Linux has: it does not know. Compiled for tests on Linux, too, so that it stays whole.

use std::io;
use std::os::fd::BorrowedFd;

use super::PathInfo;

/// Not told.
pub(super) fn unacknowledged(_: BorrowedFd<'_>) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told.
pub(super) fn path_info(_: BorrowedFd<'_>) -> io::Result<PathInfo> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Keepalive has the system's own times.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux has its own"))]
pub(super) fn prepare_tcp(_: BorrowedFd<'_>) -> io::Result<()> {
    Ok(())
}

/// ICMP errors come on connected sockets without being asked for.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux has its own"))]
pub(super) fn prepare_udp(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Ok(())
}

/// There is no queue of errors.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux has its own"))]
pub(super) fn drain_errors(_: BorrowedFd<'_>) {}
