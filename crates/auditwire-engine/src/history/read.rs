//! Reading the steps of a connection.

use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use crate::Engine;
use crate::error::Result;
use crate::records::{Beginning, DeliveryStep, DeliveryStepRecord, Document, FreshRecord, SecondStream, Totals};
use crate::store::{Order, Record, RecordKey, RecordKind, Store};

/// Most steps that are kept of a connection, and so that are read.
pub(super) const STEPS_MAX: u32 = 10_000;

/// The steps of a connection from `from` on, oldest first, with the last one before it.
pub(super) async fn steps(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
    from: Timestamp,
) -> Result<Vec<DeliveryStep>> {
    let [first, end] = DeliveryStep::record_ids(connection);
    let begin = DeliveryStep::record_id(connection, from);
    let mut steps = between(engine, project, [&first, &begin], Order::Descending, 1).await?;
    steps.extend(between(engine, project, [&begin, &end], Order::Ascending, STEPS_MAX).await?);
    Ok(steps)
}

/// How far a connection's second stream has come, while it has one.
pub(super) async fn second(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
) -> Result<Option<SecondStream>> {
    let record = engine.store.record(&RecordKey::of(RecordKind::Fresh, project, connection.as_str())).await?;
    let Some(record) = record else { return Ok(None) };
    let fresh = FreshRecord::decode(&record)?.into_current();
    let stored = SecondStream::from(&fresh);
    let live = engine.delivery.live_fresh(connection).map(|live| live.delivery);
    let live = live.map(|state| SecondStream { from: fresh.from, settled: state.cursor, totals: Totals::from(&state) });
    Ok(live.filter(|live| live.settled >= stored.settled).or(Some(stored)))
}

/// When the last step of a connection was; long ago when there is none.
pub(crate) async fn last_at(store: &dyn Store, project: &ProjectId, connection: &ConnectionId) -> Result<Timestamp> {
    let [first, end] = DeliveryStep::record_ids(connection);
    let kind = RecordKind::DeliveryStep;
    let last = store.records_between(kind, project, [&first, &end], Order::Descending, 1).await?;
    let at = last.first().and_then(|record| DeliveryStep::named_by(&record.key.id)).map(|(_, at)| at);
    Ok(at.unwrap_or(Timestamp::EPOCH))
}

async fn between(
    engine: &Engine,
    project: &ProjectId,
    ids: [&str; 2],
    order: Order,
    limit: u32,
) -> Result<Vec<DeliveryStep>> {
    let records = engine.store.records_between(RecordKind::DeliveryStep, project, ids, order, limit).await?;
    records.iter().map(decode).collect()
}

pub(super) fn decode(record: &Record) -> Result<DeliveryStep> {
    Ok(DeliveryStepRecord::decode(record)?.into_current())
}

/// The beginning of a sender of this revision, before `before`. Steps are read backwards, some hundred at a time, until an
/// older revision begins.
pub(super) async fn beginning(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
    revision: u64,
    before: Timestamp,
) -> Result<Option<Beginning>> {
    const PAGE: u32 = 500;
    let [first, _] = DeliveryStep::record_ids(connection);
    let mut end = DeliveryStep::record_id(connection, before);
    loop {
        let steps = between(engine, project, [&first, &end], Order::Descending, PAGE).await?;
        for step in &steps {
            if step.revision < revision {
                return Ok(None);
            }
            if step.revision == revision && step.beginning.is_some() {
                return Ok(step.beginning.clone());
            }
        }
        match steps.last() {
            Some(last) if steps.len() == PAGE as usize => end = DeliveryStep::record_id(connection, last.at),
            _ => return Ok(None),
        }
    }
}

/// Everything behind this position that the connection has settled was settled by this revision, without a beginning chosen anew
/// in between; and whether it ends there because the beginning was chosen. `None` when the history does not tell.
pub(crate) async fn settled_by(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
    revision: u64,
) -> Result<Option<(Position, bool)>> {
    const LOOKED_AT: u32 = 1000;
    let [first, end] = DeliveryStep::record_ids(connection);
    let mut base = None;
    for step in between(engine, project, [&first, &end], Order::Descending, LOOKED_AT).await? {
        if step.revision != revision {
            break;
        }
        if let Some(moved) = step.moved {
            return Ok(Some((moved.to, true)));
        }
        base = Some((step.beginning.map_or(step.settled, |beginning| beginning.settled), false));
    }
    Ok(base)
}

/// The connections of a project that have a history, also deleted ones. One small question per connection: the steps
/// themselves are stepped over.
pub(super) async fn connections(engine: &Engine, project: &ProjectId) -> Result<Vec<ConnectionId>> {
    let (mut from, mut found) = (String::new(), Vec::new());
    loop {
        let ids = [from.as_str(), "\u{10FFFF}"];
        let first = engine.store.records_between(RecordKind::DeliveryStep, project, ids, Order::Ascending, 1).await?;
        let Some(record) = first.into_iter().next() else { return Ok(found) };
        let named = DeliveryStep::named_by(&record.key.id).and_then(|(id, _)| ConnectionId::parse(id).ok());
        match named {
            Some(id) => {
                let [_, behind] = DeliveryStep::record_ids(&id);
                from = behind;
                found.push(id);
            }
            // Not one of ours: the next one.
            None => from = record.key.id + "\0",
        }
    }
}
