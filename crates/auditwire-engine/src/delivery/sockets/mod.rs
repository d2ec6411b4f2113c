//! The socket calls that the standard library lacks: what the peer has acknowledged, how the path fares, keepalive, and
//! closing one direction. The only files with `unsafe` are here.
//!
//! What only Linux has is in `linux`; on other systems `portable` stands in its place and says that it does not know. Delivery asks
//! each socket once what it can tell and falls back (`delivery/measure`). On Linux that is too old for an option: without the
//! peer's window in `TCP_INFO` (before 5.4) [`WINDOW_UNKNOWN`] is assumed, without `TCP_RTO_MAX_MS` (before 6.15) retransmissions
//! may back off further, and the dead-path rules still hold because they read time, not retransmissions.
#![expect(
    unsafe_code,
    reason = "ioctl, getsockopt, setsockopt and shutdown have no safe form here; this file wraps them"
)]

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

/// Assumed as the peer's window when the kernel does not tell it: the largest that an untuned Linux receiver advertises.
pub(crate) const WINDOW_UNKNOWN: u64 = 6 << 20;

/// The state of a TCP path, from `TCP_INFO` (`struct tcp_info` in linux/tcp.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathInfo {
    /// `TCP_CLOSE`: both directions are closed and our FIN is acknowledged, or the connection was reset.
    pub(crate) closed: bool,
    /// Window probes that are not answered yet.
    pub(crate) probes: u8,
    /// Segments sent and not acknowledged.
    pub(crate) unacked: u32,
    /// Time since the peer's last acknowledgement.
    pub(crate) last_ack: Duration,
    /// The window that the peer advertises, in bytes; `None` before Linux 5.4.
    pub(crate) window: Option<u32>,
}

/// Bytes that were written and not yet acknowledged; exact also after a reset. A FIN of ours counts as one.
///
/// # Errors
/// Where the system does not tell it, for every socket.
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u64> {
    #[cfg(test)]
    if missing::is(missing::What::Unacknowledged) {
        return portable::unacknowledged(socket);
    }
    system::unacknowledged(socket)
}

/// How the path fares.
///
/// # Errors
/// Where the system does not tell it, for every socket.
pub(crate) fn path_info(socket: BorrowedFd<'_>) -> io::Result<PathInfo> {
    #[cfg(test)]
    if missing::is(missing::What::PathInfo) {
        return portable::path_info(socket);
    }
    system::path_info(socket)
}

/// Turns keepalive on, and on Linux shortens the longest retransmission time where the kernel can.
pub(crate) fn prepare_tcp(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    system::prepare_tcp(socket)
}

/// Asks for ICMP errors on a connected UDP socket also while datagrams are queued, where the system asks to be asked.
pub(crate) fn prepare_udp(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    system::prepare_udp(socket, ipv6)
}

/// Empties the socket's error queue, which [`prepare_udp`] turned on and which would keep the socket "ready" for ever.
pub(crate) fn drain_errors(socket: BorrowedFd<'_>) {
    system::drain_errors(socket);
}

/// Sends our FIN; the other direction stays open.
pub(crate) fn shutdown_write(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: plain call on an open descriptor.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) })
}

fn set(socket: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
    // SAFETY: the option takes one int, which lives across the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What a test takes away from the sockets of its thread.
#[cfg(test)]
pub(crate) mod missing {
    use std::cell::RefCell;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum What {
        /// `SIOCOUTQ`.
        Unacknowledged,
        /// `TCP_INFO`.
        PathInfo,
    }

    thread_local! {
        static MISSING: RefCell<Vec<What>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn is(what: What) -> bool {
        MISSING.with_borrow(|missing| missing.contains(&what))
    }

    /// From now on, for this thread.
    pub(crate) fn take_away(what: &[What]) {
        MISSING.set(what.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[test]
    fn what_the_peer_took_is_acknowledged_also_unread_and_after_a_reset() {
        let (mut ours, mut theirs) = pair();
        prepare_tcp(ours.as_fd()).unwrap();
        ours.write_all(&[7; 1000]).unwrap();
        theirs.read_exact(&mut [0; 600]).unwrap();
        wait(|| unacknowledged(ours.as_fd()).unwrap() == 0);
        let info = path_info(ours.as_fd()).unwrap();
        assert!(!info.closed);
        assert!(info.window.is_some_and(|w| w > 1000), "{info:?}");
        drop(theirs); // 400 bytes unread: this is a reset
        wait(|| path_info(ours.as_fd()).unwrap().closed);
        assert_eq!(unacknowledged(ours.as_fd()).unwrap(), 0);
    }

    #[test]
    fn our_fin_counts_as_one_until_it_is_acknowledged() {
        let (mut ours, theirs) = pair();
        ours.write_all(b"x").unwrap();
        shutdown_write(ours.as_fd()).unwrap();
        wait(|| unacknowledged(ours.as_fd()).unwrap() == 0);
        assert!(!path_info(ours.as_fd()).unwrap().closed, "the peer has not closed");
        let mut theirs = theirs;
        assert_eq!(theirs.read_to_end(&mut Vec::new()).unwrap(), 1);
        drop(theirs);
        wait(|| path_info(ours.as_fd()).unwrap().closed);
    }

    fn wait(condition: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(5), "not within 5 s");
            std::thread::yield_now();
        }
    }
}
