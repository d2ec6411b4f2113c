//! What the kernel says about the sockets of a port, from `/proc/net/tcp`.

/// Bytes that were received on established links to this local port and not read yet.
pub(crate) fn unread(port: u16) -> u64 {
    // Also half-closed ones: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
    const LIVE: [&str; 4] = ["01", "04", "05", "08"];
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
    let queues = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, queues, ..] = fields.as_slice() else { return None };
        let mine = local.rsplit(':').next().map(hex) == Some(u64::from(port));
        let received = queues.split(':').nth(1).map(hex)?;
        (mine && LIVE.contains(state)).then_some(received)
    });
    queues.sum()
}

/// The most that a program may ask for with `SO_RCVBUF`, in bytes; the kernel doubles it.
pub(crate) fn asked_buffer_max() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
    text.trim().parse().unwrap_or(212_992)
}
