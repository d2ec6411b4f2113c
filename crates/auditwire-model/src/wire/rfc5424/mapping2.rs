//! The second mapping of RAW: how much structured data says, and what stands in MSG, are options, and what stands twice goes
//! before what stands once.

mod params;

use super::{header, message_id, message_start};
use crate::catalogue;
use crate::connection::{MessagePart, StructuredData};
use crate::event::EventView;
use crate::wire::control::{TEXT, copy_cut, is_unseen};
use crate::wire::json::mapping2 as json;
use crate::wire::less;
use crate::wire::members::Kept;
use crate::wire::render::{Rendered, Renderer, Unrenderable};
use params::Detail;

/// Text is not cut below this many bytes while anything else can go.
const TEXT_BYTES_MIN: usize = 24;

/// What stands in MSG.
#[derive(Clone, Copy)]
enum Body<'b> {
    /// The event, and the pairs of its metadata when they are not all there are.
    Json(&'b EventView<'b>, Option<&'b Kept<'b>>),
    /// Its message for people, in at most so many bytes.
    Text(&'b str, usize),
    Nothing,
}

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let start = out.len();
    let mut attempt = Attempt { renderer, event, n, start, out };
    let detail = Detail::of(renderer.structured_data);
    let fitted = match renderer.message {
        MessagePart::Json => attempt.json(detail),
        MessagePart::Text => attempt.text(detail, text_of(event)),
    };
    let needed = attempt.out.len() - start;
    fitted.map(|truncated| Rendered { truncated }).ok_or(Unrenderable::TooLarge { needed, limit: renderer.max_bytes })
}

/// What people are told: the message, else what the catalogue calls the event.
fn text_of<'a>(event: &EventView<'a>) -> Option<&'a str> {
    let title = || catalogue::title(event.action).unwrap_or(event.action);
    let text = event.message.filter(|text| !is_unseen(text)).unwrap_or_else(title);
    (!is_unseen(text)).then_some(text)
}

struct Attempt<'r, 'e, 'o> {
    renderer: &'r Renderer,
    event: &'r EventView<'e>,
    n: u64,
    start: usize,
    out: &'o mut Vec<u8>,
}

impl Attempt<'_, '_, '_> {
    /// The fullest message with JSON that fits: whether it lacks something of the event; `None` when none fits.
    fn json(&mut self, detail: Detail) -> Option<bool> {
        let event = self.event;
        if self.fits(detail, Body::Json(event, None), false) {
            return Some(false);
        }
        // JSON says all that these parameters say.
        let ids = detail.reduced();
        if ids != detail && self.fits(ids, Body::Json(event, None), false) {
            return Some(false);
        }
        let limit = self.renderer.max_bytes;
        let fitted = less::fewer(event, limit, &mut |less, kept| self.fits(ids, Body::Json(less, kept), true));
        (fitted || (ids != Detail::None && self.fits(ids.least(), Body::Nothing, true))).then_some(true)
    }

    /// The fullest message with text that fits. The text gives first, as the parameters are what rules go by.
    fn text(&mut self, detail: Detail, text: Option<&str>) -> Option<bool> {
        let body = |bytes_max| text.map_or(Body::Nothing, |text| Body::Text(text, bytes_max));
        if self.fits(detail, body(usize::MAX), false) {
            return Some(false);
        }
        let limit = self.renderer.max_bytes;
        let length = text.map_or(0, str::len).min(limit);
        let longest = less::longest(self.event).max(self.renderer.chosen_bytes(self.event)).min(limit);
        let fitted = less::largest(length, |bytes_max| self.fits(detail, body(bytes_max), true))
            || (detail.is_full()
                && less::largest(longest, |room| self.fits(Detail::Full(room), body(TEXT_BYTES_MIN), true)))
            || self.fits(detail.reduced().least(), body(TEXT_BYTES_MIN), true)
            || self.fits(detail.reduced().least(), Body::Nothing, true);
        fitted.then_some(true)
    }

    /// Writes the message anew; true if it fits.
    fn fits(&mut self, detail: Detail, body: Body<'_>, truncated: bool) -> bool {
        self.out.truncate(self.start);
        self.write(detail, body, truncated);
        self.out.len() - self.start <= self.renderer.max_bytes
    }

    fn write(&mut self, detail: Detail, body: Body<'_>, truncated: bool) {
        let Self { renderer, event, n, .. } = *self;
        let out = &mut *self.out;
        header(renderer, event.timestamp, event.severity, out);
        out.extend_from_slice(b" - ");
        out.extend_from_slice(message_id(event.action).as_bytes());
        out.push(b' ');
        params::element(renderer, event, n, detail, truncated, out);
        match body {
            Body::Nothing => {}
            Body::Text(text, bytes_max) => {
                message_start(renderer, out);
                copy_cut(text, &TEXT, usize::MAX, bytes_max, out);
            }
            // Without structured data the numbers of delivery have no other place.
            Body::Json(event, kept) if detail == Detail::None => {
                message_start(renderer, out);
                json::write(renderer, event, kept, n, truncated, out);
            }
            Body::Json(event, kept) => {
                message_start(renderer, out);
                json::canonical(event, kept, out);
            }
        }
    }
}

impl Detail {
    fn of(option: StructuredData) -> Self {
        match option {
            StructuredData::Full => Self::Full(usize::MAX),
            StructuredData::Ids => Self::Ids(usize::MAX),
            StructuredData::None => Self::None,
        }
    }

    fn is_full(self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Without what JSON says too.
    fn reduced(self) -> Self {
        if self.is_full() { Self::Ids(usize::MAX) } else { self }
    }

    /// With no more of the action than tells it.
    fn least(self) -> Self {
        if let Self::Ids(_) = self { Self::Ids(less::CORE_BYTES_MAX) } else { self }
    }
}
