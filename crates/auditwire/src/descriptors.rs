//! File descriptors: how many this process may have, and who gets how many. Known when the service starts, so that nobody meets the
//! limit in the middle of something: a listener that took them all would leave none to the store.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::{Failure, Result};

/// The process itself: standard streams, signals, the runtime, the lock, certificates, names being resolved, connections that
/// are just accepted or closed.
const OWN: u64 = 64;
/// SQLite (a writer and a pool of readers, three files each) and the segments that are read or written.
const STORE: u64 = 256;
/// Links to SIEMs and webhooks, at least.
const LINKS_MIN: u64 = 128;
/// With fewer connections than this the service is of no use.
const CONNECTIONS_MIN: u64 = 64;

/// Who gets how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// What the process may have.
    pub(crate) limit: u64,
    /// Connections to our listener.
    pub(crate) connections: u64,
    /// What is left for links to SIEMs.
    pub(crate) links: u64,
}

/// Raises the soft limit to the hard one, shares it out, and says so. `connections` is what the listener would like
/// (`server.connections_max`); it gets fewer, with a warning, where that leaves too few for links.
///
/// # Errors
/// When there are too few for any use.
pub(crate) fn share_out(connections: usize) -> Result<Shares> {
    let limit = raise();
    let wanted = connections as u64;
    let shares = divide(limit, wanted).ok_or_else(|| too_few(limit))?;
    let Shares { connections, links, .. } = shares;
    tracing::info!(limit, own = OWN, store = STORE, connections, links, "file descriptors are shared out");
    if connections < wanted {
        let all = wanted + LINKS_MIN + STORE + OWN;
        tracing::warn!(
            limit,
            connections,
            "the limit of file descriptors allows fewer connections than server.connections_max ({wanted}): raise it to \
             {all} (LimitNOFILE= of a systemd unit, ulimit -n, --ulimit nofile= of a container)"
        );
    }
    Ok(shares)
}

/// Raises the soft limit to the hard one; the limit in force.
pub(crate) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // A process may always raise its soft limit; where a sandbox forbids it, what is there is shared out.
    let limit = if raised.is_ok() { maximum } else { current };
    limit.unwrap_or(u64::MAX)
}

fn divide(limit: u64, wanted: u64) -> Option<Shares> {
    let free = limit.checked_sub(OWN + STORE + LINKS_MIN)?;
    let connections = wanted.min(free);
    let enough = connections >= CONNECTIONS_MIN.min(wanted);
    enough.then(|| Shares { limit, connections, links: limit - OWN - STORE - connections })
}

fn too_few(limit: u64) -> Failure {
    let least = OWN + STORE + LINKS_MIN + CONNECTIONS_MIN;
    Failure::new(format!(
        "this process may have {limit} file descriptors, and needs at least {least}: raise the hard limit (LimitNOFILE= of a \
         systemd unit, ulimit -n, --ulimit nofile= of a container)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listener_never_takes_what_others_need() {
        let of = |limit, wanted| divide(limit, wanted).map(|shares| (shares.connections, shares.links));
        assert_eq!(of(524_288, 2048), Some((2048, 524_288 - 64 - 256 - 2048)));
        assert_eq!(of(1024, 2048), Some((576, 128)));
        assert_eq!(of(512, 2048), Some((64, 128)));
        assert_eq!(of(511, 2048), None);
        assert_eq!(of(100, 2048), None);
        assert_eq!(of(480, 16), Some((16, 144)), "who wants fewer gets by with fewer");
        assert_eq!(of(u64::MAX, 2048).map(|(connections, _)| connections), Some(2048));
    }
}
