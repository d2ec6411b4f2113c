//! What stands above every page of a project while something is wrong with it or its delivery.

use auditwire_engine::alerts::AlertKind;
use auditwire_engine::readiness::{Readiness, Trouble};
use auditwire_engine::records::{Alert, Project};

use super::time::{Calendar, When};
use super::urls::Urls;
use super::words::Words;

/// Alerts that are told one by one.
const SHOWN: usize = 3;

/// An alert as it is shown.
#[derive(Debug)]
pub(crate) struct Banner {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
    pub(crate) since: When,
    /// The page of its connection, or of the retention; and what its link says.
    pub(crate) url: String,
    pub(crate) link: String,
}

/// The alerts that are shown, and how many more there are.
pub(crate) fn banners(
    alerts: &[Alert],
    project: Option<&Project>,
    words: Words,
    calendar: &Calendar,
) -> (Vec<Banner>, u64) {
    let Some(project) = project else { return (Vec::new(), 0) };
    // What is wrong with the service itself stands above all pages of those who operate it.
    let alerts: Vec<&Alert> = alerts.iter().filter(|alert| !matches!(alert.kind, AlertKind::Service(_))).collect();
    let shown = alerts.iter().take(SHOWN).map(|alert| {
        let (what, remedy) = words_of(alert.kind);
        let link = words.t(match (&alert.connection, &alert.token) {
            (Some(_), _) => "alert-open",
            (None, Some(_)) => "alert-open-alerts",
            (None, None) => "alert-open-retention",
        });
        let url = page_of(alert, Urls(&project.id));
        Banner { what: words.t(what), remedy: words.t(remedy), since: calendar.when(alert.since), url, link }
    });
    (shown.collect(), alerts.len().saturating_sub(SHOWN) as u64)
}

/// Something that is wrong with the service itself, as it is shown.
#[derive(Debug)]
pub(crate) struct Ill {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The name in `/readyz`, the log and the documents.
    pub(crate) code: &'static str,
}

/// What is wrong with the service itself, the worst first.
pub(crate) fn ills(readiness: &Readiness, words: Words) -> Vec<Ill> {
    let ill = |(trouble, _): (Trouble, String)| {
        let (what, remedy) = of_service(trouble);
        Ill { what: words.t(what), remedy: words.t(remedy), code: trouble.code() }
    };
    readiness.standing().into_iter().map(ill).collect()
}

/// Where something can be done about it.
pub(super) fn page_of(alert: &Alert, urls: Urls<'_>) -> String {
    match (&alert.connection, &alert.token) {
        (Some(connection), _) => urls.delivery(connection.as_str()),
        // Tokens have no page of their own; that of the alerts says more.
        (None, Some(_)) => urls.alerts(),
        (None, None) => urls.retention(),
    }
}

/// The keys of what is wrong and of what to do.
pub(super) fn words_of(kind: AlertKind) -> (&'static str, &'static str) {
    match kind {
        AlertKind::DeliveryDegraded => ("alert-delivery-degraded", "alert-delivery-degraded-remedy"),
        AlertKind::BacklogNearRetention => ("alert-backlog-near-retention", "alert-backlog-near-retention-remedy"),
        AlertKind::CertificateExpiring => ("alert-certificate-expiring", "alert-certificate-expiring-remedy"),
        AlertKind::ProjectQuota => ("alert-project-quota", "alert-project-quota-remedy"),
        AlertKind::TokenExpiring => ("alert-token-expiring", "alert-token-expiring-remedy"),
        AlertKind::RetentionReduction => ("alert-retention-reduction", "alert-retention-reduction-remedy"),
        AlertKind::Service(trouble) => of_service(trouble),
    }
}

/// The keys of what is wrong with the service itself and of what to do.
fn of_service(trouble: Trouble) -> (&'static str, &'static str) {
    match trouble {
        Trouble::StorageGone => ("trouble-storage-gone", "trouble-storage-gone-remedy"),
        Trouble::StoreDamaged => ("trouble-store-damaged", "trouble-store-damaged-remedy"),
        Trouble::CommitsFailing => ("trouble-commits-failing", "trouble-commits-failing-remedy"),
        Trouble::StorageFull => ("trouble-storage-full", "trouble-storage-full-remedy"),
        Trouble::ReserveMissing => ("trouble-reserve-missing", "trouble-reserve-missing-remedy"),
        Trouble::ClockAhead => ("trouble-clock-ahead", "trouble-clock-ahead-remedy"),
        Trouble::UpkeepStalled => ("trouble-upkeep-stalled", "trouble-upkeep-stalled-remedy"),
        Trouble::DeliveryStalled => ("trouble-delivery-stalled", "trouble-delivery-stalled-remedy"),
        Trouble::SegmentsMissing => ("trouble-segments-missing", "trouble-segments-missing-remedy"),
        Trouble::FilesUnaccounted => ("trouble-files-unaccounted", "trouble-files-unaccounted-remedy"),
        Trouble::ExpiryHeld => ("trouble-expiry-held", "trouble-expiry-held-remedy"),
    }
}
