//! Less of an event, for the formats whose body is its canonical JSON (`docs/formats/wire.md`, "Size"): in every step
//! what remains is an event, so that its JSON stays JSON.
//!
//! The sizes of texts in JSON are not computed but tried: this path is rare, and a render is cheap.

use super::control::ELLIPSIS;
use super::members::{Kept, Members};
use crate::event::EventView;

/// No text is cut below this many bytes; the event then gives up all but its core.
const TEXT_BYTES_MIN: usize = 24;

/// Bytes that are left of the action when only the core is.
pub(super) const CORE_BYTES_MAX: usize = 64;

/// Tries sizes of texts up to `longest`, and keeps the largest at which `fits` says so; false if it never does. `fits`
/// is last called with the size that is kept.
pub(super) fn largest(longest: usize, mut fits: impl FnMut(usize) -> bool) -> bool {
    let (mut low, mut high) = (TEXT_BYTES_MIN, longest);
    if low > high || !fits(low) {
        return false;
    }
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    fits(low)
}

/// No size of texts above this one cuts anything: SD values take at most twice their bytes, all labels are one value.
pub(super) fn longest(event: &EventView<'_>) -> usize {
    let labels = event.labels.iter().map(|label| label.len() + 1).sum();
    let user = event.user().map_or(0, |(_, name)| name.len());
    let texts = texts(event).into_iter().map(|text| text.map_or(0, str::len));
    2 * texts.max().unwrap_or(0).max(user).max(labels)
}

/// Less and less of the event, for the second mapping, until `fits` says so; the last that it was asked about is what it said
/// yes to, or the smallest there is. Metadata goes by members, then what [`Texts`] and [`core`] say.
pub(super) fn fewer(
    event: &EventView<'_>,
    limit: usize,
    fits: &mut impl FnMut(&EventView<'_>, Option<&Kept<'_>>) -> bool,
) -> bool {
    let bare = without_metadata(event);
    let members = Members::of(event.subject_metadata.iter(), event.resource_metadata.iter());
    let message = bare.message.map_or(0, str::len).min(limit);
    let action = cut(event.action, CORE_BYTES_MAX);
    members.most(|kept| fits(event, Some(kept)))
        || fits(&bare, None)
        || largest(message, |bytes_max| {
            let text = bare.message.map(|text| cut(text, bytes_max));
            fits(&EventView { message: text.as_deref(), ..bare.clone() }, None)
        })
        || largest(longest(event).min(limit), |bytes_max| fits(&Texts::of(&bare, bytes_max).view(&bare), None))
        || fits(&core(&bare, &action), None)
}

pub(super) fn without_metadata<'a>(event: &EventView<'a>) -> EventView<'a> {
    EventView {
        subject_metadata: event.subject_metadata.emptied(),
        resource_metadata: event.resource_metadata.emptied(),
        ..event.clone()
    }
}

/// What always stands in canonical JSON, and nothing else.
pub(super) fn core<'a>(bare: &EventView<'a>, action: &'a str) -> EventView<'a> {
    EventView {
        action,
        request_id: None,
        message: None,
        source_id: None,
        source_address: None,
        subject_user_id: None,
        subject_address: None,
        subject_project_id: None,
        resource_id: None,
        resource_type: None,
        status_code: None,
        status_message: None,
        labels: bare.labels.emptied(),
        ..bare.clone()
    }
}

fn texts<'a>(event: &EventView<'a>) -> [Option<&'a str>; 12] {
    [
        Some(event.action),
        event.request_id,
        event.message,
        event.source_id,
        event.source_address,
        event.subject_user_id,
        event.subject_address,
        event.subject_project_id,
        event.resource_id,
        event.resource_type,
        event.status_code,
        event.status_message,
    ]
}

/// The texts of an event, each cut to the same size.
pub(super) struct Texts([Option<String>; 12]);

impl Texts {
    pub(super) fn of(event: &EventView<'_>, bytes_max: usize) -> Self {
        Self(texts(event).map(|text| text.map(|text| cut(text, bytes_max))))
    }

    pub(super) fn view<'a>(&'a self, bare: &EventView<'a>) -> EventView<'a> {
        let [action, texts @ ..] = self.0.each_ref().map(Option::as_deref);
        let [request_id, message, source_id, source_address, texts @ ..] = texts;
        let [subject_user_id, subject_address, subject_project_id, resource_id, texts @ ..] = texts;
        let [resource_type, status_code, status_message] = texts;
        EventView {
            action: action.unwrap_or_default(),
            request_id,
            message,
            source_id,
            source_address,
            subject_user_id,
            subject_address,
            subject_project_id,
            resource_id,
            resource_type,
            status_code,
            status_message,
            labels: bare.labels.emptied(),
            ..bare.clone()
        }
    }
}

/// At most `bytes_max` bytes (at least those of the ellipsis), cut between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut cut = text[..text.floor_char_boundary(bytes_max.saturating_sub(ELLIPSIS.len()))].to_owned();
    cut.push_str(ELLIPSIS);
    cut
}
