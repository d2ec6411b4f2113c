//! The latest messages of a connection, rendered as they were sent.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, rows};
use auditwire_model::wire::RenderContext;
use auditwire_model::{Position, ProjectId};
use futures_util::StreamExt;

use super::{PreviewMessage, stored};
use crate::delivery::message::Messages;
use crate::delivery::passing;
use crate::error::Result;
use crate::log::Scan;
use crate::reading::{self, Looked};
use crate::store::Order;
use crate::{Engine, history};

/// How many messages are shown.
const MESSAGES: usize = 5;
/// How far back they are looked for, in positions: a filter that lets little through must not make a page slow.
const LOOKED_AT: u64 = 10_000;

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The event and its message with the delivery number that it had.
    pub message: PreviewMessage,
    /// The revision that sent it is the present one, so that these are the very bytes. Else they are what would be sent now.
    pub as_sent: bool,
}

/// The latest messages that were settled, newest first; at most 5, of the last 10,000 events that delivery went over.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `filter_unusable`.
pub async fn latest_sent(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<Vec<SentMessage>> {
    let looked = Looked::at(format!("sent by {id}"));
    let mut look = reading::begin(engine, caller, project, Verb::ListEvents, looked).await?;
    let connection = stored::connection(engine, project, id).await?.value;
    let Some(cursor) = stored::cursor(engine, project, &connection.id).await?.map(|cursor| cursor.value) else {
        return Ok(Vec::new());
    };
    let since = history::settled_by(engine, project, &connection.id, connection.revision).await?;
    // What lies before a chosen beginning may never have been sent.
    let from = since.filter(|(_, chosen)| *chosen).map_or(Position::ZERO, |(behind, _)| behind);
    let from = from.max(Position(cursor.settled.0.saturating_sub(LOOKED_AT))).next();
    let hostname = engine.settings.delivery.hostname.clone();
    let context = RenderContext { hostname, instance: engine.instance.id.clone(), project: project.to_string() };
    let maker = Messages::new(&connection.spec, &context, engine.tasks());
    if from > cursor.settled {
        return Ok(Vec::new());
    }
    let mut found = engine.log.scan(Scan {
        project: project.clone(),
        from,
        to: cursor.settled,
        time_from: None,
        time_to: None,
        predicate: passing(&connection)?,
        order: Order::Descending,
        limit: Some(MESSAGES),
        columns: Columns::ALL,
        numbered: false,
    });
    let mut messages = Vec::new();
    while let Some(scanned) = found.next().await {
        for event in rows(&scanned?.batch) {
            let seq = event.seq.unwrap_or_default();
            let as_sent = since.is_some_and(|(since, _)| since < seq);
            // Numbers count what passes the filter, so that they are known backwards from the cursor.
            let before = cursor.next_n.saturating_sub(1 + messages.len() as u64);
            let mut bytes = Vec::new();
            let rendered = maker.write(&event, if as_sent { before } else { 0 }, &mut bytes);
            let truncated = rendered.as_ref().is_ok_and(|rendered| rendered.truncated);
            let message = rendered.map(|_| bytes);
            messages.push(SentMessage { message: PreviewMessage { seq, message, truncated, other: None }, as_sent });
        }
    }
    messages.truncate(MESSAGES);
    look.showed(messages.len());
    Ok(messages)
}
