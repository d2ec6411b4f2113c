//! Which death, and when: chosen by the seed, with the counts that a run must have.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// How a receiver ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It reads what is there and closes.
    Fin,
    /// It closes with a reset.
    Rst,
    /// It is killed while it reads.
    Kill,
    /// It stops reading, and is killed later.
    Frozen,
    /// It is stopped (SIGSTOP), and killed later.
    Stopped,
    /// It ends its own direction and reads on, and is killed later.
    Half,
    /// It has stopped reading, ends its own direction, and is killed later.
    HalfFrozen,
    /// It is killed while every packet is lost, in the other namespace.
    Dark,
    /// A proxy in between is killed.
    Proxy,
    /// It is killed behind a proxy; its connection asks for an overlap in time.
    BehindProxy,
}

impl Kind {
    /// Those of a receiver that nothing stands before.
    pub(crate) const PLAIN: [Self; 7] =
        [Self::Fin, Self::Rst, Self::Kill, Self::Frozen, Self::Stopped, Self::Half, Self::HalfFrozen];

    /// As tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fin => "closes (FIN)",
            Self::Rst => "resets (RST)",
            Self::Kill => "killed while reading",
            Self::Frozen => "stops reading, killed",
            Self::Stopped => "SIGSTOP, killed",
            Self::Half => "half-closes, killed",
            Self::HalfFrozen => "stops reading, half-closes, killed",
            Self::Dark => "killed while packets are lost",
            Self::Proxy => "a proxy in between is killed",
            Self::BehindProxy => "killed behind a proxy",
        }
    }
}

/// One death.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// `SO_RCVBUF`.
    pub(crate) receive_buffer: Option<u32>,
    /// Bytes read before it stops reading, for the kinds that do.
    pub(crate) freeze: u64,
    /// From the link, or from when it stopped reading, to what is done to it.
    pub(crate) moment: Duration,
    /// From then to its end, for the kinds that live on.
    pub(crate) hold: Duration,
}

/// `count` deaths in an order of their own. Of 23: 9 hold what they do not read, 4 half-close, and one each comes in the dark, to a
/// proxy, and behind one; of the others about 5 are to come within the first 100 ms of their link, and about 6 have `SO_RCVBUF` of at
/// least 2 MiB.
pub(crate) fn deaths(seed: u64, count: usize, buffer_max: u64) -> Vec<Plan> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut plans: Vec<Plan> = (0..count).map(|i| death(&mut rng, i, buffer_max)).collect();
    plans.shuffle(&mut rng);
    plans
}

fn death(rng: &mut SmallRng, i: usize, buffer_max: u64) -> Plan {
    use Kind::{BehindProxy, Dark, Fin, Frozen, Half, HalfFrozen, Kill, Proxy, Rst, Stopped};
    const KINDS: [Kind; 23] = [
        Frozen,
        Half,
        Kill,
        Fin,
        Rst,
        Frozen,
        Stopped,
        HalfFrozen,
        Kill,
        Rst,
        Frozen,
        Half,
        Stopped,
        Fin,
        Kill,
        Frozen,
        HalfFrozen,
        Frozen,
        Rst,
        Kill,
        Dark,
        Proxy,
        BehindProxy,
    ];
    let kind = KINDS[i % KINDS.len()];
    let (large, small) = ((2 << 20).max(buffer_max / 2).min(buffer_max), 64 << 10);
    let large = u32::try_from(large).unwrap_or(u32::MAX);
    let receive_buffer = [None, Some(small), Some(large), None, None, Some(large)][rng.random_range(0..6)];
    let freeze = [0, 1 << 20, 8 << 20, rng.random_range(0..3 << 20)][rng.random_range(0..4)];
    let early = rng.random_range(0..4) == 0;
    let moment = if early { rng.random_range(0..60) } else { rng.random_range(200..2600) };
    let hold = rng.random_range(match kind {
        _ if early => 0..20,
        Half | HalfFrozen => 0..400,
        _ => 600..2200,
    });
    let (moment, hold) = (Duration::from_millis(moment), Duration::from_millis(hold));
    Plan { kind, receive_buffer, freeze: if early { 0 } else { freeze }, moment, hold }
}
