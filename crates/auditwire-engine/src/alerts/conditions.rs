//! Which alerts should stand, from what is known about a connection and about its project. Pure.

use std::time::Duration;

use auditwire_model::Timestamp;
use auditwire_model::connection::{CertificateInfo, CertificateRole, CertificateTime};

use super::{AlertKind, AlertSettings, BACKLOG_PERCENT, CERTIFICATE_DAYS};
use crate::connections::ConnectionView;
use crate::delivery::{ServerCertificate, Status};
use crate::log::{QuotaUse, QuotaUses, Retention};
use crate::readiness::Trouble;
use crate::retention::{Pending, RetentionView};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// One alert that should stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) kind: AlertKind,
    /// As in [`Alert`](crate::records::Alert): it is told again when this changes.
    pub(super) step: u64,
    /// For people: what is wrong.
    pub(super) message: String,
    /// For people: what to do.
    pub(super) remedy: String,
}

/// Judges a connection; one that is not active has no conditions, because nothing depends on it.
pub(super) fn conditions(
    view: &ConnectionView,
    retention: Retention,
    settings: AlertSettings,
    now: Timestamp,
) -> Vec<Condition> {
    if view.status == Status::Inactive {
        return Vec::new();
    }
    let found = [degraded(view, settings, now), backlog(view, retention, now), certificates(view, now)];
    found.into_iter().flatten().collect()
}

/// Judges what is a project's own.
pub(super) fn of_project(retention: &RetentionView, quotas: QuotaUses) -> Vec<Condition> {
    reduction(retention).into_iter().chain(quota(quotas)).collect()
}

/// What is wrong with the service itself.
pub(super) fn of_service(standing: Vec<(Trouble, String)>) -> Vec<Condition> {
    let condition = |(trouble, detail): (Trouble, String)| Condition {
        kind: AlertKind::Service(trouble),
        step: 0,
        message: format!("The service: {} ({detail})", trouble.what()),
        remedy: capital(trouble.remedy()) + ".",
    };
    standing.into_iter().map(condition).collect()
}

fn quota(quotas: QuotaUses) -> Option<Condition> {
    let of_a_day = quotas.day.map(|quota| ("a day", quota));
    let stored = quotas.stored.map(|quota| ("stored", quota));
    let (what, QuotaUse { used, limit, .. }) = of_a_day.into_iter().chain(stored).find(|(_, quota)| quota.reached)?;
    Some(Condition {
        kind: AlertKind::ProjectQuota,
        step: 0,
        message: format!(
            "The project has used {used} of its {limit} bytes {what}; when they are used up, its events are refused with 429 until \
             there is room again"
        ),
        remedy:
            "Find out who sends so much, or ask the operator for a larger quota. Senders that try again lose nothing."
                .to_owned(),
    })
}

fn reduction(retention: &RetentionView) -> Option<Condition> {
    let Pending { holds, at } = retention.pending?;
    let days = holds.days().map_or_else(|| "without limit".to_owned(), |days| format!("for {days} days"));
    let bytes = holds.bytes.map(|bytes| format!(", and no more than {bytes} bytes of them")).unwrap_or_default();
    Some(Condition {
        kind: AlertKind::RetentionReduction,
        step: u64::try_from(at.as_nanos() / 1_000_000_000).unwrap_or_default(),
        message: format!("From {} on events of the project will be kept {days}{bytes}", at.whole_seconds()),
        remedy: "If nobody of you wanted this, cancel it, find out who asked for it (event retention-update), and take their \
                 token or account away: what ends by it does not come back."
            .to_owned(),
    })
}

fn degraded(view: &ConnectionView, settings: AlertSettings, now: Timestamp) -> Option<Condition> {
    let word = match view.status {
        Status::Degraded => "degraded",
        Status::Failing => "failing",
        Status::Active | Status::Inactive => return None,
    };
    // What is set aside is told by its own event; it degrades for an hour by itself.
    if view.cause == Some("quarantined") || lasts_less(view.since, settings.degraded_after, now) {
        return None;
    }
    let name = &view.stored.spec.name;
    let cause = view.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    Some(Condition {
        kind: AlertKind::DeliveryDegraded,
        step: 0,
        message: format!("SIEM connection {name} is {word}{cause} since {}", view.since.whole_seconds()),
        remedy:
            "Run the connection check: it says why, and what to do. Nothing is lost meanwhile: events wait in the log."
                .to_owned(),
    })
}

/// Since less than `than`. What began later than now began before the clock was set back: nobody knows when.
fn lasts_less(since: Timestamp, than: std::time::Duration, now: Timestamp) -> bool {
    since <= now && now.since(since) < than
}

fn backlog(view: &ConnectionView, retention: Retention, now: Timestamp) -> Option<Condition> {
    let (oldest, age) = (view.delivery.oldest_unacknowledged_at?, retention.age?);
    let waited = now.since(oldest);
    if waited.as_nanos() * 100 < age.as_nanos() * u128::from(BACKLOG_PERCENT) {
        return None;
    }
    let name = &view.stored.spec.name;
    Some(Condition {
        kind: AlertKind::BacklogNearRetention,
        step: 0,
        message: format!(
            "The oldest event that SIEM connection {name} has not delivered was received at {}; events are kept for {} days",
            oldest.whole_seconds(),
            age.as_secs() / DAY.as_secs()
        ),
        remedy: "Mend the delivery or lengthen the retention: what retention removes first is not delivered."
            .to_owned(),
    })
}

/// The certificate that ends first.
fn certificates(view: &ConnectionView, now: Timestamp) -> Option<Condition> {
    let stored = view.stored.spec.tls.iter().flat_map(|tls| &tls.certificates).map(told);
    let server = view.server_certificate.iter().map(|ServerCertificate { subject, not_after }| {
        ("the SIEM's certificate", subject.as_str(), *not_after, "Renew it at the SIEM.")
    });
    let (whose, subject, ends, remedy) = stored.chain(server).min_by_key(|(_, _, ends, _)| *ends)?;
    let left = if ends <= now.into() { None } else { Some(ends.nearest().since(now)) };
    let name = &view.stored.spec.name;
    let (step, when) = match left {
        None => (0, format!("has expired at {ends}")),
        Some(left) => {
            let step =
                CERTIFICATE_DAYS.into_iter().rev().find(|days| left <= DAY * u32::try_from(*days).unwrap_or(1))?;
            (step, format!("expires at {ends}"))
        }
    };
    Some(Condition {
        kind: AlertKind::CertificateExpiring,
        step,
        message: format!("{} of SIEM connection {name} ({subject}) {when}", capital(whose)),
        remedy: remedy.to_owned(),
    })
}

fn told(certificate: &CertificateInfo) -> (&'static str, &str, CertificateTime, &'static str) {
    let (whose, remedy) = match certificate.role {
        CertificateRole::Ca => {
            ("the CA certificate", "Paste the CA's next certificate into the TLS key beside this one.")
        }
        CertificateRole::Client => {
            ("the client certificate", "Issue a new one and paste it with its key into the TLS key.")
        }
        CertificateRole::Pinned => {
            ("the pinned certificate", "Paste the SIEM's next certificate into the TLS key beside this one.")
        }
    };
    (whose, &certificate.subject, certificate.not_after, remedy)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_before_the_clock_was_set_back_is_told_rather_than_kept_for_years() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let lasts_less = |since, now| lasts_less(at(since), std::time::Duration::from_secs(300), at(now));
        assert_eq!([lasts_less(100, 399), lasts_less(100, 400), lasts_less(1_000_000, 100)], [true, false, false]);
    }
}
