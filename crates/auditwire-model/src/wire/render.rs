//! One event, one message.

use super::{cef, json, leef, rfc5424};
use crate::connection::{
    CefEnvelope, ConnectionSpec, Format, LeefCategory, Mapping, MessagePart, MetadataKey, MetadataOf, Options,
    StructuredData, Transport,
};
use crate::event::EventView;

/// Largest UDP payload over IPv4, in bytes (RFC 768, RFC 791).
const UDP_BYTES_MAX: usize = 65_507;

/// What a renderer needs to know beside the connection.
#[derive(Debug, Clone)]
pub struct RenderContext {
    /// This host's name, used as HOSTNAME unless the connection sets one.
    pub hostname: String,
    /// This instance's id; travels in the SD element so that our own syslog door can see loops.
    pub instance: String,
    /// The project whose events these are: several may have one SIEM.
    pub project: String,
}

/// Renders events for one connection revision. Holds no state between events but its settings.
#[derive(Debug, Clone)]
pub struct Renderer {
    pub(super) format: Format,
    pub(super) cef_envelope: CefEnvelope,
    pub(super) facility: u8,
    pub(super) bom: bool,
    pub(super) max_bytes: usize,
    pub(super) hostname: String,
    pub(super) app_name: String,
    /// `[audit@<pen>`.
    pub(super) sd_open: String,
    pub(super) instance: String,
    /// The replay that these messages belong to; none for live delivery.
    pub(super) replay: Option<String>,
    mapping: Mapping,
    // What follows only the second mapping knows.
    pub(super) project: String,
    pub(super) leef_cat: LeefCategory,
    pub(super) ipv6_in_src: bool,
    pub(super) structured_data: StructuredData,
    pub(super) message: MessagePart,
    /// Metadata with keys of its own.
    pub(super) chosen: Vec<Chosen>,
}

/// Metadata with a key of its own.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) of: MetadataOf,
    pub(super) key: String,
    /// The key with all that stands between it and the values before and behind it.
    open: String,
}

impl Chosen {
    fn new(key: &MetadataKey, format: Format) -> Self {
        let open = match format {
            Format::Cef => format!(" {}=", key.cef()),
            Format::Leef => format!("^{}=", key.leef()),
            Format::Rfc5424 | Format::Json => format!(" {}=\"", key.sd()),
        };
        Self { of: key.of(), key: key.key().to_owned(), open }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendered {
    /// True when values were cut to fit the size limit; the message says so too.
    pub truncated: bool,
}

/// Why an event cannot become a message (it is quarantined, the stream goes on).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrenderable {
    /// Even without all that may be cut the message exceeds the limit.
    #[error("the message would have {needed} bytes and the connection allows {limit}")]
    TooLarge {
        /// Smallest possible size.
        needed: usize,
        /// The connection's limit.
        limit: usize,
    },
}

impl Renderer {
    /// Resolves the connection's options and defaults. HOSTNAME and APP-NAME become what RFC 5424 sections 6.2.4 and
    /// 6.2.5 allow: characters outside `!`–`~` are replaced by `_`, what is too long is cut.
    #[must_use]
    pub fn new(spec: &ConnectionSpec, context: &RenderContext) -> Self {
        let Options { hostname, app_name, bom, cef_envelope, facility, pen, .. } = &spec.options;
        let Options { mapping, leef_cat, ipv6_in_src, metadata_keys, structured_data, message, .. } = &spec.options;
        Self {
            format: spec.format,
            cef_envelope: *cef_envelope,
            facility: *facility,
            bom: *bom,
            max_bytes: max_bytes(spec),
            hostname: header_field(hostname.as_deref().unwrap_or(&context.hostname), 255),
            app_name: header_field(app_name.as_deref().unwrap_or(app_name_default(spec.format)), 48),
            sd_open: format!("[audit@{pen}"),
            instance: context.instance.clone(),
            replay: None,
            mapping: *mapping,
            project: context.project.clone(),
            leef_cat: *leef_cat,
            ipv6_in_src: *ipv6_in_src,
            structured_data: *structured_data,
            message: *message,
            chosen: metadata_keys.iter().map(|key| Chosen::new(key, spec.format)).collect(),
        }
    }

    /// The same for a replay: every message carries delivery number 0 and the replay's id, so that a SIEM rule tells it
    /// from live delivery. The id is of letters, digits and `-`; what is not is left out.
    #[must_use]
    pub fn for_replay(self, id: &str) -> Self {
        let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        Self { replay: Some(id.chars().filter(plain).collect()), ..self }
    }

    /// Largest message without its frame, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Appends the message for `event` to `out`, without a frame. `n` is the delivery number (0 in a replay or check).
    ///
    /// # Errors
    /// [`Unrenderable`]; `out` is then as it was.
    pub fn render(&self, event: &EventView<'_>, n: u64, out: &mut Vec<u8>) -> Result<Rendered, Unrenderable> {
        let start = out.len();
        let n = if self.replay.is_some() { 0 } else { n };
        let render = match (self.format, self.mapping) {
            (Format::Cef, Mapping::First) => cef::mapping1::render,
            (Format::Cef, Mapping::Second) => cef::mapping2::render,
            (Format::Leef, Mapping::First) => leef::mapping1::render,
            (Format::Leef, Mapping::Second) => leef::mapping2::render,
            (Format::Json, Mapping::First) => json::mapping1::render,
            (Format::Json, Mapping::Second) => json::mapping2::render,
            (Format::Rfc5424, Mapping::First) => rfc5424::mapping1::render,
            (Format::Rfc5424, Mapping::Second) => rfc5424::mapping2::render,
        };
        let result = render(self, event, n, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// The chosen metadata that the event has, each value behind its key as it is written.
    pub(super) fn chosen_of<'a>(&'a self, event: &EventView<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        let (subject, resource) = (event.subject_metadata, event.resource_metadata);
        self.chosen.iter().filter_map(move |chosen| {
            let pairs = if chosen.of == MetadataOf::Subject { subject } else { resource };
            Some((chosen.open.as_str(), pairs.get(&chosen.key)?))
        })
    }

    /// No size of texts above this one cuts chosen metadata.
    pub(super) fn chosen_bytes(&self, event: &EventView<'_>) -> usize {
        self.chosen_of(event).map(|(_, value)| 2 * value.len()).max().unwrap_or(0)
    }
}

/// APP-NAME of a connection that sets none.
#[must_use]
pub fn app_name_default(format: Format) -> &'static str {
    if format == Format::Cef { "CEF" } else { "auditwire" }
}

/// Largest message without its frame, in bytes, of a connection that sets none.
#[must_use]
pub fn max_bytes_default(transport: Transport) -> usize {
    if transport == Transport::Udp { 2048 } else { 8192 }
}

fn max_bytes(spec: &ConnectionSpec) -> usize {
    let wanted = spec.options.max_bytes.and_then(|b| usize::try_from(b).ok());
    let wanted = wanted.unwrap_or_else(|| max_bytes_default(spec.transport));
    if spec.transport == Transport::Udp { wanted.min(UDP_BYTES_MAX) } else { wanted }
}

fn header_field(text: &str, chars_max: usize) -> String {
    let field: String = text.chars().take(chars_max).map(|c| if matches!(c, '!'..='~') { c } else { '_' }).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}
