//! The second mapping of JSON: behind the delivery number stands the project, and metadata goes member by member.

use std::borrow::Cow;

use crate::event::{EventView, Tail, write_canonical, write_canonical_of, write_tail};
use crate::wire::less;
use crate::wire::members::Kept;
use crate::wire::render::{Rendered, Renderer, Unrenderable};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let (start, limit) = (out.len(), renderer.max_bytes);
    write(renderer, event, None, n, false, out);
    if out.len() - start <= limit {
        return Ok(Rendered { truncated: false });
    }
    let fitted = less::fewer(event, limit, &mut |less, kept| {
        out.truncate(start);
        write(renderer, less, kept, n, true, out);
        out.len() - start <= limit
    });
    if fitted {
        return Ok(Rendered { truncated: true });
    }
    Err(Unrenderable::TooLarge { needed: out.len() - start, limit })
}

/// `kept` are the pairs of its metadata, when they are not all there are.
pub(in crate::wire) fn write(
    renderer: &Renderer,
    event: &EventView<'_>,
    kept: Option<&Kept<'_>>,
    n: u64,
    truncated: bool,
    out: &mut Vec<u8>,
) {
    canonical(event, kept, out);
    let (project, replay) = (Some(renderer.project.as_str()), renderer.replay.as_deref());
    write_tail(Tail { n, project, replay, truncated }, out);
}

/// The event alone.
pub(in crate::wire) fn canonical(event: &EventView<'_>, kept: Option<&Kept<'_>>, out: &mut Vec<u8>) {
    match kept {
        None => write_canonical(event, out),
        Some([subject, resource]) => write_canonical_of(event, pairs(subject), pairs(resource), out),
    }
}

fn pairs<'k>(kept: &'k [(&'k str, Cow<'k, str>)]) -> impl Iterator<Item = (&'k str, &'k str)> {
    kept.iter().map(|(key, value)| (*key, value.as_ref()))
}
