//! A connection and a check as they are shown. No secret can get in here: none is in what the engine shows.

use std::borrow::Cow;
use std::time::Duration;

use auditwire_engine::connections::ConnectionView;
use auditwire_engine::delivery::check::{CheckReport, StageReport};
use auditwire_engine::delivery::{DeliveryState, FreshState, LastError};
use auditwire_model::Timestamp;
use auditwire_model::connection::{
    ConnectionSpec, Filter, Format, Framing, Options, Receiver, TlsSpec, Transport, Warning,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A SIEM connection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionAnswer {
    /// Opaque.
    id: String,
    /// One more with each change; the ETag in quotes.
    revision: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Unique in its project.
    name: String,
    /// What is at the other end: `kuma`, `maxpatrol`, `arcsight`, `qradar`, `splunk`, `sentinel`, `wazuh`, `elastic`, `graylog`, `rsyslog`,
    /// `syslog_ng`, `other`, or null. Where a request names it, `transport`, `format`, `framing` and the options `cef_envelope`,
    /// `max_bytes`, `ipv6_in_src` and `structured_data` are as that product wants them, unless the request names them, too.
    #[schema(value_type = Option<String>, example = "qradar")]
    receiver: Option<Receiver>,
    /// `IP:port`, `[IPv6]:port` or `host:port`.
    #[schema(example = "siem.example.com:6514")]
    endpoint: String,
    /// As people write it, when its name is in another script than Latin and `endpoint` has its A-labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "сервер.рф:6514")]
    endpoint_unicode: Option<String>,
    /// `tcp`, `udp`, `tls`, `relp` or `relp_tls`.
    #[schema(value_type = String)]
    transport: Transport,
    /// Only with `tls` and `relp_tls`: `server_name`, `verify`, `fingerprint`, `min_version`, `certificates`, `client_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    tls: Option<TlsSpec>,
    /// `rfc5424`, `cef`, `leef` or `json`.
    #[schema(value_type = String)]
    format: Format,
    /// `lf` or `octet_counting`; ignored by UDP and RELP.
    #[schema(value_type = String)]
    framing: Framing,
    /// `facility`, `hostname`, `app_name`, `bom`, `max_bytes`, `cef_envelope`, `pen`, `overlap_bytes`, `overlap_seconds`, `heartbeat_seconds`,
    /// `order`; `mapping` (1 or 2: which field goes under which key; a new connection gets 2, a change that does not name it keeps what is
    /// stored), and those that need mapping 2 unless they are at their defaults: `leef_cat` (`outcome`, `source`), `ipv6_in_src`,
    /// `metadata_keys` (at most 16 paths `resource.metadata.KEY` or `subject.metadata.KEY`), `structured_data` (`full`, `ids`, `none`),
    /// `message` (`json`, `text`).
    #[schema(value_type = Object)]
    options: Options,
    /// `kind`, `status`, `source`, `query`.
    #[schema(value_type = Object)]
    filter: Filter,
    /// Events per second.
    rate_limit: Option<u32>,
    /// `inactive`, `active`, `degraded` or `failing`.
    status: &'static str,
    /// Since when it has this status.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// A check code, when degraded or failing.
    cause: Option<&'static str>,
    /// False when the peer's certificate is not verified.
    verified: bool,
    /// What its receiver is known to read wrongly, or not at all. A warning stops nothing.
    warnings: Vec<WarningAnswer>,
    /// Counters and positions.
    delivery: DeliveryAnswer,
}

/// Something that a receiver is known to read wrongly although it is right.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(crate) struct WarningAnswer {
    /// Stable.
    #[schema(example = "receiver_size")]
    code: &'static str,
    /// The field to change, by its dotted path.
    #[schema(example = "options.max_bytes")]
    field: &'static str,
    /// What is wrong and what to do.
    message: String,
}

/// What is known of a receiver, as it is shown.
pub(super) fn warned(warnings: &[Warning]) -> Vec<WarningAnswer> {
    let warned =
        |warning: &Warning| WarningAnswer { code: warning.code, field: warning.field, message: warning.detail() };
    warnings.iter().map(warned).collect()
}

/// How far a connection has come; counters since it was created.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
struct DeliveryAnswer {
    /// Every event up to here is settled.
    cursor: u64,
    /// Last acknowledged position.
    acknowledged: u64,
    /// When that was; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    acknowledged_at: Option<Timestamp>,
    /// First sendings.
    sent: u64,
    /// Repeated sendings.
    resent: u64,
    /// Kept back by the filter.
    filtered: u64,
    /// Set aside.
    quarantined: u64,
    /// Events after the cursor, before the filter.
    backlog: u64,
    /// `received_at` of the oldest event that is not settled.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_unacknowledged_at: Option<Timestamp>,
    /// How long that one has waited, in milliseconds.
    oldest_unacknowledged_ms: Option<u64>,
    /// Times a link was made anew.
    reconnects: u64,
    /// Who says that a message was taken: `kernel` (the receiver's TCP stack), `program` (the receiver, over RELP), or `time`: nobody
    /// does, and it counts as settled a while after it was handed over (UDP: 1 s; TCP where the service's system does not tell
    /// what was acknowledged: 5 s, and more is sent again after a break). Of the present or last link; null before the first one.
    #[schema(example = "kernel")]
    acknowledged_by: Option<&'static str>,
    /// The service's system tells the state of the path, so that a dead one is noticed within 15 s and an orderly end needs no
    /// resend. Null before the first link, and over UDP.
    path_watched: Option<bool>,
    /// Also when it is over.
    last_error: Option<LastErrorAnswer>,
    /// The second stream, while fresh events go first (`options.order` = `live_first`): then `cursor`, `acknowledged` and
    /// `oldest_unacknowledged_at` are those of the backlog before it, and the counters count both.
    fresh: Option<FreshAnswer>,
}

/// How far the second stream of a connection has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FreshStream)]
struct FreshAnswer {
    /// Its first position.
    from: u64,
    /// Every event from there up to here is settled.
    cursor: u64,
    /// Last acknowledged position.
    acknowledged: u64,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    acknowledged_at: Option<Timestamp>,
    /// `received_at` of the oldest event in flight.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_unacknowledged_at: Option<Timestamp>,
}

/// An error of a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastError)]
struct LastErrorAnswer {
    /// A check code.
    code: &'static str,
    /// For people.
    message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<ConnectionView> for ConnectionAnswer {
    fn from(view: ConnectionView) -> Self {
        let age = view.oldest_unacknowledged_age();
        let ConnectionView { stored, status, since, cause, verified, delivery, warnings, .. } = view;
        let ConnectionSpec { name, receiver, endpoint, transport, tls, format, framing, options, filter, rate_limit } =
            stored.spec;
        Self {
            id: stored.id.to_string(),
            revision: stored.revision,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            name,
            endpoint_unicode: endpoint.readable(),
            receiver,
            endpoint: endpoint.to_string(),
            transport,
            tls,
            format,
            framing,
            options,
            filter,
            rate_limit,
            status: status.as_str(),
            since,
            cause,
            verified,
            warnings: warned(&warnings),
            delivery: DeliveryAnswer::of(delivery, age),
        }
    }
}

impl DeliveryAnswer {
    fn of(state: DeliveryState, age: Option<Duration>) -> Self {
        Self {
            cursor: state.cursor.0,
            acknowledged: state.acknowledged.0,
            acknowledged_at: state.acknowledged_at,
            sent: state.sent,
            resent: state.resent,
            filtered: state.filtered,
            quarantined: state.quarantined,
            backlog: state.backlog,
            oldest_unacknowledged_at: state.oldest_unacknowledged_at,
            oldest_unacknowledged_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            reconnects: state.reconnects,
            acknowledged_by: state.measure.map(|measure| measure.acknowledged_by.as_str()),
            path_watched: state.measure.and_then(|measure| measure.path_watched),
            last_error: state.last_error.map(|LastError { code, message, at }| LastErrorAnswer { code, message, at }),
            fresh: state.fresh.map(FreshAnswer::from),
        }
    }
}

impl From<FreshState> for FreshAnswer {
    fn from(state: FreshState) -> Self {
        Self {
            from: state.from.0,
            cursor: state.cursor.0,
            acknowledged: state.acknowledged.0,
            acknowledged_at: state.acknowledged_at,
            oldest_unacknowledged_at: state.oldest_unacknowledged_at,
        }
    }
}

/// What a connection check came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckAnswer {
    /// All stages passed.
    ok: bool,
    /// The peer confirmed; never for UDP.
    confirmed: bool,
    /// The stored revision that was checked; null for a candidate.
    revision: Option<u64>,
    /// In order; ends with the first that failed.
    stages: Vec<StageAnswer>,
    /// What its receiver is known to read wrongly; no stage can see that.
    warnings: Vec<WarningAnswer>,
}

/// One stage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckStage)]
struct StageAnswer {
    /// `address`, `resolve`, `connect`, `tls`, `send`, `watch` or `acknowledge`.
    stage: &'static str,
    /// Passed?
    ok: bool,
    /// Stable (product section 9).
    #[schema(example = "cert_expired")]
    code: Cow<'static, str>,
    /// What was seen.
    message: String,
    /// What to do; empty when it passed.
    remedy: String,
    /// How long it took, in milliseconds.
    ms: u64,
}

impl From<CheckReport> for CheckAnswer {
    fn from(report: CheckReport) -> Self {
        let CheckReport { ok, confirmed, revision, stages, warnings } = report;
        let stages = stages.into_iter().map(StageAnswer::from).collect();
        Self { ok, confirmed, revision, stages, warnings: warned(&warnings) }
    }
}

impl From<StageReport> for StageAnswer {
    fn from(report: StageReport) -> Self {
        let StageReport { stage, ok, code, message, remedy, took } = report;
        Self {
            stage: stage.as_str(),
            ok,
            code,
            message,
            remedy,
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
