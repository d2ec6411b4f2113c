//! Socket activation, sd_listen_fds(3): a service manager opens the listener and hands it over, so that connections wait while the
//! service starts, and a port that only root may take needs no root. The listener takes the place of `--listen`.

use std::net::TcpListener;

use listenfd::ListenFd;
use socket2::SockRef;

use crate::failure::{Failure, Result};

/// The listener that was handed over, if one was. Must be asked before there is a second thread: the variables are taken out
/// of the environment.
///
/// # Errors
/// Exit code 2 when it is not exactly one listening TCP socket.
pub(crate) fn inherited() -> Result<Option<TcpListener>> {
    // Variables for another process, which lie about in the environment, are not for us.
    let ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid.parse() == Ok(std::process::id()));
    if !ours {
        return Ok(None);
    }
    let mut handed = ListenFd::from_env();
    match handed.len() {
        0 => return Ok(None),
        1 => {}
        sockets => return Err(wrong(&format!("{sockets} sockets were handed over"))),
    }
    let listener = handed.take_tcp_listener(0).map_err(|error| wrong(&error.to_string()))?;
    match &listener {
        Some(socket) if SockRef::from(socket).is_listener().unwrap_or(false) => Ok(listener),
        _ => Err(wrong("the socket does not listen")),
    }
}

fn wrong(why: &str) -> Failure {
    Failure::usage(format!(
        "the service manager must hand over exactly one listening TCP socket (LISTEN_FDS), and {why}: give the socket unit one \
         ListenStream=ADDR:PORT, or none and set server.listen"
    ))
}
