//! Drives one link: feeds it, flushes it, collects what the peer acknowledges, watches the path, stores the cursor.

use std::time::Duration;

use auditwire_model::Position;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::failure::{INTERNAL, LinkFailure};
use super::super::link::{Link, LinkError};
use super::super::measure::{AcknowledgedBy, Measure, SETTLES_AFTER, Settling};
use super::super::pace::Pace;
use super::super::sockets::WINDOW_UNKNOWN;
use super::super::window::Kind;
use super::ledger::Stored;
use super::path::PathWatch;
use super::{FIN_LIMIT, Sender, UDP_BURST, UDP_RATE, UDP_SETTLE, WORKED, is_stopped, stopped};

/// For what is in flight when a sender is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Queued bytes that the socket has not taken; more are not rendered.
const PENDING_MAX: usize = 64 << 10;
/// How often acknowledgements are looked for: at first, and when nothing comes.
const LOOK: std::ops::RangeInclusive<Duration> = Duration::from_millis(2)..=Duration::from_millis(100);
/// How often the path is judged.
const JUDGE: Duration = Duration::from_secs(1);
/// A batch that could not be sent for so long is dropped from memory and read again later.
const HOLD: Duration = Duration::from_secs(5);
/// Rounds without waiting before others get their turn.
const ROUNDS: u32 = 16;
/// Waiting for nothing in particular.
const NEVER: Duration = Duration::from_secs(3600);
/// After the log could not be read.
const READ_RETRY: Duration = Duration::from_secs(1);

/// Knowledge of the epoch that is older than this is renewed before anything is sent: this process may have been stopped for
/// a while, and another one may have made another connection active.
const CONFIRM: Duration = Duration::from_secs(1);
/// A sender with queued bytes in hand that learned nothing for so long was asleep.
const ASLEEP: Duration = Duration::from_secs(5);

/// A peer that ended its direction at once, and to which nothing is to be sent, is waited for so long.
const UNDECIDED: Duration = Duration::from_secs(1);

/// Why a link is over.
#[derive(Debug)]
pub(super) enum End {
    /// Told to stop.
    Stopped,
    /// Another epoch has begun.
    Fenced,
    /// Its TLS key has made enough records: another link is made at once.
    Worn,
    /// By the peer, the network, or a failure.
    Broken(LinkFailure),
}

/// What interrupts the driving.
enum Cut {
    Link(LinkError),
    Fenced,
    /// Reading the log met a defect of this program.
    Defect(LinkFailure),
}

impl<E: Into<LinkError>> From<E> for Cut {
    fn from(error: E) -> Self {
        Self::Link(error.into())
    }
}

/// One link being driven.
pub(super) struct Drive<'a> {
    sender: &'a mut Sender,
    link: Link,
    head: watch::Receiver<Position>,
    pace: Option<Pace>,
    path: PathWatch,
    measure: Measure,
    begun: Instant,
    /// Where nobody acknowledges.
    settling: Option<Settling>,
    acknowledged: u64,
    /// Where the first message of this link ends.
    first_end: Option<u64>,
    look: Duration,
    look_at: Instant,
    judge_at: Instant,
    /// Since when nothing could be fed.
    stuck_since: Option<Instant>,
    read_at: Instant,
    stopping: Option<Instant>,
    /// The link is worn: nothing more is fed, and it ends when what is in flight is settled, however long that takes.
    retiring: bool,
    /// Another connection has become the active one, and nobody has told this sender yet.
    superseded: bool,
    /// When the epoch was last looked at and was not this sender's any more.
    superseded_at: Option<Instant>,
}

impl<'a> Drive<'a> {
    pub(super) fn new(sender: &'a mut Sender, link: Link) -> Self {
        let now = Instant::now();
        let udp = matches!(link, Link::Udp(_));
        let limit = sender.job.rate_limit().or(udp.then_some(UDP_RATE));
        let pace = limit.map(|rate| Pace::new(rate, if udp { UDP_BURST } else { (rate / 20).max(1) }, now));
        let measure = link.measure();
        let after = match measure.acknowledged_by {
            AcknowledgedBy::Time => Some(if udp { UDP_SETTLE } else { SETTLES_AFTER }),
            AcknowledgedBy::Kernel | AcknowledgedBy::Program => None,
        };
        let head = sender.job.context.log.follow(&sender.job.project);
        Self {
            sender,
            link,
            head,
            pace,
            path: PathWatch::default(),
            measure,
            begun: now,
            settling: after.map(Settling::new),
            acknowledged: 0,
            first_end: None,
            look: *LOOK.start(),
            look_at: now,
            judge_at: now + JUDGE,
            stuck_since: None,
            read_at: now,
            stopping: None,
            retiring: false,
            superseded: false,
            superseded_at: None,
        }
    }

    /// Until the link ends. The flag is the one proof that nothing has to be sent again.
    pub(super) async fn run(mut self, stop: &mut watch::Receiver<bool>) -> (End, bool) {
        let cut = self.rounds(stop).await;
        // What was acknowledged up to the end counts, also after a reset; the window last, because it may only shrink
        // by what was acknowledged before it was read.
        let _ = self.collect();
        let end = match cut {
            Ok(()) => {
                let proven = self.sender.progress.is_idle() && self.finish().await;
                let worn = self.retiring && self.stopping.is_none() && !self.sender.is_at_end();
                let end = if worn { End::Worn } else { End::Stopped };
                return (end, proven);
            }
            Err(Cut::Fenced) => End::Fenced,
            Err(Cut::Defect(failure)) => End::Broken(failure),
            Err(Cut::Link(LinkError::Worn)) => End::Worn,
            Err(Cut::Link(error)) => End::Broken(self.explain(&error)),
        };
        self.publish();
        (end, false)
    }

    /// Ok when everything was sent that had to be, or the sender was told to stop and nothing is left in flight, or too
    /// much for too long.
    async fn rounds(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), Cut> {
        let mut rounds = 0;
        loop {
            self.confirm(stop).await?;
            let now = Instant::now();
            self.link.receive()?;
            self.collect()?;
            if self.link.peer_closed() || self.link.is_half_open() {
                self.peer_closed(now)?;
            }
            self.judge(now)?;
            if self.sender.is_at_end() && self.link.pending() == 0 {
                return Ok(());
            }
            if self.stopping.is_none() && (self.superseded || is_stopped(stop)) {
                self.stopping = Some(now + STOP_LIMIT);
                self.look = *LOOK.start();
            }
            if let Some(limit) = self.stopping {
                if self.is_empty() || now >= limit {
                    return Ok(());
                }
            } else if self.retires() {
                if self.is_empty() {
                    return Ok(());
                }
            } else {
                self.feed(now)?;
            }
            // Again, because making messages takes its time.
            self.confirm(stop).await?;
            self.link.flush()?;
            if self.stopping.is_none() && self.budget(now) > 0 && self.sender.feed.is_loaded() {
                rounds += 1;
                if rounds % ROUNDS == 0 {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            self.publish();
            self.wait(now, stop).await?;
        }
    }

    /// Nothing more is fed, because the link is worn.
    fn retires(&mut self) -> bool {
        if !self.retiring && self.link.is_worn() {
            self.retiring = true;
            // The next link reads it again.
            self.sender.feed.rewind();
            self.stuck_since = None;
        }
        self.retiring
    }

    /// The peer has ended its direction. One that does so before it acknowledged anything may be of those that never answer and read
    /// on: what is sent soon tells, and is remembered.
    fn peer_closed(&mut self, now: Instant) -> Result<(), LinkError> {
        // Where nobody tells what was acknowledged, sending on tells nothing.
        if self.measure.is_blind() || (!self.link.is_half_open() && self.has_acknowledged()) {
            return Err(LinkError::Closed);
        }
        let undecided = !self.is_empty() || now < self.begun + UNDECIDED;
        if (self.is_known_to_read() || undecided) && self.link.sends_on() {
            return Ok(());
        }
        Err(LinkError::ClosedAtOnce)
    }

    fn is_known_to_read(&self) -> bool {
        self.has_acknowledged() || self.sender.connector.reads_on
    }

    /// A message was acknowledged on this link.
    fn has_acknowledged(&self) -> bool {
        self.first_end.is_some_and(|end| self.acknowledged >= end)
    }

    fn explain(&mut self, error: &LinkError) -> LinkFailure {
        let (half_open, acknowledged) = (self.link.is_half_open(), self.has_acknowledged());
        let connector = &mut self.sender.connector;
        connector.reads_on &= !half_open;
        if half_open && !acknowledged {
            return connector.ended(&LinkError::ClosedAtOnce, false);
        }
        // The peer's kernel acknowledges also what a program gets that has not finished its handshake.
        let over = self.link.handshake_is_over() || self.begun.elapsed() >= WORKED;
        connector.ended(error, acknowledged && over)
    }

    /// Reads the epoch again before anything is sent that nobody has confirmed lately.
    async fn confirm(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), Cut> {
        while self.link.pending() > 0 || self.sender.feed.is_loaded() {
            let known = self.superseded_at.map_or(Duration::MAX, |at| at.elapsed());
            let silence = self.sender.ledger.unconfirmed().min(known);
            if silence < CONFIRM {
                break;
            }
            let begun = Instant::now();
            match self.sender.ledger.holds_epoch().await {
                Ok(true) => {}
                // What it holds is another's by now.
                Ok(false) if silence >= ASLEEP && self.link.pending() > 0 => return Err(Cut::Fenced),
                // It will be told to stop, and may finish what is in flight.
                Ok(false) => {
                    self.superseded = true;
                    self.superseded_at = Some(begun);
                }
                Err(_) if is_stopped(stop) => return Err(Cut::Fenced),
                Err(error) => {
                    let connection = &self.sender.job.connection.id;
                    tracing::warn!(%connection, %error, "the epoch could not be read; nothing is sent until it can be");
                    tokio::select! {
                        () = tokio::time::sleep(READ_RETRY) => {}
                        () = stopped(stop) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Messages that may be queued now.
    fn budget(&mut self, now: Instant) -> usize {
        let sender = &*self.sender;
        if self.retiring || self.link.pending() >= PENDING_MAX || !sender.progress.has_room() || sender.ledger.is_full()
        {
            return 0;
        }
        self.pace.as_mut().map_or(usize::MAX, |pace| pace.available(now))
    }

    fn feed(&mut self, now: Instant) -> Result<(), Cut> {
        let budget = self.budget(now);
        if !self.sender.feed.is_loaded() {
            self.stuck_since = None;
            return Ok(());
        }
        if budget == 0 {
            let since = *self.stuck_since.get_or_insert(now);
            if now - since >= HOLD {
                self.sender.feed.rewind();
            }
            return Ok(());
        }
        self.stuck_since = None;
        let Sender { feed, progress, ledger, job, .. } = &mut *self.sender;
        let chunk = feed.chunk(progress, budget);
        for what in chunk.unsendable.drain(..) {
            if ledger.quarantine(what) {
                job.live.quarantined(job.context.clock.now());
            }
        }
        if let Some((first, last)) = chunk.gone {
            ledger.gone(first, last, &chunk.damaged);
        }
        self.link.queue(&chunk.bytes, &mut chunk.ends)?;
        progress.count_bytes(chunk.bytes.len());
        self.first_end = self.first_end.or(chunk.ends.first().copied());
        let mut ends = chunk.ends.iter();
        for entry in &chunk.entries {
            let end = if entry.kind == Kind::Sent { ends.next().copied().unwrap_or(u64::MAX) } else { 0 };
            progress.push(*entry, end);
        }
        if let Some(pace) = &mut self.pace {
            pace.take(chunk.ends.len());
        }
        self.look = *LOOK.start();
        self.look_at = self.look_at.min(now + self.look);
        Ok(())
    }

    /// Collects acknowledgements, then the peer's window.
    fn collect(&mut self) -> Result<(), LinkError> {
        let offset = self.link.acknowledged()?;
        let now = Instant::now();
        let since = now.duration_since(self.begun);
        let offset = self.settling.as_mut().map_or(offset, |settling| settling.settled(offset, since));
        if now >= self.look_at {
            self.look = if offset > self.acknowledged { *LOOK.start() } else { (self.look * 2).min(*LOOK.end()) };
            self.look_at = now + self.look;
        }
        self.acknowledged = offset;
        if self.link.is_half_open() && self.has_acknowledged() && !self.sender.connector.reads_on {
            self.sender.connector.reads_on = true;
            let connection = &self.sender.job.connection.id;
            tracing::info!(%connection, "the receiver has ended its direction and reads on; nothing proves any more what it has read");
        }
        let clock = &self.sender.job.context.clock;
        self.sender.progress.acknowledge(offset, clock.now(), clock.monotonic());
        if self.measure.path_watched.is_some() {
            let window = self.link.path()?.and_then(|path| path.window);
            self.sender.progress.observe_peer(window.map_or(WINDOW_UNKNOWN, u64::from));
        }
        Ok(())
    }

    fn judge(&mut self, now: Instant) -> Result<(), LinkError> {
        if now < self.judge_at {
            return Ok(());
        }
        self.judge_at = now + JUDGE;
        let blind = self.measure.is_blind();
        match self.link.path()? {
            // What settles by time alone says nothing of what is on its way.
            Some(path) if (blind || !self.sender.progress.is_idle()) && self.path.is_dead(&path) => {
                Err(LinkError::Dead)
            }
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.sender.progress.is_idle() && self.link.pending() == 0
    }

    fn publish(&self) {
        let Sender { progress, job, .. } = &*self.sender;
        // The events of a replay are old by nature, so that their age says nothing of the receiver.
        let oldest = progress.oldest().filter(|_| !job.is_replay());
        job.live.publish(progress.cursor(), oldest, job.context.clock.now());
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, now: Instant, stop: &mut watch::Receiver<bool>) -> Result<(), Cut> {
        let budget = self.budget(now);
        let wake = self.wake_at(now, budget);
        let Sender { feed, progress, ledger, job, .. } = &mut *self.sender;
        let next = progress.next();
        let running = self.stopping.is_none();
        let end = job.last().unwrap_or(Position(u64::MAX));
        let more = (*self.head.borrow_and_update()).min(end) >= next;
        let load = running && more && budget > 0 && now >= self.read_at && !feed.is_loaded();
        let store = ledger.due(&progress.to_store());
        if store.is_some_and(|at| at <= now) {
            ledger.begin(progress.to_store());
        }
        let wake = store.filter(|at| *at > now).map_or(wake, |at| wake.min(at));
        tokio::select! {
            ready = self.link.ready(self.link.pending() > 0) => { ready.map_err(LinkError::from)?; }
            stored = ledger.finished() => match stored {
                Stored::Fenced => return Err(Cut::Fenced),
                Stored::Superseded => self.superseded = true,
                Stored::Done | Stored::Failed => {}
            },
            loaded = feed.load(next), if load => {
                if let Err(error) = loaded {
                    if error.code == INTERNAL {
                        return Err(Cut::Defect(LinkFailure::new(INTERNAL, error.detail)));
                    }
                    tracing::warn!(connection = %job.connection.id, %error, "the log could not be read; trying again");
                    self.read_at = Instant::now() + READ_RETRY;
                }
            }
            _ = self.head.changed(), if running && !more => {}
            () = stopped(stop), if running => {}
            () = tokio::time::sleep_until(wake) => {}
        }
        Ok(())
    }

    fn wake_at(&self, now: Instant, budget: usize) -> Instant {
        let mut wake = now + NEVER;
        if !self.is_empty() {
            let full = !self.sender.progress.has_room() || self.stopping.is_some();
            // A full window is opened by acknowledgements alone: look often.
            let look =
                if full { self.look_at.min(now + LOOK.start().max(&(self.look / 8)).to_owned()) } else { self.look_at };
            wake = wake.min(look).min(self.judge_at.max(now));
        }
        if let Some(pace) = &self.pace
            && budget == 0
            && !self.retiring
        {
            wake = wake.min(pace.next_at());
        }
        if self.sender.feed.is_loaded()
            && let Some(since) = self.stuck_since
        {
            wake = wake.min(since + HOLD);
        }
        if self.read_at > now {
            wake = wake.min(self.read_at);
        }
        if self.link.is_half_open() && !self.is_known_to_read() && self.begun + UNDECIDED > now {
            wake = wake.min(self.begun + UNDECIDED);
        }
        self.stopping.map_or(wake, |limit| wake.min(limit))
    }

    /// Ends our direction and waits for the peer's.
    async fn finish(&mut self) -> bool {
        self.publish();
        self.link.half_close().is_ok() && self.link.finished_by_peer(FIN_LIMIT).await
    }
}
