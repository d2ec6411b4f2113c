//! Locks, folders and volumes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::{LIMIT, World};
use crate::Result;

/// The lock file deleted, and a second process started.
pub(super) fn lock_deleted(world: &mut World) -> Result<BTreeSet<u64>> {
    world.post();
    world.some()?;
    std::fs::remove_file(world.service.data().join("lock"))?;
    let (code, said) = world.service.refused(LIMIT)?;
    let pid = world.service.pid()?;
    if code != Some(3) || !said.contains(&pid.to_string()) {
        return Err(format!("the second process ended with {code:?}, the first is {pid}: {said}").into());
    }
    world.some()?;
    Ok(BTreeSet::new())
}

/// The folder moved away, and back when the service has ended.
pub(super) fn moved(world: &mut World) -> Result<BTreeSet<u64>> {
    world.post();
    world.some()?;
    let (data, away) = (world.service.data(), world.service.folder().join("away"));
    std::fs::rename(&data, &away)?;
    world.says(503, "storage_gone")?;
    let code = world.service.ended(LIMIT)?;
    if code != Some(1) {
        return Err(format!("it ended with {code:?}").into());
    }
    if data.exists() {
        return Err("it made its folder anew".into());
    }
    std::fs::rename(&away, &data)?;
    world.service.live()?;
    world.some()?;
    Ok(BTreeSet::new())
}

/// Another volume mounted over the folder, in the mount namespace of this run.
pub(super) fn mounted_over(world: &mut World) -> Result<BTreeSet<u64>> {
    world.post();
    world.some()?;
    let mount = Mount::tmpfs(&world.service.data(), "16m")?;
    world.says(503, "storage_gone")?;
    let code = world.service.ended(LIMIT)?;
    drop(mount);
    if code != Some(1) {
        return Err(format!("it ended with {code:?}").into());
    }
    world.service.live()?;
    world.some()?;
    Ok(BTreeSet::new())
}

/// A volume that fills up under load; the service is started anew while it is full, and then there is room again.
pub(super) fn full(world: &mut World) -> Result<BTreeSet<u64>> {
    world.stop()?;
    let data = world.service.data();
    let kept = world.service.folder().join("kept");
    std::fs::rename(&data, &kept)?;
    std::fs::create_dir(&data)?;
    let mount = Mount::tmpfs(&data, "96m")?;
    run(Command::new("cp").arg("-a").arg(kept.join(".")).arg(&data))?;
    world.service.live()?;
    world.post();
    world.some()?;
    let filler = data.join("filler");
    run(Command::new("sh").arg("-c").arg("cat /dev/zero > \"$0\" 2>/dev/null; true").arg(&filler))?;
    world.says(503, "storage_full")?;
    let found = world.found()?;
    world.service.kill()?;
    world.service.live()?;
    // Full, or full but for the reserve that was given up: either way it says so, and what it holds is found.
    world.says(503, "")?;
    if !world.found()?.is_superset(&found) {
        return Err("a search on the full volume finds less than before".into());
    }
    std::fs::remove_file(&filler)?;
    world.says(200, "ready")?;
    world.some()?;
    let lost = world.judge(&BTreeSet::new()).map(|_| BTreeSet::new())?;
    world.stop()?;
    // What is judged again in the end lies on the volume that goes now.
    run(Command::new("cp").arg("-a").arg(data.join(".")).arg(&kept))?;
    drop(mount);
    std::fs::remove_dir(&data)?;
    std::fs::rename(&kept, &data)?;
    world.service.live()?;
    Ok(lost)
}

/// Signals that are no end.
pub(super) fn signals(world: &mut World) -> Result<BTreeSet<u64>> {
    world.post();
    for signal in ["HUP", "USR1", "USR2", "PIPE", "HUP"] {
        world.service.signal(signal)?;
        world.some()?;
    }
    world.says(200, "ready")?;
    Ok(BTreeSet::new())
}

/// A mount that goes with its owner.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path, size: &str) -> Result<Self> {
        let options = format!("size={size},mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at))?;
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there does not keep it in the way.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
