//! What a clock may do and what is believed of it.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn start() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
}

/// Both clocks, and what is believed of them.
struct World {
    trust: Trust,
    now: Moment,
    newest: Timestamp,
}

impl World {
    /// A start at which the clock shows `off` more than was believed before.
    fn started(off: Duration) -> Self {
        let now = Moment { wall: later(start(), off), monotonic: MINUTE };
        Self { trust: Trust::new(TrustRule::default(), start(), now), now, newest: start() }
    }

    fn pass(&mut self, time: Duration) -> Trusted {
        self.now = Moment { wall: later(self.now.wall, time), monotonic: self.now.monotonic + time };
        self.trust.look(self.now, self.newest)
    }

    fn set(&mut self, wall: Timestamp) -> Trusted {
        self.now.wall = wall;
        self.trust.look(self.now, self.newest)
    }
}

#[test]
fn nothing_ends_before_both_clocks_have_agreed_for_an_hour() {
    let mut world = World::started(Duration::ZERO);
    assert!(!world.pass(Duration::ZERO).may_end, "never at a start");
    assert!(!world.pass(HOUR - MINUTE).may_end);
    let trusted = world.pass(MINUTE);
    assert_eq!((trusted.may_end, trusted.now, trusted.held), (true, world.now.wall, None));
    // A correction of a few seconds is none; one of minutes is.
    assert!(world.set(later(world.now.wall, MINUTE / 2)).may_end);
    assert!(!world.set(later(world.now.wall, MINUTE * 5)).may_end);
    assert!(!world.pass(HOUR - MINUTE).may_end);
    assert!(world.pass(MINUTE).may_end);
}

#[test]
fn a_clock_that_creeps_does_not_agree() {
    let mut world = World::started(Duration::ZERO);
    for _ in 0..1000 {
        let crept = world.set(later(world.now.wall, MINUTE / 3));
        assert!(!crept.may_end && !world.pass(MINUTE).may_end, "a third more than passes");
    }
}

#[test]
fn a_clock_that_went_further_than_time_is_not_believed_until_it_is_back() {
    let mut world = World::started(DAY * 800);
    let at_start = world.pass(Duration::ZERO);
    assert_eq!((at_start.now, at_start.held), (start(), Some(DAY * 800)));
    let held = world.pass(DAY * 2);
    assert_eq!((held.now, held.held, held.may_end), (later(start(), DAY * 2), Some(DAY * 800), true), "time goes on");
    world.set(later(start(), DAY * 2));
    let back = world.pass(HOUR);
    assert_eq!((back.now, back.held, back.may_end), (world.now.wall, None, true));
}

#[test]
fn a_jump_within_the_limit_is_believed_after_an_hour_and_no_more_than_that() {
    let mut world = World::started(DAY - MINUTE);
    assert_eq!(world.pass(Duration::ZERO).held, None);
    assert!(world.pass(HOUR).may_end);
    // The next one counts from there.
    assert_eq!(world.set(later(world.now.wall, DAY + MINUTE)).held, Some(DAY + MINUTE));
    // Many small ones, none of which has agreed with itself, are together one large one.
    let mut world = World::started(Duration::ZERO);
    let jumps = (0..4).map(|_| {
        let jumped = world.set(later(world.now.wall, HOUR * 7)).held.is_some();
        world.pass(MINUTE);
        jumped
    });
    assert_eq!(jumps.collect::<Vec<_>>(), [false, false, false, true]);
}

#[test]
fn an_operator_releases_it() {
    let mut world = World::started(DAY * 7);
    assert!(world.pass(HOUR).held.is_some());
    world.trust.accept(world.now);
    let released = world.pass(Duration::ZERO);
    assert_eq!((released.now, released.held, released.may_end), (world.now.wall, None, true));
}

#[test]
fn behind_the_newest_event_nothing_ends_and_nothing_is_learned() {
    let mut world = World::started(Duration::ZERO);
    world.newest = later(start(), DAY * 800);
    world.pass(HOUR * 2);
    let ahead = world.pass(HOUR);
    assert_eq!((ahead.may_end, ahead.ahead), (false, Some(DAY * 800 - HOUR * 3)));
    // Also a clock that begins in 1970 does not make a later one look like a jump.
    world.newest = start();
    world.set(Timestamp::EPOCH);
    assert!(!world.pass(HOUR * 5).may_end);
    world.set(later(start(), HOUR * 8));
    let right = world.pass(HOUR);
    assert_eq!((right.held, right.may_end), (None, true));
}

#[test]
fn the_trusted_time_is_never_ahead_of_the_clock() {
    let mut world = World::started(Duration::ZERO);
    world.pass(DAY);
    world.newest = Timestamp::EPOCH;
    let back = world.set(start());
    assert_eq!((back.now, back.held), (start(), None));
}
