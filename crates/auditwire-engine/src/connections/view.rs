//! Reading connections: what is stored, joined with what the sender knows now.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::{ConnectionSpec, Verify, Warning, warnings};
use auditwire_model::{ProjectId, Timestamp};

use super::stored;
use crate::Engine;
use crate::delivery::{DeliveryState, FreshState, LiveState, ServerCertificate, Status};
use crate::error::Result;
use crate::projects::authorize;
use crate::records::{ActiveConnection, ConnectionRecord, Cursor, Document, Fresh, StoredConnection};
use crate::store::RecordKind;

/// A connection with its live state: what the API shows.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    /// What is stored.
    pub stored: StoredConnection,
    /// Its state.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// A check code, when degraded or failing.
    pub cause: Option<&'static str>,
    /// True only when the peer's certificate is verified: TLS, and not with verification off.
    pub verified: bool,
    /// Counters and positions.
    pub delivery: DeliveryState,
    /// What the SIEM showed on the present or last link; `None` without TLS, and while no sender runs.
    pub server_certificate: Option<ServerCertificate>,
    /// What its receiver is known to read wrongly.
    pub warnings: Vec<Warning>,
    /// When this was so.
    pub at: Timestamp,
}

impl ConnectionView {
    /// How long the oldest event that is not settled has waited; `None` when none waits, or no sender runs.
    #[must_use]
    pub fn oldest_unacknowledged_age(&self) -> Option<Duration> {
        self.delivery.oldest_unacknowledged_at.map(|oldest| self.at.since(oldest))
    }
}

/// All connections of a project, by name.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<ConnectionView>> {
    authorize(engine, caller, project, Verb::ListConnections).await?;
    let active = stored::active(engine, project).await?.value;
    let mut views = Vec::new();
    for record in engine.store.records(RecordKind::Connection, Some(project)).await? {
        let connection = ConnectionRecord::decode(&record)?.into_current();
        views.push(assemble(engine, project, connection, &active).await?);
    }
    views.sort_by(|a, b| a.stored.spec.name.cmp(&b.stored.spec.name));
    Ok(views)
}

/// One connection.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ConnectionView> {
    authorize(engine, caller, project, Verb::GetConnection).await?;
    view(engine, project, id).await
}

/// One connection, for a verb that has asked for its rights already.
pub(super) async fn view(engine: &Engine, project: &ProjectId, id: &str) -> Result<ConnectionView> {
    let connection = stored::connection(engine, project, id).await?.value;
    let active = stored::active(engine, project).await?.value;
    assemble(engine, project, connection, &active).await
}

/// How a connection stands, without reading how far it has come.
pub(super) struct Standing {
    pub(super) status: Status,
    pub(super) since: Timestamp,
    cause: Option<&'static str>,
    is_active: bool,
    live: Option<LiveState>,
}

/// What the sender of an active connection knows, else what its project's record says.
pub(super) fn standing(engine: &Engine, connection: &StoredConnection, active: &ActiveConnection) -> Standing {
    let is_active = active.connection.as_ref() == Some(&connection.id);
    let live = if is_active { engine.delivery.live(&connection.id) } else { None };
    let was_stopped_last = active.connection.is_none() && active.previous.as_ref() == Some(&connection.id);
    let (status, since, cause) = match &live {
        Some(live) => (live.status, live.since, live.cause),
        // Its sender is just being started; health calls it active, too, until its first link fails or is late.
        None if is_active => (Status::Active, active.since, None),
        None if was_stopped_last => (Status::Inactive, active.since, None),
        None => (Status::Inactive, connection.created_at, None),
    };
    Standing { status, since, cause, is_active, live }
}

async fn assemble(
    engine: &Engine,
    project: &ProjectId,
    connection: StoredConnection,
    active: &ActiveConnection,
) -> Result<ConnectionView> {
    let standing = standing(engine, &connection, active);
    complete(engine, project, connection, standing).await
}

/// Joins how a connection stands with how far it has come.
pub(super) async fn complete(
    engine: &Engine,
    project: &ProjectId,
    connection: StoredConnection,
    standing: Standing,
) -> Result<ConnectionView> {
    let Standing { status, since, cause, is_active, live } = standing;
    let cursor = stored::cursor(engine, project, &connection.id).await?.map(|c| c.value);
    let server_certificate = live.as_ref().and_then(|live| live.server_certificate.clone());
    let mut delivery = match live {
        Some(live) => live.delivery,
        None => cursor.as_ref().map(stored_state).unwrap_or_default(),
    };
    if cursor.is_some() || is_active {
        delivery.backlog = engine.log.head(project).0.saturating_sub(delivery.cursor.0);
    }
    if let Some(fresh) = stored::fresh(engine, project, &connection.id).await? {
        add_second_stream(&mut delivery, &fresh, engine.delivery.live_fresh(&connection.id));
    }
    let verified = connection.spec.tls.as_ref().is_some_and(|tls| tls.verify != Verify::Off);
    let at = engine.clock.now();
    let warnings = warned(engine, &connection.spec);
    Ok(ConnectionView {
        stored: connection,
        status,
        since,
        cause,
        verified,
        delivery,
        server_certificate,
        warnings,
        at,
    })
}

/// What the receiver of such a connection is known to read wrongly.
pub(super) fn warned(engine: &Engine, spec: &ConnectionSpec) -> Vec<Warning> {
    warnings(spec, &engine.settings.delivery.hostname)
}

/// Joins what the second stream has done with what the first one shows.
fn add_second_stream(delivery: &mut DeliveryState, fresh: &Fresh, live: Option<LiveState>) {
    let second = live.map_or_else(|| stored_state(&fresh.cursor), |live| live.delivery);
    delivery.delivered += second.delivered;
    delivery.bytes += second.bytes;
    delivery.sent += second.sent;
    delivery.resent += second.resent;
    delivery.filtered += second.filtered;
    delivery.quarantined += second.quarantined;
    delivery.reconnects += second.reconnects;
    delivery.rate += second.rate;
    delivery.backlog = delivery.backlog.saturating_sub(second.cursor.next().0.saturating_sub(fresh.from.0));
    delivery.fresh = Some(FreshState {
        from: fresh.from,
        cursor: second.cursor,
        acknowledged: second.acknowledged,
        acknowledged_at: second.acknowledged_at,
        oldest_unacknowledged_at: second.oldest_unacknowledged_at,
    });
}

fn stored_state(cursor: &Cursor) -> DeliveryState {
    DeliveryState {
        cursor: cursor.settled,
        acknowledged: cursor.acknowledged,
        acknowledged_at: cursor.acknowledged_at,
        delivered: cursor.delivered,
        bytes: cursor.bytes,
        sent: cursor.sent,
        resent: cursor.resent,
        filtered: cursor.filtered,
        quarantined: cursor.quarantined,
        reconnects: cursor.reconnects,
        ..DeliveryState::default()
    }
}
