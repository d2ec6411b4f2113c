//! Writers against independent readers: whatever an event holds, its message is one valid line with exactly its fields.

mod any;
mod cef;
mod golden;
mod json;
mod leef;
mod options;
mod raw;
mod second;
mod size;

use super::{RenderContext, Rendered, Renderer, Unrenderable};
use crate::connection::{CefEnvelope, ConnectionSpec, Endpoint, Filter, Format, Framing, Mapping, Options, Transport};
use crate::event::testing::batch;
use crate::event::{EventDraft, EventView, view};

/// A connection over TCP with these options.
fn spec(format: Format, options: Options) -> ConnectionSpec {
    ConnectionSpec {
        name: "siem".to_owned(),
        receiver: None,
        endpoint: Endpoint::parse("siem.example.com:514").unwrap(),
        transport: Transport::Tcp,
        tls: None,
        format,
        framing: Framing::Lf,
        options,
        filter: Filter::default(),
        rate_limit: None,
    }
}

fn renderer(format: Format, options: Options) -> Renderer {
    let context = RenderContext {
        hostname: "audit.example.com".to_owned(),
        instance: "i-1".to_owned(),
        project: "default".to_owned(),
    };
    Renderer::new(&spec(format, options), &context)
}

/// The options of a connection from before there were two mappings.
fn first() -> Options {
    Options { mapping: Mapping::First, ..Options::default() }
}

/// Options under which nothing is too long.
fn roomy() -> Options {
    Options { max_bytes: Some(64 << 20), ..first() }
}

/// The draft as a stored event, at position 1.
fn with_view<T>(draft: EventDraft, check: impl FnOnce(&EventView<'_>) -> T) -> T {
    check(&view(&batch([draft]), 0))
}

/// The message of an event, after checks that hold for every message.
fn message(renderer: &Renderer, event: &EventView<'_>, n: u64) -> Result<(String, Rendered), Unrenderable> {
    let mut out = b"before".to_vec();
    let result = renderer.render(event, n, &mut out);
    assert_eq!(&out[..6], b"before");
    match result {
        Err(error) => {
            assert_eq!(out, b"before", "a failed render left bytes behind");
            Err(error)
        }
        Ok(rendered) => {
            let text = String::from_utf8(out.split_off(6)).unwrap();
            assert!(text.len() <= renderer.max_bytes(), "{} bytes: {text}", text.len());
            let control = text.bytes().find(|c| *c < 0x20 || *c == 0x7F);
            assert_eq!(control, None, "a control character in {text:?}");
            Ok((text, rendered))
        }
    }
}

/// The published map, written down a second time: what a text is in SD.
fn mapped_in_sd(text: &str) -> String {
    text.chars().map(|c| if becomes_blank(c) || c == '\n' || c == '\r' { ' ' } else { c }).collect()
}

/// What a text is in a CEF value, after a reader has unescaped it.
fn mapped_in_cef(text: &str) -> String {
    text.chars().map(|c| if becomes_blank(c) { ' ' } else { c }).collect()
}

fn becomes_blank(c: char) -> bool {
    let code = u32::from(c);
    matches!(code, 0..=0x1F | 0x7F..=0x9F | 0x2028 | 0x2029) && c != '\n' && c != '\r'
}

/// Present, and more than blanks.
fn visible(text: Option<&str>) -> Option<&str> {
    text.filter(|t| mapped_in_sd(t).chars().any(|c| c != ' '))
}

/// Formats that wear the header of RFC 5424 by default.
const WITH_HEADER: [Format; 3] = [Format::Rfc5424, Format::Cef, Format::Leef];

const ALL: [Format; 4] = [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json];

const ENVELOPES: [CefEnvelope; 3] = [CefEnvelope::Rfc5424, CefEnvelope::Bsd, CefEnvelope::None];
