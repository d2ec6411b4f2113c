//! What a filter and a format would do: how much of the last day would be sent, the very messages of the latest events that
//! match, and beside them, when that is asked for, those of the other mapping.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::{ConnectionSpec, Mapping, Options, Warning};
use auditwire_model::event::{EventView, rows};
use auditwire_model::query::Expr;
use auditwire_model::wire::RenderContext;
use auditwire_model::{Position, ProjectId, Timestamp};
use serde_json::{Map, Value};

use super::ConnectionInput;
use super::view::warned;
use crate::Engine;
use crate::delivery::message::Messages;
use crate::error::{Error, Result};
use crate::projects::authorize;
use crate::search::{self, Page, Question, Search};
use crate::store::Order;

/// How far back the effect of a filter is counted.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Asks for the messages of both mappings.
const COMPARE: &str = "compare_mappings";
/// How many messages are shown.
const MESSAGES: usize = 5;

/// What a filter and a format would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The filter as an expression; empty when nothing is kept back.
    pub filter: String,
    /// Since when is counted, by `timestamp`: 24 h ago.
    pub from: Timestamp,
    /// Events since then that would be sent.
    pub matched: u64,
    /// All events since then.
    pub total: u64,
    /// False when time ran out or a part of the log could not be read: there are at least so many, and the messages may
    /// not be the latest.
    pub exact: bool,
    /// The latest matching events of the whole log as messages, newest first; at most 5.
    pub messages: Vec<PreviewMessage>,
    /// What the receiver is known to read wrongly.
    pub warnings: Vec<Warning>,
}

/// One event as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewMessage {
    /// The event.
    pub seq: Position,
    /// The message without its frame, with delivery number 0; or why there is none (the event would be quarantined).
    pub message: std::result::Result<Vec<u8>, String>,
    /// Values were cut to fit the largest size.
    pub truncated: bool,
    /// The same event with the other mapping, when both were asked for.
    pub other: Option<OtherMessage>,
}

/// One event as the mapping makes it that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherMessage {
    /// Which mapping.
    pub mapping: Mapping,
    /// As [`PreviewMessage::message`].
    pub message: std::result::Result<Vec<u8>, String>,
    /// As [`PreviewMessage::truncated`].
    pub truncated: bool,
}

/// Previews a connection that need not be whole: what is absent is as in a new connection over TCP with RFC 5424.
/// Changes nothing and sends nothing. Takes as long as a search may. `compare_mappings` beside the fields of a connection, true or
/// false, asks for the messages of both mappings.
///
/// # Errors
/// `forbidden`, `project_not_found`, the codes of [`ConnectionInput::from_json_all`], `too_many_searches`.
pub async fn preview(engine: &Engine, caller: &Caller, project: &ProjectId, body: &[u8]) -> Result<Preview> {
    authorize(engine, caller, project, Verb::PreviewConnection).await?;
    let (body, compared) = asked(body)?;
    let (spec, _) = ConnectionInput::from_json(&body)?.into_parts(None)?;
    let filter = spec.filter.to_expr()?;
    let from = ago(engine.clock.now(), WINDOW);
    let since = |query: Expr| Question { query, time_from: Some(from), ..Question::default() };
    let (sent, all) = (since(filter.clone()), since(Expr::All));
    let latest = Search {
        query: filter.clone(),
        time_from: None,
        time_to: None,
        plane: None,
        order: Order::Descending,
        after: None,
        limit: MESSAGES,
    };
    let (total, matched, page) = tokio::try_join!(
        search::count(engine, caller, project, &all),
        async {
            match filter {
                Expr::All => Ok(None),
                _ => search::count(engine, caller, project, &sent).await.map(Some),
            }
        },
        search::page(engine, caller, project, &latest),
    )?;
    // The two are counted one after the other's beginning: an event that came between may be in one of them only.
    let counted = matched.unwrap_or(total);
    Ok(Preview {
        filter: filter.to_string(),
        from,
        matched: counted.count,
        total: total.count.max(counted.count),
        exact: total.exact && counted.exact && !page.partial,
        messages: messages(engine, project, &spec, &page, compared),
        warnings: warned(engine, &spec),
    })
}

/// A connection that need not be whole, as it would be stored, with what its receiver is known to read wrongly. What is absent
/// is as for a [`preview`].
///
/// # Errors
/// The codes of [`ConnectionInput::from_json_all`].
pub fn inspect(engine: &Engine, body: &[u8]) -> Result<(ConnectionSpec, Vec<Warning>)> {
    let (spec, _) = ConnectionInput::from_json(&completed(body))?.into_parts(None)?;
    let warnings = warned(engine, &spec);
    Ok((spec, warnings))
}

/// The connection that is to be previewed, and whether both mappings are to be shown.
fn asked(body: &[u8]) -> Result<(Vec<u8>, bool)> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) else { return Ok((body.to_vec(), false)) };
    let compared = match fields.remove(COMPARE) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(compared)) => compared,
        Some(_) => return Err(Error::invalid("invalid_type", COMPARE, format!("'{COMPARE}' must be true or false"))),
    };
    Ok((completed(&serde_json::to_vec(&fields).unwrap_or_else(|_| body.to_vec())), compared))
}

/// The body with what a preview does not need to be told. A body that is no object is left to its reader.
fn completed(body: &[u8]) -> Vec<u8> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) else { return body.to_vec() };
    // A receiver knows transport and format by itself.
    let known = fields.get("receiver").is_some_and(|receiver| !receiver.is_null());
    let defaults = [("name", "preview"), ("endpoint", "preview:514"), ("transport", "tcp"), ("format", "rfc5424")];
    for (name, value) in defaults.into_iter().take(if known { 2 } else { 4 }) {
        if fields.get(name).is_none_or(Value::is_null) {
            fields.insert(name.to_owned(), value.into());
        }
    }
    serde_json::to_vec(&fields).unwrap_or_else(|_| body.to_vec())
}

fn ago(now: Timestamp, span: Duration) -> Timestamp {
    now.saturating_add_nanos(-i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

fn messages(
    engine: &Engine,
    project: &ProjectId,
    spec: &ConnectionSpec,
    page: &Page,
    compared: bool,
) -> Vec<PreviewMessage> {
    let hostname = engine.settings.delivery.hostname.clone();
    let context = RenderContext { hostname, instance: engine.instance.id.clone(), project: project.to_string() };
    let maker = Messages::new(spec, &context, engine.tasks());
    let other = compared.then(|| with_other_mapping(spec));
    let other = other.map(|other| (other.options.mapping, Messages::new(&other, &context, engine.tasks())));
    let message = |event| {
        let (message, truncated) = written(&maker, &event);
        let other = other.as_ref().map(|(mapping, maker)| {
            let (message, truncated) = written(maker, &event);
            OtherMessage { mapping: *mapping, message, truncated }
        });
        PreviewMessage { seq: event.seq.unwrap_or_default(), message, truncated, other }
    };
    page.batches.iter().flat_map(rows).map(message).collect()
}

/// The event as a message, and whether values were cut.
fn written(maker: &Messages, event: &EventView<'_>) -> (std::result::Result<Vec<u8>, String>, bool) {
    let mut bytes = Vec::new();
    let rendered = maker.write(event, 0, &mut bytes);
    let truncated = rendered.as_ref().is_ok_and(|rendered| rendered.truncated);
    (rendered.map(|_| bytes), truncated)
}

/// The same connection with the mapping that it does not have; what the first one does not know is as by default there.
fn with_other_mapping(spec: &ConnectionSpec) -> ConnectionSpec {
    let options = match spec.options.mapping {
        Mapping::First => Options { mapping: Mapping::Second, ..spec.options.clone() },
        Mapping::Second => spec.options.as_in_first_mapping(),
    };
    ConnectionSpec { options, ..spec.clone() }
}
