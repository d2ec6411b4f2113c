//! The test message: an event like any other, but in no log (no `seq`, `n` 0).

use auditwire_model::Position;
use auditwire_model::Severity;
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::event::{BatchBuilder, EventDraft, Outcome, Plane, view};
use auditwire_model::wire::framing::write_frame;

use super::Subject;
use crate::delivery::failure::{INTERNAL, LinkFailure};
use crate::delivery::message::Messages;

/// Text added to a large test message, in characters; with it a message fills most of a usual size limit.
const PADDING: usize = 7000;

/// One message without its frame.
pub(super) fn message(subject: Subject<'_>) -> Result<Vec<u8>, LinkFailure> {
    let text = format!(
        "Auditwire connection test of '{}'. If you read this in your SIEM, messages arrive.",
        subject.spec.name
    );
    render(subject, text)
}

/// A message that fills most of the size limit, without its frame.
pub(super) fn large_message(subject: Subject<'_>) -> Result<Vec<u8>, LinkFailure> {
    let text = format!("Auditwire connection test: is anybody reading? {}", ".".repeat(PADDING));
    render(subject, text)
}

/// The message in its frame, where the transport needs one.
pub(super) fn framed(message: &[u8], spec: &ConnectionSpec) -> Vec<u8> {
    if !spec.transport.is_framed() {
        return message.to_vec();
    }
    let mut frame = Vec::with_capacity(message.len() + 8);
    write_frame(spec.framing, message, &mut frame);
    frame
}

fn render(subject: Subject<'_>, text: String) -> Result<Vec<u8>, LinkFailure> {
    let now = subject.context.clock.now();
    let draft = EventDraft {
        action: "siem-connection-test".to_owned(),
        source_id: Some("auditwire".to_owned()),
        severity: Severity::Info,
        outcome: Some(Outcome::Success),
        message: Some(text),
        ..EventDraft::default()
    };
    let event = draft.complete(|| uuid::Uuid::now_v7().to_string(), Plane::Control, now, [0; 16]);
    let mut builder = BatchBuilder::default();
    builder.push(Position::ZERO, &event);
    let batch = builder.finish().map_err(|e| unrenderable(&e))?;
    let mut event = view(&batch, 0);
    event.seq = None;
    let mut out = Vec::new();
    let messages = Messages::new(subject.spec, &subject.context.render, &subject.context.tasks);
    messages.write(&event, 0, &mut out).map_err(|why| unrenderable(&why))?;
    Ok(out)
}

fn unrenderable(error: &dyn std::fmt::Display) -> LinkFailure {
    let error = error.to_string();
    if error.starts_with(INTERNAL) {
        return LinkFailure::new(INTERNAL, format!("The test message was not made: {error}."));
    }
    LinkFailure {
        remedy: "Raise the maximum message size of this connection.".to_owned(),
        ..LinkFailure::new("not_acknowledged", format!("The test message was not sent: {error}."))
    }
}
