//! Makes a RAW message fit (`docs/formats/wire.md`, "Size"): less of the event in its JSON, then shorter SD values. In
//! every step the message stays valid, its JSON stays JSON, and SD says `truncated="1"`.

use super::{Params, write};
use crate::event::EventView;
use crate::wire::less::{self, CORE_BYTES_MAX, Texts, core, cut, longest, without_metadata};
use crate::wire::render::{Renderer, Unrenderable};

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
        less::largest(longest.min(self.renderer.max_bytes), |bytes_max| fits(self, bytes_max))
    }
}
