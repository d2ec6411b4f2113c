//! What a run came to: its lanes' accounts in one line, and an error when one of them is not what was promised.

use crate::Result;
use crate::ledger::Account;

/// Most bytes in flight on a link, with the pieces that are sent at once and one step of the index of places.
const IN_FLIGHT: u64 = (4 << 20) + (256 << 10);
/// Most bytes sent again behind what was acknowledged, unless configured otherwise.
const OVERLAP_MAX: u64 = 32 << 20;

/// A lane at its end.
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) account: Account,
    /// Events that were answered 200.
    pub(crate) accepted: u64,
    /// Most messages that may come twice on one link.
    pub(crate) bound: u64,
}

/// The most messages that one link may repeat, by the rule that `docs/delivery.md` states: twice the widest window that a receiver of
/// the lane advertised, 6 MiB at least and the cap at most, and what was in flight; for messages of so many bytes.
pub(crate) fn bound(widest: u64, cap: Option<u64>, message: u64) -> u64 {
    ((2 * widest).max(6 << 20).min(cap.unwrap_or(OVERLAP_MAX)) + IN_FLIGHT) / message.max(1)
}

/// Prints all lanes together; fails with the first that broke a promise.
pub(crate) fn judge(all: &[Finished]) -> Result<()> {
    let sum = |what: fn(&Finished) -> u64| all.iter().map(what).sum::<u64>();
    println!(
        "accepted {}, parsed {}, missing {}, renumbered {}, out of order {}, links behind a hole {}; repeated {}",
        sum(|l| l.accepted),
        sum(|l| l.account.parsed),
        sum(|l| l.account.missing.len() as u64),
        sum(|l| l.account.renumbered),
        sum(|l| l.account.disorder),
        sum(|l| l.account.holes.len() as u64),
        sum(|l| l.account.repeated),
    );
    let share = |l: &&Finished| l.account.repeated_most * 1000 / l.bound.max(1);
    if let Some(worst) = all.iter().max_by_key(share) {
        let Finished { name, account, bound, .. } = worst;
        println!("nearest to its bound was {name}: {} of {bound} messages repeated on one link", account.repeated_most);
    }
    for Finished { name, account, bound, .. } in all {
        let Account { missing, renumbered, disorder, holes, repeated_most, .. } = account;
        let sound = missing.is_empty() && *renumbered == 0 && *disorder == 0 && holes.is_empty();
        if !sound || repeated_most > bound {
            return Err(format!(
                "{name}: missing {} (first {:?}), renumbered {renumbered}, out of order {disorder}, holes before links {holes:x?}, repeated {repeated_most} of at most {bound}",
                missing.len(),
                missing.first()
            )
            .into());
        }
    }
    println!("nothing is missing");
    Ok(())
}
