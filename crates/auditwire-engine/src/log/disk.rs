//! The guard of the volume: it warns when little room is left, and stops intake before nothing is left, so that cursors,
//! sealing and retention can still be written. It goes by a clock of its own: neither a merge that takes long nor a commit
//! that hangs keeps it from looking.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Severity};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::commit::Pending;
use super::upkeep::commit;
use super::{Log, Shared, Submission, error};
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::readiness::Trouble;
use crate::tasks::{Panicked, Task};

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

/// What is known of the volume, the task that looks at it, and those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    room: AtomicU8,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Told when the volume was looked at and what is to be told of it is on disk, or could not be.
    asked: Mutex<Vec<oneshot::Sender<()>>>,
    /// Makes it look at once.
    wake: Notify,
}

impl Guard {
    pub(crate) fn room(&self) -> Room {
        match self.room.load(Ordering::Relaxed) {
            0 => Room::Enough,
            1 => Room::Little,
            _ => Room::None,
        }
    }

    /// A commit found the disk full: it is looked at once, and the reserve given up.
    pub(super) fn look(&self) {
        self.wake.notify_one();
    }

    pub(super) fn task(&self) -> Option<JoinHandle<()>> {
        self.task.lock().take()
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

    /// Looks at the volume now.
    pub(super) async fn look_at_volume(&self) -> Result<()> {
        if self.shared.settings.disk.is_none() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        self.shared.guard.asked.lock().push(answer);
        self.shared.guard.look();
        tokio::select! {
            looked = answered => looked.map_err(|_| error::closing()),
            _ = self.ended() => Err(error::closing()),
            _ = self.shared.tasks.death() => Err(error::closing()),
        }
    }

    /// Refuses new events when the volume is full; what must go on does not ask.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.room() == Room::None { Err(error::full()) } else { Ok(()) }
    }
}

/// Starts the task, when there is a volume to look at. It ends with the log.
pub(super) fn start(shared: &Arc<Shared>, queue: &mpsc::UnboundedSender<Pending>) {
    let Some(disk) = shared.settings.disk.clone() else { return };
    let (told, telling, asked) = (Room::Enough, None, Vec::new());
    let watch = Watch { shared: Arc::clone(shared), queue: queue.downgrade(), disk, told, telling, asked };
    let (mut closing, mut ended) = (shared.closing.subscribe(), shared.ended.subscribe());
    let task = shared.tasks.vital(Task::DiskGuard, async move {
        tokio::select! {
            panicked = watch.run() => Err(panicked),
            _ = closing.wait_for(|closing| *closing) => Ok(()),
            _ = ended.wait_for(Option::is_some) => Ok(()),
        }
    });
    *shared.guard.task.lock() = Some(task);
}

/// The task's own state.
struct Watch {
    shared: Arc<Shared>,
    queue: mpsc::WeakUnboundedSender<Pending>,
    disk: Arc<dyn Disk>,
    /// What was told last.
    told: Room,
    /// What is being told; it may take long, and is not waited for before the next look.
    telling: Option<BoxFuture<'static, (Room, Result<()>)>>,
    asked: Vec<oneshot::Sender<()>>,
}

impl Watch {
    async fn run(mut self) -> Panicked {
        loop {
            self.asked.append(&mut self.shared.guard.asked.lock());
            let space = match self.look().await {
                Ok(space) => space,
                Err(panicked) => return panicked,
            };
            let room = self.shared.guard.room();
            if let Some(space) = space
                && self.telling.is_none()
                && room != self.told
            {
                self.telling = Some(self.tell(space, room));
            }
            self.wait().await;
        }
    }

    /// Looks at the volume; `None` when the system does not tell.
    async fn look(&mut self) -> Result<Option<Space>, Panicked> {
        let (disk, before) = (Arc::clone(&self.disk), self.shared.guard.room());
        let looked = self.shared.tasks.blocking(Task::DiskGuard, move || {
            let space = disk.space()?;
            let room = space.room(before);
            // It is given up when the volume is full, and taken when there is room for it again.
            let reserved = if room == Room::Little { Ok(()) } else { disk.reserve(room == Room::Enough) };
            io::Result::Ok((space, room, reserved))
        });
        match looked.await? {
            Ok((space, room, reserved)) => {
                self.shared.counters.space(space);
                self.shared.guard.room.store(room as u8, Ordering::Relaxed);
                let readiness = &self.shared.readiness;
                let full = (room == Room::None).then(|| format!("{} bytes are free of {}", space.free, space.total));
                readiness.set(Trouble::StorageFull, full);
                // Of a full volume it was given up on purpose; nearly full, what was found before stays so.
                if room != Room::Little {
                    let missing = reserved.err().filter(|_| room == Room::Enough);
                    readiness.set(Trouble::ReserveMissing, missing.map(|error| error.to_string()));
                }
                Ok(Some(space))
            }
            Err(error) => {
                tracing::warn!(%error, "the system does not tell how full the volume is");
                Ok(None)
            }
        }
    }

    /// Waits until it is time for the next look; answers those who asked for the last one.
    async fn wait(&mut self) {
        let until = Instant::now() + self.shared.settings.disk_every;
        loop {
            if self.telling.is_none() {
                self.asked.drain(..).for_each(|asked| _ = asked.send(()));
            }
            let telling = async {
                match &mut self.telling {
                    Some(telling) => telling.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                (room, done) = telling => {
                    self.telling = None;
                    match done {
                        Ok(()) => self.told = room,
                        Err(error) => tracing::warn!(%error, "the state of the volume could not be told; trying again"),
                    }
                }
                () = self.shared.guard.wake.notified() => return,
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    fn tell(&self, space: Space, room: Room) -> BoxFuture<'static, (Room, Result<()>)> {
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
        let queue = self.queue.clone();
        async move { (room, commit(&queue, None, submission).await) }.boxed()
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
