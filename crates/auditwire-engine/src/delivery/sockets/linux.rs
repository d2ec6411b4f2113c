//! What only Linux has.
#![expect(unsafe_code, reason = "ioctl, getsockopt and recv with flags have no safe form here; this file wraps them")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::{PathInfo, check, set};

/// `TCP_RTO_MAX_MS` of linux/tcp.h.
const TCP_RTO_MAX_MS: libc::c_int = 44;
/// Longest time between two retransmissions or probes.
const RTO_MAX_MS: libc::c_int = 5000;
/// Idle time before the first keepalive probe and between probes, in seconds.
const KEEPALIVE_S: libc::c_int = 5;
/// Unanswered keepalive probes that end a link.
const KEEPALIVE_PROBES: libc::c_int = 2;

/// Bytes that were written and not yet acknowledged (`SIOCOUTQ`); exact also after a reset. A FIN of ours counts as one.
pub(super) fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for the borrow; the request writes one int (tcp(7)), which lives across the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    check(result).map(|()| u64::try_from(bytes).unwrap_or(0))
}

/// Reads `TCP_INFO`.
pub(super) fn path_info(socket: BorrowedFd<'_>) -> io::Result<PathInfo> {
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

/// Times of keepalive, and the longest time between retransmissions where the kernel can.
pub(super) fn prepare_tcp(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, KEEPALIVE_S)?;
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, KEEPALIVE_S)?;
    set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, KEEPALIVE_PROBES)?;
    // Best effort: Linux 6.15 and later.
    let _ = set(socket, libc::IPPROTO_TCP, TCP_RTO_MAX_MS, RTO_MAX_MS);
    Ok(())
}

/// Asks for ICMP errors on a connected UDP socket also while datagrams are queued.
pub(super) fn prepare_udp(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
    }
}

/// Empties the socket's error queue, which [`prepare_udp`] turned on and which would keep the socket "ready" for ever.
pub(super) fn drain_errors(socket: BorrowedFd<'_>) {
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
