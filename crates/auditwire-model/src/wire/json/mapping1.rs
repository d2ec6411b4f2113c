//! The first mapping of JSON. Frozen: connections from before keep it, and its golden file holds it.

use crate::event::{EventView, write_delivered};
use crate::wire::less::{self, CORE_BYTES_MAX, Texts, core, cut, longest, without_metadata};
use crate::wire::render::{Rendered, Renderer, Unrenderable};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let (start, limit) = (out.len(), renderer.max_bytes);
    let replay = renderer.replay.as_deref();
    write_delivered(event, n, replay, false, out);
    if out.len() - start <= limit {
        return Ok(Rendered { truncated: false });
    }
    let mut fits = |less: &EventView<'_>| {
        out.truncate(start);
        write_delivered(less, n, replay, true, out);
        out.len() - start <= limit
    };
    if fit(event, limit, &mut fits) {
        return Ok(Rendered { truncated: true });
    }
    Err(Unrenderable::TooLarge { needed: out.len() - start, limit })
}

/// Less and less of the event until it fits (`docs/formats/wire.md`, "Size"). The last that `fits` was asked about is
/// what it said yes to, or the smallest there is.
fn fit(event: &EventView<'_>, limit: usize, fits: &mut impl FnMut(&EventView<'_>) -> bool) -> bool {
    let bare = without_metadata(event);
    let message = bare.message.map_or(0, str::len).min(limit);
    let action = cut(event.action, CORE_BYTES_MAX);
    fits(&bare)
        || less::largest(message, |bytes_max| {
            let text = bare.message.map(|text| cut(text, bytes_max));
            fits(&EventView { message: text.as_deref(), ..bare.clone() })
        })
        || less::largest(longest(event).min(limit), |bytes_max| fits(&Texts::of(&bare, bytes_max).view(&bare)))
        || fits(&core(&bare, &action))
}
