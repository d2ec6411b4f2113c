//! Makes a RAW message fit (`docs/formats/wire.md`, "Size"): less of the event in its JSON, then shorter SD values. In
//! every step the message stays valid, its JSON stays JSON, and SD says `truncated="1"`.
//!
//! The sizes of texts in JSON are not computed but tried: this path is rare, and a render is cheap.

use super::{Params, write};
use crate::event::EventView;
use crate::wire::control::ELLIPSIS;
use crate::wire::render::{Renderer, Unrenderable};

/// No text is cut below this many bytes; the event then gives up all but its core.
const TEXT_BYTES_MIN: usize = 24;

/// Bytes that are left of the action when only the core is.
const CORE_BYTES_MAX: usize = 64;

const CUT: Params = Params { all: true, bytes_max: usize::MAX, truncated: true };
const CORE: Params = Params { all: false, bytes_max: CORE_BYTES_MAX, truncated: true };

/// Appends the fullest message that fits.
pub(super) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<(), Unrenderable> {
    let mut message = Attempt { renderer, event, n, start: out.len(), out };
    let bare = without_metadata(event);
    let longest = longest(event);
    if message.fits(Some(&bare), CUT)
        || message.largest(bare.message.map_or(0, str::len), |m, bytes_max| {
            let text = bare.message.map(|text| cut(text, bytes_max));
            m.fits(Some(&EventView { message: text.as_deref(), ..bare.clone() }), CUT)
        })
        || message.largest(longest, |m, bytes_max| {
            let texts = Texts::of(&bare, bytes_max);
            m.fits(Some(&texts.view(&bare)), Params { bytes_max, ..CUT })
        })
    {
        return Ok(());
    }
    let action = cut(event.action, CORE_BYTES_MAX);
    let core = core(&bare, &action);
    if message.largest(longest, |m, bytes_max| m.fits(Some(&core), Params { bytes_max, ..CUT }))
        || message.fits(Some(&core), CORE)
        || message.fits(None, CORE)
    {
        return Ok(());
    }
    let needed = message.out.len() - message.start;
    Err(Unrenderable::TooLarge { needed, limit: renderer.max_bytes })
}

struct Attempt<'r, 'e, 'o> {
    renderer: &'r Renderer,
    event: &'r EventView<'e>,
    n: u64,
    start: usize,
    out: &'o mut Vec<u8>,
}

impl Attempt<'_, '_, '_> {
    /// Writes the message anew; true if it fits.
    fn fits(&mut self, body: Option<&EventView<'_>>, params: Params) -> bool {
        self.out.truncate(self.start);
        write(self.renderer, self.event, body, self.n, params, self.out);
        self.out.len() - self.start <= self.renderer.max_bytes
    }

    /// Writes the message with the largest size of texts, up to `longest`, at which it fits; false if it never does.
    fn largest(&mut self, longest: usize, fits: impl Fn(&mut Self, usize) -> bool) -> bool {
        let (mut low, mut high) = (TEXT_BYTES_MIN, longest.min(self.renderer.max_bytes));
        if low > high || !fits(self, low) {
            return false;
        }
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(self, middle) { low = middle } else { high = middle - 1 }
        }
        fits(self, low)
    }
}

/// No size of texts above this one cuts anything: SD values take at most twice their bytes, all labels are one value.
fn longest(event: &EventView<'_>) -> usize {
    let labels = event.labels.iter().map(|label| label.len() + 1).sum();
    let user = event.user().map_or(0, |(_, name)| name.len());
    let texts = texts(event).into_iter().map(|text| text.map_or(0, str::len));
    2 * texts.max().unwrap_or(0).max(user).max(labels)
}

fn without_metadata<'a>(event: &EventView<'a>) -> EventView<'a> {
    EventView {
        subject_metadata: event.subject_metadata.emptied(),
        resource_metadata: event.resource_metadata.emptied(),
        ..event.clone()
    }
}

/// What always stands in canonical JSON, and nothing else.
fn core<'a>(bare: &EventView<'a>, action: &'a str) -> EventView<'a> {
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
struct Texts([Option<String>; 12]);

impl Texts {
    fn of(event: &EventView<'_>, bytes_max: usize) -> Self {
        Self(texts(event).map(|text| text.map(|text| cut(text, bytes_max))))
    }

    fn view<'a>(&'a self, bare: &EventView<'a>) -> EventView<'a> {
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
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut cut = text[..text.floor_char_boundary(bytes_max.saturating_sub(ELLIPSIS.len()))].to_owned();
    cut.push_str(ELLIPSIS);
    cut
}
