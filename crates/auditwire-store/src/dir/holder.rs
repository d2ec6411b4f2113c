//! Which process holds the lock of a file, as the system tells it.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// The process that holds a lock (`flock`) on the file; `None` when the system does not tell (another machine, another
/// namespace).
pub(super) fn of(file: &File) -> Option<u32> {
    let found = file.metadata().ok()?;
    let device = (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()));
    in_table(&std::fs::read_to_string("/proc/locks").ok()?, device, found.ino())
}

/// Each line (proc(5)): number, class, kind, access, process, `major:minor:inode` (the first two hexadecimal), range.
fn in_table(table: &str, (major, minor): (u32, u32), inode: u64) -> Option<u32> {
    let place = format!("{major:02x}:{minor:02x}:{inode}");
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, at, ..] = fields[..] else { return None };
        // 0: a process of another namespace.
        (at == place).then(|| pid.parse().ok().filter(|pid| *pid != 0)).flatten()
    };
    table.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode() {
        let table = "1: POSIX  ADVISORY  READ 11 fd:01:77 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 fd:00:77 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 13 fd:01:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 14 fd:01:77 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 0 fd:01:78 0 EOF\n";
        assert_eq!(in_table(table, (0xfd, 1), 77), Some(14));
        assert_eq!(in_table(table, (0xfd, 1), 78), None, "of another namespace");
        assert_eq!(in_table(table, (0xfd, 1), 79), None);
    }
}
