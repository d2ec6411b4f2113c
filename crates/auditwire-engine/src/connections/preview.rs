//! What a filter and a format would do: how much of the last day would be sent, and the very messages of the latest
//! events that match.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::event::rows;
use auditwire_model::query::Expr;
use auditwire_model::wire::RenderContext;
use auditwire_model::{Position, ProjectId, Timestamp};
use serde_json::{Map, Value};

use super::ConnectionInput;
use crate::Engine;
use crate::delivery::message::Messages;
use crate::error::Result;
use crate::projects::authorize;
use crate::search::{self, Page, Question, Search};
use crate::store::Order;

/// How far back the effect of a filter is counted.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
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
}

/// Previews a connection that need not be whole: what is absent is as in a new connection over TCP with RFC 5424.
/// Changes nothing and sends nothing. Takes as long as a search may.
///
/// # Errors
/// `forbidden`, `project_not_found`, the codes of [`ConnectionInput::from_json_all`], `too_many_searches`.
pub async fn preview(engine: &Engine, caller: &Caller, project: &ProjectId, body: &[u8]) -> Result<Preview> {
    authorize(engine, caller, project, Verb::PreviewConnection).await?;
    let (spec, _) = ConnectionInput::from_json(&completed(body))?.into_parts(None)?;
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
        messages: messages(engine, project, &spec, &page),
    })
}

/// The body with what a preview does not need to be told. A body that is no object is left to its reader.
fn completed(body: &[u8]) -> Vec<u8> {
    let defaults = [("name", "preview"), ("endpoint", "preview:514"), ("transport", "tcp"), ("format", "rfc5424")];
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) else { return body.to_vec() };
    for (name, value) in defaults {
        if fields.get(name).is_none_or(Value::is_null) {
            fields.insert(name.to_owned(), value.into());
        }
    }
    serde_json::to_vec(&fields).unwrap_or_else(|_| body.to_vec())
}

fn ago(now: Timestamp, span: Duration) -> Timestamp {
    now.saturating_add_nanos(-i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

fn messages(engine: &Engine, project: &ProjectId, spec: &ConnectionSpec, page: &Page) -> Vec<PreviewMessage> {
    let hostname = engine.settings.delivery.hostname.clone();
    let context = RenderContext { hostname, instance: engine.instance.id.clone(), project: project.to_string() };
    let maker = Messages::new(spec, &context, engine.tasks());
    let events = page.batches.iter().flat_map(rows);
    let message = events.map(|event| {
        let mut bytes = Vec::new();
        let rendered = maker.write(&event, 0, &mut bytes);
        let truncated = rendered.as_ref().is_ok_and(|rendered| rendered.truncated);
        let message = rendered.map(|_| bytes);
        PreviewMessage { seq: event.seq.unwrap_or_default(), message, truncated }
    });
    message.collect()
}
