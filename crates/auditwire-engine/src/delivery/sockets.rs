//! The socket calls that the standard library lacks: what the peer has acknowledged, how the path fares, keepalive, and
//! closing one direction. Linux only, like the rest of delivery. The one file with `unsafe`.
//!
//! Where the kernel is too old for an option the call reports it and delivery falls back: without the peer's window in
//! `TCP_INFO` (before 5.4) [`WINDOW_UNKNOWN`] is assumed, without `TCP_RTO_MAX_MS` (before 6.15) retransmissions may back
//! off further, and the dead-path rules still hold because they read time, not retransmissions.
#![expect(
    unsafe_code,
    reason = "ioctl, getsockopt, setsockopt and shutdown have no safe form here; this file wraps them"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Assumed as the peer's window when the kernel does not tell it: the largest that an untuned Linux receiver advertises.
pub(crate) const WINDOW_UNKNOWN: u64 = 6 << 20;

/// `TCP_RTO_MAX_MS` of linux/tcp.h.
const TCP_RTO_MAX_MS: libc::c_int = 44;
/// Longest time between two retransmissions or probes.
const RTO_MAX_MS: libc::c_int = 5000;
/// Idle time before the first keepalive probe and between probes, in seconds.
const KEEPALIVE_S: libc::c_int = 5;
/// Unanswered keepalive probes that end a link.
const KEEPALIVE_PROBES: libc::c_int = 2;

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

/// Bytes that were written and not yet acknowledged (`SIOCOUTQ`); exact also after a reset. A FIN of ours counts as one.
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for the borrow; the request writes one int (tcp(7)), which lives across the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    check(result).map(|()| u64::try_from(bytes).unwrap_or(0))
}

/// Reads `TCP_INFO`.
pub(crate) fn path_info(socket: BorrowedFd<'_>) -> io::Result<PathInfo> {
    const STATE: usize = 0;
    const PROBES: usize = 3;
    const UNACKED: usize = 24;
    const LAST_ACK_RECV: usize = 56;
    const SND_WND: usize = 228;
    const TCP_CLOSE: u8 = 7;
    let mut info = [0_u8; 256];
    let mut length: libc::socklen_t = 256;
    // SAFETY: the kernel writes at most `length` bytes into the buffer of that size and the new length back.
    let result = unsafe {
        let (level, name) = (libc::IPPROTO_TCP, libc::TCP_INFO);
        libc::getsockopt(socket.as_raw_fd(), level, name, info.as_mut_ptr().cast(), &raw mut length)
    };
    check(result)?;
    let known = usize::try_from(length).unwrap_or(0);
    let word = |at: usize| {
        let bytes = info.get(at..at + 4).and_then(|b| b.try_into().ok()).unwrap_or([0; 4]);
        u32::from_ne_bytes(bytes)
    };
    Ok(PathInfo {
        closed: info[STATE] == TCP_CLOSE,
        probes: info[PROBES],
        unacked: word(UNACKED),
        last_ack: Duration::from_millis(u64::from(word(LAST_ACK_RECV))),
        window: (known >= SND_WND + 4).then(|| word(SND_WND)),
    })
}

/// Turns keepalive on and shortens the longest retransmission time where the kernel can.
pub(crate) fn prepare_tcp(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, KEEPALIVE_S)?;
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, KEEPALIVE_S)?;
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, KEEPALIVE_PROBES)?;
    // Best effort: Linux 6.15 and later.
    let _ = set(socket, libc::IPPROTO_TCP, TCP_RTO_MAX_MS, RTO_MAX_MS);
    Ok(())
}

/// Asks for ICMP errors on a connected UDP socket also while datagrams are queued.
pub(crate) fn prepare_udp(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
    }
}

/// Empties the socket's error queue, which [`prepare_udp`] turned on and which would keep the socket "ready" for ever.
pub(crate) fn drain_errors(socket: BorrowedFd<'_>) {
    const MOST: usize = 64;
    for _ in 0..MOST {
        let mut payload = [0_u8; 64];
        // SAFETY: the kernel writes at most 64 bytes into the buffer; MSG_DONTWAIT keeps the call from waiting.
        let taken = unsafe {
            let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
            libc::recv(socket.as_raw_fd(), payload.as_mut_ptr().cast(), payload.len(), flags)
        };
        if taken < 0 {
            return;
        }
    }
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
