//! What the process does about itself before it reads a secret: it leaves no memory image behind, and no file that others can
//! read.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The process leaves no image of its memory: not when it crashes, and not to a debugger of the same user.
///
/// `RLIMIT_CORE` alone would not do: the kernel gives a core to a program (`core_pattern` with `|`, as systemd-coredump has it)
/// whatever that limit says (core(5)). A process that is not dumpable has no core at all, and its `/proc/PID/{mem,environ,…}`
/// belong to root (prctl(2), `PR_SET_DUMPABLE`); `perf` and `gdb` then need root, too.
///
/// What does not succeed is told by [`warn_of_image`], because nothing can be logged yet.
pub(crate) fn no_memory_image() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Warns of what [`no_memory_image`] could not do (a system call filter may forbid it).
pub(crate) fn warn_of_image() {
    if getrlimit(Resource::Core).current != Some(0) {
        tracing::warn!("core files could not be turned off");
    }
    #[cfg(target_os = "linux")]
    if rustix::process::dumpable_behavior() != Ok(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!("this process could not be made undumpable: others of its user can read its memory");
    }
}

/// Files that are made from here on can be read by nobody else, whichever library makes them. Not for verbs that write what
/// people asked for (`events export`): there their own mask decides.
pub(crate) fn private_files() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_leaves_no_image_of_its_memory() {
        super::no_memory_image();
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
        let limit = super::getrlimit(super::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }
}
