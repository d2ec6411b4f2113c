//! The guard of the volume: it warns when little room is left, and stops intake before nothing is left, so that cursors,
//! sealing and retention can still be written.

use std::fmt::Debug;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Severity};

use super::commit::Step;
use super::upkeep::Keeper;
use super::{Log, Submission, error};
use crate::audit::{Audit, action};
use crate::error::Result;

/// Per cent of the volume that are used when people are warned, and when intake stops.
const NEARLY_FULL: u64 = 90;
const FULL: u64 = 97;
/// A state ends only so many per cent below where it begins, so that it does not come and go.
const MARGIN: u64 = 1;

/// How much of a volume is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Bytes of the volume.
    pub total: u64,
    /// Bytes that this process may still write.
    pub free: u64,
}

/// The volume that holds the data directory.
pub trait Disk: Debug + Send + Sync + 'static {
    /// How much is used now.
    ///
    /// # Errors
    /// When the system does not tell.
    fn space(&self) -> io::Result<Space>;

    /// Takes room in advance, or gives it up. Doing either twice is no error.
    ///
    /// # Errors
    /// When there is no room, or the system refuses.
    fn reserve(&self, keep: bool) -> io::Result<()>;
}

/// Whether there is room for more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Room {
    /// Enough.
    #[default]
    Enough = 0,
    /// At least 90 % of the volume are used.
    Little = 1,
    /// At least 97 % are used: intake is refused.
    None = 2,
}

/// What is known of the volume.
#[derive(Debug, Default)]
pub(crate) struct Guard(AtomicU8);

impl Guard {
    pub(crate) fn room(&self) -> Room {
        match self.0.load(Ordering::Relaxed) {
            0 => Room::Enough,
            1 => Room::Little,
            _ => Room::None,
        }
    }
}

impl Space {
    /// The state at this use, after `before`.
    fn room(self, before: Room) -> Room {
        let used = self.total.saturating_sub(self.free);
        let reached = |percent: u64, state: Room| {
            let percent = if before >= state { percent - MARGIN } else { percent };
            self.total > 0 && u128::from(used) * 100 >= u128::from(self.total) * u128::from(percent)
        };
        if reached(FULL, Room::None) {
            Room::None
        } else if reached(NEARLY_FULL, Room::Little) {
            Room::Little
        } else {
            Room::Enough
        }
    }
}

impl Log {
    /// Whether there is room for more events.
    #[must_use]
    pub fn room(&self) -> Room {
        self.shared.guard.room()
    }

    /// Refuses new events when the volume is full; what must go on does not ask.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.room() == Room::None { Err(error::full()) } else { Ok(()) }
    }
}

impl Keeper {
    /// Looks at the volume, and tells when its state has changed.
    pub(super) async fn guard(&mut self) -> Result<()> {
        let Some(disk) = self.shared.settings.disk.clone() else { return Ok(()) };
        let before = self.shared.guard.room();
        let looked = tokio::task::spawn_blocking(move || {
            let space = disk.space()?;
            let room = space.room(before);
            // It is given up when the volume is full, and taken when there is room for it again.
            if room != Room::Little
                && let Err(error) = disk.reserve(room == Room::Enough)
            {
                tracing::warn!(%error, "the reserve could not be taken or given up");
            }
            io::Result::Ok((space, room))
        });
        let (space, room) = match looked.await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the system does not tell how full the volume is");
                return Ok(());
            }
            Err(error) => return Err(error::defect(error)),
        };
        self.shared.counters.space(space);
        self.shared.guard.0.store(room as u8, Ordering::Relaxed);
        if room == before { Ok(()) } else { self.tell(space, room).await }
    }

    async fn tell(&self, space: Space, room: Room) -> Result<()> {
        let percent = space.total.saturating_sub(space.free) * 100 / space.total.max(1);
        let (name, severity, text) = match room {
            Room::Enough => (action::STORAGE_OK, Severity::Notice, "There is enough room on the volume again"),
            Room::Little => {
                (action::STORAGE_WARNING, Severity::Warning, "The volume is nearly full; intake stops at 97 %")
            }
            Room::None => (action::STORAGE_FULL, Severity::Critical, "The volume is full: no more events are taken"),
        };
        tracing::warn!(percent, free_bytes = space.free, "{text}");
        let event = Audit::new(name, &Caller::Service)
            .severity(severity)
            .with("used_percent", percent)
            .with("free_bytes", space.free)
            .with("total_bytes", space.total)
            .message(text)
            .build(self.shared.clock.now());
        let submission = Submission { project: Some(ProjectId::system()), events: vec![event], changes: Vec::new() };
        self.commit(Step::default(), submission).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_begins_at_its_limit_and_ends_a_little_below() {
        let at = |used: u64, before| Space { total: 1000, free: 1000 - used }.room(before);
        assert_eq!(
            [at(0, Room::Enough), at(899, Room::Enough), at(900, Room::Enough)],
            [Room::Enough, Room::Enough, Room::Little]
        );
        assert_eq!(
            [at(969, Room::Little), at(970, Room::Little), at(1000, Room::Enough)],
            [Room::Little, Room::None, Room::None]
        );
        assert_eq!(
            [at(960, Room::None), at(959, Room::None), at(889, Room::None)],
            [Room::None, Room::Little, Room::Enough]
        );
        assert_eq!([at(890, Room::Little), at(889, Room::Little)], [Room::Little, Room::Enough]);
        assert_eq!(Space::default().room(Room::Enough), Room::Enough);
    }
}
