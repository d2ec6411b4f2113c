//! Messages: what a strict reader takes apart is put together again here and reads the same; what our writers write, the strict
//! readers take.

use auditwire_model::connection::{
    CefEnvelope, Format, Mapping, MessagePart, MetadataKey, Options, StructuredData, Transport,
};
use auditwire_model::event::{DraftReader, rows};
use auditwire_model::shapes;
use auditwire_model::wire::{Renderer, read_cef, read_json, read_leef, read5424};

use crate::samples;

/// Events through every writer.
pub(crate) fn written(bytes: &[u8]) {
    let reader = DraftReader { items_max: 8, ..DraftReader::default() };
    let drafts: Vec<_> = reader.read_object_or_array(bytes).unwrap_or_default().into_iter().flatten().collect();
    if drafts.is_empty() {
        return;
    }
    let batch = samples::batch(drafts);
    for renderer in renderers() {
        for event in rows(&batch) {
            let mut message = Vec::new();
            if renderer.0.render(&event, 7, &mut message).is_err() {
                assert!(message.is_empty(), "half a message is left");
                continue;
            }
            assert!(message.len() <= renderer.0.max_bytes(), "longer than the connection allows");
            assert!(!message.contains(&b'\n'), "a message is one line");
            taken(renderer.1, &message, event.event_id);
        }
    }
}

/// Every format and envelope by both mappings; with room, and with so little that values are cut.
fn renderers() -> Vec<(Renderer, Format)> {
    let mut all = Vec::new();
    for (format, envelope) in [
        (Format::Rfc5424, CefEnvelope::Rfc5424),
        (Format::Cef, CefEnvelope::Rfc5424),
        (Format::Cef, CefEnvelope::Bsd),
        (Format::Cef, CefEnvelope::None),
        (Format::Leef, CefEnvelope::Rfc5424),
        (Format::Json, CefEnvelope::Rfc5424),
    ] {
        for max_bytes in [None, Some(480)] {
            for options in mappings() {
                let options = Options { cef_envelope: envelope, max_bytes, ..options };
                all.push((samples::renderer(format, Transport::Tcp, options), format));
            }
        }
    }
    all
}

/// The first mapping, and the second with its options at the defaults and otherwise.
fn mappings() -> [Options; 3] {
    let keys = ["resource.metadata.name", "subject.metadata.email"];
    [
        Options { mapping: Mapping::First, ..Options::default() },
        Options::default(),
        Options {
            structured_data: StructuredData::Ids,
            message: MessagePart::Text,
            metadata_keys: keys.iter().filter_map(|path| MetadataKey::parse(path).ok()).collect(),
            ..Options::default()
        },
    ]
}

fn taken(format: Format, message: &[u8], event_id: &str) {
    let text = std::str::from_utf8(message).expect("a message is UTF-8");
    match format {
        Format::Rfc5424 => {
            let read = read5424::parse(message).unwrap_or_else(|wrong| panic_with(&wrong, text));
            assert!(read.element("audit@32473").is_some(), "our element is missing: {text}");
        }
        Format::Cef => drop(read_cef::parse(text).unwrap_or_else(|wrong| panic_with(&wrong, text))),
        Format::Leef => drop(read_leef::parse(text).unwrap_or_else(|wrong| panic_with(&wrong, text))),
        Format::Json => {
            let read = read_json::parse(text).unwrap_or_else(|wrong| panic_with(&wrong, text));
            assert!(read.truncated || read.event_id == event_id, "another event: {text}");
        }
    }
}

#[expect(clippy::panic, reason = "a target tells a defect by panicking")]
fn panic_with(wrong: &dyn std::fmt::Display, text: &str) -> ! {
    panic!("a strict reader refuses what we wrote, {wrong}: {text}")
}

pub(crate) fn rfc5424(bytes: &[u8]) {
    let draft = shapes::syslog::draft(bytes);
    assert!(!draft.action.is_empty(), "an event without an action");
    assert!(draft.resource_metadata.iter().is_sorted_by(|a, b| a.0 < b.0), "a key stands twice");
    match read5424::parse(bytes) {
        Ok(message) => {
            let printed = print5424(&message);
            assert_eq!(read5424::parse(&printed).as_ref(), Ok(&message), "{}", printed.escape_ascii());
            samples::batch([draft]);
        }
        Err(wrong) => assert!(wrong.position <= bytes.len(), "a place outside: {wrong}"),
    }
}

fn print5424(message: &read5424::Message<'_>) -> Vec<u8> {
    let name = |name: Option<&str>| name.unwrap_or("-").to_owned();
    let priority = u32::from(message.facility) * 8 + u32::from(message.severity);
    let head = [message.timestamp, message.hostname, message.app_name, message.proc_id, message.msg_id].map(name);
    let mut out = format!("<{priority}>{} {} ", message.version, head.join(" ")).into_bytes();
    for element in &message.elements {
        out.extend_from_slice(format!("[{}", element.id).as_bytes());
        for (name, value) in &element.params {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace(']', r"\]");
            out.extend_from_slice(format!(" {name}=\"{value}\"").as_bytes());
        }
        out.push(b']');
    }
    if message.elements.is_empty() {
        out.push(b'-');
    }
    if let Some(text) = message.msg {
        out.extend_from_slice(if message.bom { b" \xEF\xBB\xBF" } else { b" " });
        out.extend_from_slice(text);
    }
    out
}

pub(crate) fn cef(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_cef::parse(text) {
        Ok(message) => {
            let header = |text: &String| text.replace('\\', r"\\").replace('|', r"\|");
            let read_cef::CefMessage { vendor, product, device_version, class_id, name, severity, .. } = &message;
            let fields = [vendor, product, device_version, class_id, name, severity].map(header).join("|");
            let value = |(key, value): &(&str, String)| {
                let escaped = value.replace('\\', r"\\").replace('=', r"\=").replace('\n', r"\n").replace('\r', r"\r");
                format!("{key}={escaped}")
            };
            let pairs: Vec<_> = message.extension.iter().map(value).collect();
            let printed = format!("{}CEF:{}|{fields}|{}", message.envelope, message.version, pairs.join(" "));
            assert_eq!(read_cef::parse(&printed).as_ref(), Ok(&message), "{printed}");
        }
        Err(wrong) => assert!(wrong.position <= text.len(), "a place outside: {wrong}"),
    }
}

pub(crate) fn leef(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_leef::parse(text) {
        Ok(message) => {
            let read_leef::LeefMessage { envelope, version, vendor, product, product_version, event_id, .. } = message;
            let fields = [vendor, product, product_version, event_id].join("|");
            let delimiter = message.delimiter;
            let named = if version == "2.0" { format!("x{:04x}|", u32::from(delimiter)) } else { String::new() };
            let pairs: Vec<_> = message.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let pairs = pairs.join(&delimiter.to_string());
            let printed = format!("{envelope}LEEF:{version}|{fields}|{named}{pairs}");
            // A delimiter beyond the four digits can only be written as itself.
            if u32::from(delimiter) <= 0xFFFF {
                assert_eq!(read_leef::parse(&printed).as_ref(), Ok(&message), "{printed}");
            }
        }
        Err(wrong) => assert!(wrong.position <= text.len(), "a place outside: {wrong}"),
    }
}

pub(crate) fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_json::parse(text) {
        Ok(message) => {
            let value: serde_json::Value = serde_json::from_str(text).expect("it was read");
            assert_eq!(value.get("event_id").and_then(|id| id.as_str()), Some(message.event_id.as_str()));
        }
        Err(wrong) => assert!(wrong.position <= text.len(), "a place outside: {wrong}"),
    }
}
