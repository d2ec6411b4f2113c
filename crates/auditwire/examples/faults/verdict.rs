//! What a run came to: its lanes' accounts in one line, and an error when one of them is not what was promised.

use crate::Result;
use crate::ledger::Account;

/// Most bytes in flight on a link, with one step of the index of places.
const IN_FLIGHT: u64 = (4 << 20) + (128 << 10);
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

/// The most messages that one link may repeat: the rule's part behind what was acknowledged, and what was in flight. No window
/// is wider than the buffer that it opens to, of `buffer` bytes. What stands around a text is at least 250 bytes.
pub(crate) fn bound(buffer: u64, text: usize) -> u64 {
    ((2 * buffer).clamp(6 << 20, OVERLAP_MAX) + IN_FLIGHT) / (text as u64 + 250)
}

/// Prints all lanes together; fails with the first that broke a promise.
pub(crate) fn judge(all: &[Finished]) -> Result<()> {
    let sum = |what: fn(&Finished) -> u64| all.iter().map(what).sum::<u64>();
    println!(
        "accepted {}, parsed {}, missing {}, renumbered {}, out of order {}, links behind a hole {}; repeated {} (most on one link {} of at most {})",
        sum(|l| l.accepted),
        sum(|l| l.account.parsed),
        sum(|l| l.account.missing.len() as u64),
        sum(|l| l.account.renumbered),
        sum(|l| l.account.disorder),
        sum(|l| l.account.holes.len() as u64),
        sum(|l| l.account.repeated),
        all.iter().map(|l| l.account.repeated_most).max().unwrap_or(0),
        all.iter().map(|l| l.bound).max().unwrap_or(0),
    );
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
