//! Lives under a wrong clock.

use std::collections::BTreeSet;

use super::world::World;
use crate::Result;

/// The service lives once with a clock that is wrong by `offset` (as faketime writes it), then with the right one.
pub(super) fn wrong(world: &mut World, offset: &str) -> Result<BTreeSet<u64>> {
    let Some(faketime) = world.faketime.clone() else { return Err("--faketime is wanted".into()) };
    let faketime = faketime.to_str().ok_or("a path that is no text")?.to_owned();
    world.work()?;
    world.sealed()?;
    world.stop()?;
    let before = world.files()?;
    let lives = [
        ("LD_PRELOAD", faketime.as_str()),
        ("FAKETIME", offset),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    for (name, value) in lives {
        world.service.set(name, Some(value))?;
    }
    world.service.live()?;
    world.vanished(&before)?;
    if offset.starts_with('-') {
        world.says(503, "clock_ahead")?;
    }
    world.work()?;
    world.sealed()?;
    world.stop()?;
    for (name, _) in lives {
        world.service.set(name, None)?;
    }
    world.service.live()?;
    if offset.starts_with('+') {
        world.says(503, "clock_ahead")?;
        world.alerts("clock_ahead")?;
        world.service.ask("POST", "/clock/accept", &serde_json::json!({}), 200)?;
    }
    world.says(200, "ready")?;
    world.work()?;
    Ok(BTreeSet::new())
}
