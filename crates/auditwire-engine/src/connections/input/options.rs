//! The options of a connection as a client sends them.

use auditwire_model::connection::{METADATA_KEYS_MAX, Mapping, MetadataKey, Options, Transport};

use super::super::defaults::{HEARTBEAT_SECONDS, OVERLAP, OVERLAP_SECONDS, max_bytes_range};
use super::super::json::{Mistakes, Object};
use crate::error::{Error, Result};

const OPTIONS: [&str; 17] = [
    "facility",
    "hostname",
    "app_name",
    "bom",
    "max_bytes",
    "cef_envelope",
    "pen",
    "overlap_bytes",
    "overlap_seconds",
    "heartbeat_seconds",
    "order",
    "mapping",
    "leef_cat",
    "ipv6_in_src",
    "metadata_keys",
    "structured_data",
    "message",
];

/// The options, and whether they say which mapping.
pub(super) fn options(object: &mut Object, transport: Option<Transport>, mistakes: &mut Mistakes) -> (Options, bool) {
    let Some(mut options) = object.object("options", &OPTIONS, &[], mistakes) else {
        return (Options::default(), false);
    };
    let read = of_message(&mut options, transport, mistakes);
    let read = of_delivery(&mut options, read, mistakes);
    let (read, mapping_named) = of_mapping(&mut options, read, mistakes);
    if mapping_named {
        mistakes.note(can_be_had(&read));
    }
    (read, mapping_named)
}

/// What shows around an event, and how long it may be.
fn of_message(options: &mut Object, transport: Option<Transport>, mistakes: &mut Mistakes) -> Options {
    let default = Options::default();
    let facility = mistakes.note_or_default(options.number("facility", 0..=23, "invalid_facility"));
    let hostname = mistakes.note_or_default(header_text(options, "hostname", 255, "invalid_hostname"));
    let app_name = mistakes.note_or_default(header_text(options, "app_name", 48, "invalid_app_name"));
    let bom = mistakes.note_or_default(options.flag("bom"));
    let max_bytes = options.number("max_bytes", max_bytes_range(transport), "invalid_max_bytes");
    let max_bytes = mistakes.note_or_default(max_bytes);
    let cef_envelope = options.choice("cef_envelope", &["rfc5424", "bsd", "none"], "invalid_cef_envelope");
    let cef_envelope = mistakes.note_or_default(cef_envelope);
    let pen = mistakes.note_or_default(options.number("pen", 1..=u64::from(u32::MAX), "invalid_pen"));
    Options {
        facility: facility.and_then(|n| u8::try_from(n).ok()).unwrap_or(default.facility),
        hostname,
        app_name,
        bom,
        max_bytes: max_bytes.and_then(|n| u32::try_from(n).ok()),
        cef_envelope: cef_envelope.unwrap_or_default(),
        pen: pen.and_then(|n| u32::try_from(n).ok()).unwrap_or(default.pen),
        ..default
    }
}

/// How messages are sent, and what is sent beside events.
fn of_delivery(options: &mut Object, read: Options, mistakes: &mut Mistakes) -> Options {
    let heartbeat_seconds = options.number("heartbeat_seconds", HEARTBEAT_SECONDS, "invalid_heartbeat");
    let heartbeat_seconds = mistakes.note_or_default(heartbeat_seconds);
    let order = mistakes.note_or_default(options.choice("order", &["strict", "live_first"], "invalid_order"));
    let overlap_seconds = options.number("overlap_seconds", OVERLAP_SECONDS, "invalid_overlap_seconds");
    let overlap_seconds = mistakes.note_or_default(overlap_seconds);
    let overlap_bytes = mistakes.note_or_default(options.number("overlap_bytes", OVERLAP, "invalid_overlap"));
    Options {
        overlap_bytes,
        heartbeat_seconds: heartbeat_seconds.and_then(|n| u32::try_from(n).ok()),
        overlap_seconds: overlap_seconds.and_then(|n| u32::try_from(n).ok()),
        order: order.unwrap_or_default(),
        ..read
    }
}

/// What of an event goes where; and whether the mapping is named.
fn of_mapping(options: &mut Object, read: Options, mistakes: &mut Mistakes) -> (Options, bool) {
    let mapping = mistakes.note_or_default(options.number("mapping", 1..=2, "invalid_mapping"));
    let leef_cat = mistakes.note_or_default(options.choice("leef_cat", &["outcome", "source"], "invalid_leef_cat"));
    let ipv6_in_src = mistakes.note_or_default(options.flag("ipv6_in_src"));
    let metadata_keys = metadata_keys(options, mistakes);
    let structured_data = options.choice("structured_data", &["full", "ids", "none"], "invalid_structured_data");
    let structured_data = mistakes.note_or_default(structured_data);
    let message = mistakes.note_or_default(options.choice("message", &["json", "text"], "invalid_message_part"));
    let named = mapping.and_then(|n| Mapping::try_from(u8::try_from(n).ok()?).ok());
    let read = Options {
        mapping: named.unwrap_or(read.mapping),
        leef_cat: leef_cat.unwrap_or_default(),
        ipv6_in_src,
        metadata_keys,
        structured_data: structured_data.unwrap_or_default(),
        message: message.unwrap_or_default(),
        ..read
    };
    (read, named.is_some())
}

fn metadata_keys(options: &mut Object, mistakes: &mut Mistakes) -> Vec<MetadataKey> {
    const NAME: &str = "metadata_keys";
    let paths = mistakes.note_or_default(options.texts(NAME));
    if paths.len() > METADATA_KEYS_MAX {
        let detail = format!("'{NAME}' takes at most {METADATA_KEYS_MAX} paths, and there are {}", paths.len());
        mistakes.note::<()>(Err(options.error("invalid_metadata_keys", NAME, detail)));
        return Vec::new();
    }
    let mut keys: Vec<MetadataKey> = Vec::new();
    for (at, path) in (1..).zip(&paths) {
        match metadata_key(options, at, path, &keys) {
            Ok(key) => keys.push(key),
            Err(wrong) => {
                mistakes.note::<()>(Err(wrong));
                break;
            }
        }
    }
    keys
}

/// The path that stands at this place of the list, counted from 1.
fn metadata_key(options: &Object, at: usize, path: &str, before: &[MetadataKey]) -> Result<MetadataKey> {
    const NAME: &str = "metadata_keys";
    // Paths are the client's: cut, so that an answer cannot be made to carry a whole body.
    let shown: String = path.chars().filter(|c| !c.is_control()).take(128).collect();
    let key = MetadataKey::parse(path).map_err(|why| {
        options.error("invalid_metadata_keys", NAME, format!("'{NAME}' has '{shown}' at place {at}: {why}"))
    })?;
    match (1..).zip(before).find(|(_, other)| key.collides(other)) {
        None => Ok(key),
        Some((first, other)) => {
            let detail = format!(
                "'{other}' at place {first} and '{key}' at place {at} of '{NAME}' would both be '{}' in a message; \
                 leave one of them out",
                key.sd()
            );
            Err(options.error("duplicate_metadata_keys", NAME, detail))
        }
    }
}

/// Whether the mapping has what the options want.
///
/// # Errors
/// `needs_mapping_2`, for the first that it has not.
pub(super) fn can_be_had(options: &Options) -> Result<()> {
    match options.of_second_mapping().next() {
        Some(name) if options.mapping == Mapping::First => {
            let detail = format!(
                "mapping 1 has no '{name}'; set 'mapping' to 2, which changes the keys and ids that rules in the SIEM go by, \
                 or leave '{name}' out"
            );
            Err(Error::invalid("needs_mapping_2", format!("options.{name}"), detail))
        }
        _ => Ok(()),
    }
}

/// A header field of RFC 5424 section 6.2: PRINTUSASCII without blanks.
fn header_text(options: &mut Object, name: &str, bytes_max: usize, code: &'static str) -> Result<Option<String>> {
    let Some(text) = options.text(name)? else { return Ok(None) };
    if (1..=bytes_max).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()) {
        return Ok(Some(text));
    }
    let detail = format!("'{name}' must have 1 to {bytes_max} visible ASCII characters without blanks");
    Err(options.error(code, name, detail))
}
