//! How much memory this process may have, looked at before it needs it: an allocation that fails aborts in the middle of something,
//! with a text that helps nobody. Below the least the start is refused, below what is advised it warns. The numbers were measured
//! (`docs/operations.md`, "What it needs"); file descriptors are shared out by [`crate::descriptors`].

use std::io::Write as _;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::failure::{Failure, Result};

const MIB: u64 = 1 << 20;
/// Address space of any verb: the program itself, its allocator and a thread for each processor.
const VERB_MIN: u64 = 512 * MIB;
/// Address space of the service: the allocator takes 1 GiB at once (and uses little of it), the C libraries an arena for each thread.
const SPACE_MIN: u64 = 1536 * MIB;
const SPACE_ADVISED: u64 = 4096 * MIB;
/// More of it for each processor, which has a thread.
const SPACE_PROCESSOR: u64 = 32 * MIB;
/// Memory that is really used: 50 MiB at rest and 110 MiB under modest load were measured.
const MEMORY_MIN: u64 = 128 * MIB;
/// With all queues, tails and bodies in flight as full as their settings allow, and a segment being sealed.
const MEMORY_ADVISED: u64 = 512 * MIB;

/// Says so when there is too little address space for any verb. It must not allocate.
pub(crate) fn too_little_for_any_verb() -> bool {
    let Some(limit) = getrlimit(Resource::As).current.filter(|limit| *limit < VERB_MIN) else { return false };
    let (limit, least) = (limit / MIB, VERB_MIN / MIB);
    let text = "auditwire: the limit of address space (RLIMIT_AS, ulimit -v) is";
    let _ = writeln!(std::io::stderr(), "{text} {limit} MiB, and {least} MiB are needed at least: raise it");
    true
}

/// A limit that somebody set, and what is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limit {
    what: &'static str,
    raise: &'static str,
    bytes: u64,
    least: u64,
    advised: u64,
}

impl Limit {
    fn told(&self) -> String {
        let Self { what, raise, bytes, least, advised } = self;
        let mib = |bytes: &u64| bytes.div_ceil(MIB);
        format!(
            "{what} is {} MiB; the service needs at least {} MiB, and {} MiB are advised: raise it ({raise})",
            bytes / MIB,
            mib(least),
            mib(advised)
        )
    }
}

/// Before anything is begun.
///
/// # Errors
/// When a limit is below the least that the service needs.
pub(crate) fn refuse_too_little() -> Result {
    match limits().iter().find(|limit| limit.bytes < limit.least) {
        Some(limit) => Err(Failure::new(limit.told())),
        None => Ok(()),
    }
}

/// Warns of limits below what is advised.
pub(crate) fn warn() {
    for limit in limits().iter().filter(|limit| limit.bytes < limit.advised) {
        tracing::warn!(limit_bytes = limit.bytes, "{}", limit.told());
    }
}

fn limits() -> Vec<Limit> {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let space = getrlimit(Resource::As).current.map(|bytes| Limit {
        what: "the limit of address space (RLIMIT_AS)",
        raise: "ulimit -v, LimitAS= of a systemd unit; better: no such limit, and one of memory",
        bytes,
        least: SPACE_MIN + processors * SPACE_PROCESSOR,
        advised: SPACE_ADVISED + processors * SPACE_PROCESSOR,
    });
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let memory = of_groups(&groups, Path::new("/sys/fs/cgroup")).map(|bytes| Limit {
        what: "the limit of memory (cgroup)",
        raise: "MemoryMax= of a systemd unit, --memory of a container, resources.limits of a pod",
        bytes,
        least: MEMORY_MIN,
        advised: MEMORY_ADVISED,
    });
    space.into_iter().chain(memory).collect()
}

/// The lowest limit of the control groups that the process is in (cgroups(7)), of both versions. In a container the path that it is
/// told may not be there, and its own group is the root.
fn of_groups(groups: &str, root: &Path) -> Option<u64> {
    let mut lowest = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (folder, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        let own = folder.join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|group| group.starts_with(&folder)) {
            let limit = std::fs::read_to_string(group.join(file)).ok();
            // "max" is no number; version 1 has a number beyond all memory instead.
            let limit = limit.and_then(|text| text.trim().parse::<u64>().ok()).filter(|bytes| *bytes < 1 << 60);
            lowest = lowest.into_iter().chain(limit).min();
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_all_groups_counts_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("a/memory.max", "max\n");
        write("a/b/memory.max", "700\n");
        write("a/b/c/memory.max", "800\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/x/memory.limit_in_bytes", "600\n");
        let of = |groups: &str| of_groups(groups, root.path());
        assert_eq!(of("0::/a/b/c\n"), Some(700));
        assert_eq!(of("0::/a\n"), None);
        assert_eq!(of("5:cpu:/x\n4:cpuset,memory:/x/y\n0::/a/b/c\n"), Some(600));
        assert_eq!(of("4:memory:/\n"), None);
        write("memory.max", "500");
        assert_eq!(of("0::/not/there/in/a/container\n"), Some(500));
        assert_eq!(of(""), None);
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn a_limit_is_told_with_its_numbers_and_where_it_is_raised() {
        let limit = Limit { what: "it", raise: "so", bytes: 1 << 30, least: 1600 * MIB, advised: 4160 * MIB };
        let told = "it is 1024 MiB; the service needs at least 1600 MiB, and 4160 MiB are advised: raise it (so)";
        assert_eq!(limit.told(), told);
    }
}
