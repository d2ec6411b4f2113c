//! Which requests have a line in the log, and what it says: never a request's query, headers or body.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::api::Problem;

/// The target of lines that stand in the log because of [`Access`]. They are a record, however often they repeat.
pub const ACCESS: &str = "auditwire_server::access";

/// The target of other lines.
const OWN: &str = "auditwire_server::transport";

/// Which requests have a line at level `info`. Those that failed on our side have one at `warn` or `error`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Those that change something; events that are taken in are none.
    #[default]
    Changes,
    /// All.
    All,
    /// Changes, refusals, and one of so many others.
    Sample(NonZeroU32),
}

/// Decides of each request.
#[derive(Debug)]
pub(crate) struct AccessLog {
    rule: Access,
    /// Requests that only a sample is written of.
    seen: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(rule: Access) -> Self {
        Self { rule, seen: AtomicU64::new(0) }
    }

    /// Whether a request has its line by the rule. The first of a sample has.
    fn keeps(&self, is_change: bool, status: StatusCode) -> bool {
        let failed = status.is_client_error() || status.is_server_error();
        match self.rule {
            // What strangers are refused is no change, and may come in floods.
            Access::Changes => is_change && !failed,
            Access::All => true,
            Access::Sample(one_of) => {
                let is_sampled = || self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(u64::from(one_of.get()));
                is_change || failed || is_sampled()
            }
        }
    }
}

/// One request, as it is logged.
pub(super) struct Line<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) client: IpAddr,
    pub(super) took: Duration,
}

impl Line<'_> {
    pub(super) fn log(&self, status: StatusCode, problem: Option<&Problem>, access: &AccessLog) {
        let Self { id: request_id, method, path, client, took } = *self;
        // Reads and intake come by the thousand; changes are rare and worth a line.
        let is_change = !method.is_safe() && !path.ends_with("/events");
        let kept = access.keeps(is_change, status);
        let (status, took_ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let code = problem.map(Problem::code);
        // What is kept by the rule is written however often it repeats; the rest may be a flood.
        macro_rules! say {
            ($level:ident, $target:expr, $text:literal $(, $cause:ident)?) => {
                tracing::$level!(
                    target: $target, request_id, %method, path, %client, status, code, took_ms, $($cause,)? $text
                )
            };
        }
        let is_refusal = problem.is_some_and(|p| p.status().is_server_error());
        match (problem.and_then(Problem::cause), kept) {
            (Some(cause), true) => say!(error, ACCESS, "request failed", cause),
            (Some(cause), false) => say!(error, OWN, "request failed", cause),
            (None, true) if is_refusal => say!(warn, ACCESS, "request refused"),
            (None, false) if is_refusal => say!(warn, OWN, "request refused"),
            (None, true) => say!(info, ACCESS, "request"),
            (None, false) if is_change => say!(info, OWN, "request refused"),
            (None, false) => say!(debug, OWN, "request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_decides_which_requests_have_a_line() {
        let (ok, refused, broken) = (StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::SERVICE_UNAVAILABLE);
        let kept = |rule, cases: &[(bool, StatusCode)]| {
            let log = AccessLog::new(rule);
            cases.iter().map(|(is_change, status)| log.keeps(*is_change, *status)).collect::<Vec<_>>()
        };
        let cases = [(true, ok), (true, refused), (false, ok), (false, refused), (false, broken)];
        assert_eq!(kept(Access::Changes, &cases), [true, false, false, false, false]);
        assert_eq!(kept(Access::All, &cases), [true; 5]);
        let third = Access::Sample(NonZeroU32::new(3).expect("not zero"));
        assert_eq!(kept(third, &cases), [true; 5], "the first of the sample is among them");
        assert_eq!(kept(third, &[(false, ok); 7]), [true, false, false, true, false, false, true]);
        assert_eq!(kept(third, &[(false, ok), (true, ok), (false, broken), (false, ok)]), [true, true, true, false]);
    }
}
