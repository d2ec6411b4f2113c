//! What each error of the system means: one table of everything that connect, send and receive can give (Linux man-pages: socket(2),
//! connect(2), send(2), recv(2), ip(7), tcp(7), udp(7); what ICMP says becomes, net/ipv4/icmp.c and net/ipv6/icmp.c). What is not in it
//! is told by its number.

use std::io::{self, ErrorKind};

use super::{INTERNAL, LinkFailure};

/// What was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    /// A socket was made or connected.
    Connect,
    /// A link was read or written.
    Link,
}

/// What an error means.
pub(super) fn explain(error: &io::Error, during: During) -> LinkFailure {
    let errno = error.raw_os_error().or_else(|| errno_of(error.kind()));
    let row = errno.and_then(|errno| TABLE.iter().find(|row| row.errno == errno));
    let known = row.map(|row| match during {
        During::Connect => row.connect,
        During::Link => row.link,
    });
    match (known, errno) {
        (Some((code, seen)), _) => LinkFailure::new(code, seen),
        (None, Some(errno)) => LinkFailure::new("host_unreachable", format!("{} number {errno}.", opening(during))),
        (None, None) => LinkFailure::new("host_unreachable", format!("{} without a number.", opening(during))),
    }
}

fn opening(during: During) -> &'static str {
    match during {
        During::Connect => "There is no way to this host: the system gives an error",
        During::Link => "The connection broke: the system gives an error",
    }
}

/// Errors that this program or its libraries make themselves have a kind only.
fn errno_of(kind: ErrorKind) -> Option<i32> {
    Some(match kind {
        ErrorKind::ConnectionRefused => libc::ECONNREFUSED,
        ErrorKind::ConnectionReset => libc::ECONNRESET,
        ErrorKind::ConnectionAborted => libc::ECONNABORTED,
        ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof | ErrorKind::WriteZero => libc::EPIPE,
        ErrorKind::NotConnected => libc::ENOTCONN,
        ErrorKind::TimedOut => libc::ETIMEDOUT,
        ErrorKind::WouldBlock => libc::EAGAIN,
        ErrorKind::HostUnreachable => libc::EHOSTUNREACH,
        ErrorKind::NetworkUnreachable => libc::ENETUNREACH,
        ErrorKind::NetworkDown => libc::ENETDOWN,
        ErrorKind::AddrNotAvailable => libc::EADDRNOTAVAIL,
        ErrorKind::AddrInUse => libc::EADDRINUSE,
        ErrorKind::PermissionDenied => libc::EACCES,
        ErrorKind::OutOfMemory => libc::ENOMEM,
        _ => return None,
    })
}

/// A code, and what was seen.
type Meaning = (&'static str, &'static str);

struct Row {
    errno: i32,
    connect: Meaning,
    link: Meaning,
}

const fn row(errno: i32, connect: Meaning, link: Meaning) -> Row {
    Row { errno, connect, link }
}

const fn same(errno: i32, meaning: Meaning) -> Row {
    Row { errno, connect: meaning, link: meaning }
}

const NOBODY: Meaning = ("connect_refused", "The host answered that nothing listens on this port.");
const CLOSED: Meaning = ("closed_after_message", "The receiver closed the connection.");
const RESET: Meaning = ("reset_after_message", "The receiver reset the connection.");
const MISUSED: Meaning = (INTERNAL, "The system refused a call that Auditwire must not make in this way.");
const FORBIDDEN: Meaning = ("not_permitted", "A rule of this machine forbids it.");
const NO_MEMORY: Meaning = ("no_resources", "This machine has no memory left for connections.");
const NO_PORT: Meaning = ("no_resources", "All ports that this machine has for connections to this host are taken.");
const TOO_LONG: Meaning = ("message_too_long", "A message is longer than a datagram may be on the way to this host.");
const FAMILY: Meaning = (
    "host_unreachable",
    "There is no way to this host: this machine does not speak this kind of address (IPv6 may be off).",
);

/// A way that does not exist.
const fn no_way(errno: i32, connect: &'static str, link: &'static str) -> Row {
    row(errno, ("host_unreachable", connect), ("host_unreachable", link))
}

const TABLE: &[Row] = &[
    // The peer.
    row(libc::ECONNREFUSED, NOBODY, ("udp_port_closed", "The host answered that nothing listens on this UDP port.")),
    row(libc::ECONNRESET, NOBODY, RESET),
    row(libc::ECONNABORTED, NOBODY, RESET),
    row(libc::EPIPE, NOBODY, CLOSED),
    row(libc::ENOTCONN, NOBODY, CLOSED),
    row(libc::ESHUTDOWN, NOBODY, CLOSED),
    row(
        libc::ETIMEDOUT,
        ("connect_timeout", "The host did not answer the connect."),
        ("not_acknowledged", "The receiver's host stopped answering."),
    ),
    // The way to it.
    no_way(
        libc::EHOSTUNREACH,
        "There is no way to this host: no route to the host.",
        "The connection broke: there is no route to the host any more.",
    ),
    no_way(
        libc::ENETUNREACH,
        "There is no way to this host: the network is unreachable.",
        "The connection broke: the network is unreachable.",
    ),
    no_way(
        libc::ENETDOWN,
        "There is no way to this host: the network of this machine is down.",
        "The connection broke: the network of this machine is down.",
    ),
    no_way(
        libc::ENETRESET,
        "There is no way to this host: the network dropped the connection.",
        "The connection broke: the network dropped it.",
    ),
    no_way(
        libc::EHOSTDOWN,
        "There is no way to this host: its neighbours say that it is down.",
        "The connection broke: the neighbours of the host say that it is down.",
    ),
    #[cfg(target_os = "linux")]
    no_way(
        libc::ENONET,
        "There is no way to this host: a router says that it is not on the network.",
        "The connection broke: a router says that the host is not on the network.",
    ),
    no_way(
        libc::ENODEV,
        "There is no way to this host: the network device is gone.",
        "The connection broke: the network device is gone.",
    ),
    no_way(
        libc::ENXIO,
        "There is no way to this host: the network device does not answer.",
        "The connection broke: the network device does not answer.",
    ),
    no_way(
        libc::EIO,
        "There is no way to this host: the network device failed.",
        "The connection broke: the network device failed.",
    ),
    no_way(
        libc::EPROTO,
        "There is no way to this host: a router could not read the packets.",
        "The connection broke: a router could not read the packets.",
    ),
    no_way(
        libc::ENOPROTOOPT,
        "There is no way to this host: it says that it does not speak this protocol.",
        "The connection broke: the host says that it does not speak this protocol.",
    ),
    no_way(
        libc::EOPNOTSUPP,
        "There is no way to this host: a router refuses the route.",
        "The connection broke: a router refuses the route.",
    ),
    no_way(
        libc::EINVAL,
        "There is no way to this host: this machine cannot connect to an address of this kind.",
        "The connection broke: the system does not accept what was to be sent.",
    ),
    no_way(
        libc::EADDRNOTAVAIL,
        "There is no way to this host: this machine has no address of that family, or no free port.",
        "The connection broke: this machine does not have the address any more.",
    ),
    no_way(
        libc::EINTR,
        "There is no way to this host yet: the connect was interrupted.",
        "The connection broke: the system interrupted it.",
    ),
    same(libc::EAFNOSUPPORT, FAMILY),
    same(libc::EPFNOSUPPORT, FAMILY),
    same(libc::EPROTONOSUPPORT, FAMILY),
    same(libc::ESOCKTNOSUPPORT, FAMILY),
    // This machine.
    same(libc::EACCES, FORBIDDEN),
    same(libc::EPERM, FORBIDDEN),
    same(libc::EMFILE, ("no_descriptors", "Auditwire has as many files and connections open as it may.")),
    same(libc::ENFILE, ("no_descriptors", "This machine has as many files and connections open as it can.")),
    same(libc::ENOBUFS, NO_MEMORY),
    same(libc::ENOMEM, NO_MEMORY),
    same(libc::ENOSPC, NO_MEMORY),
    same(libc::EADDRINUSE, NO_PORT),
    row(libc::EAGAIN, NO_PORT, ("not_acknowledged", "The receiver takes nothing any more.")),
    same(libc::EMSGSIZE, TOO_LONG),
    // This program.
    same(libc::EBADF, MISUSED),
    same(libc::ENOTSOCK, MISUSED),
    same(libc::EFAULT, MISUSED),
    same(libc::EISCONN, MISUSED),
    same(libc::EALREADY, MISUSED),
    same(libc::EINPROGRESS, MISUSED),
    same(libc::EDESTADDRREQ, MISUSED),
    same(libc::EPROTOTYPE, MISUSED),
    same(libc::ENOSYS, MISUSED),
];

#[cfg(test)]
mod tests;
