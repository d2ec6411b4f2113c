//! What the process does about itself before it reads a secret: it leaves no memory image behind, and no file that others can
//! read.

/// The process leaves no image of its memory: not when it crashes, and not to a debugger of the same user.
///
/// `RLIMIT_CORE` alone would not do: the kernel gives a core to a program (`core_pattern` with `|`, as systemd-coredump has it)
/// whatever that limit says (core(5)). A process that is not dumpable has no core at all, and its `/proc/PID/{mem,environ,…}`
/// belong to root (prctl(2), `PR_SET_DUMPABLE`); `perf` and `gdb` then need root, too.
pub(crate) fn no_memory_image() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "core files could not be turned off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process's memory could not be closed to others");
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
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }
}
