//! What the form holds: as a browser sent it, or as a connection is stored; and the engine's request that it makes. Pure, so
//! that both directions can be tried against each other: a stored connection, shown and sent back, is the same connection.
//!
//! Fields that do not apply (those of TLS with another protocol, say) are not sent to the engine unless they are as they were
//! stored, so that nobody is blamed for a field that is not shown.

use std::ops::RangeInclusive;

use auditwire_engine::connections::defaults;
use auditwire_model::connection::{
    CefEnvelope, ConnectionSpec, Endpoint, FilterKind, Format, LeefCategory, Mapping, MessagePart, Options, Order,
    Receiver, Selection, SelectionMode, StructuredData, TlsSpec, Transport,
};
use auditwire_model::query::parse;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::console::form::Form;

/// The text of every field. A posted PEM is not among them: nothing that is shown can hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) name: String,
    /// Empty: nobody said what is at the other end.
    pub(super) receiver: String,
    pub(super) endpoint: String,
    pub(super) transport: String,
    pub(super) server_name: String,
    pub(super) verify: String,
    /// The second confirmation that [`off`](auditwire_model::connection::Verify::Off) needs.
    pub(super) verify_off_confirmed: bool,
    pub(super) fingerprint: String,
    pub(super) min_version: String,
    pub(super) format: String,
    /// Empty: what fits the protocol and the format.
    pub(super) framing: String,
    pub(super) cef_envelope: String,
    pub(super) facility: String,
    pub(super) hostname: String,
    pub(super) app_name: String,
    pub(super) bom: bool,
    pub(super) max_bytes: String,
    pub(super) pen: String,
    pub(super) overlap_bytes: String,
    pub(super) overlap_seconds: String,
    pub(super) heartbeat_seconds: String,
    pub(super) order: String,
    pub(super) mapping: String,
    pub(super) leef_cat: String,
    pub(super) ipv6_in_src: bool,
    /// One path a line.
    pub(super) metadata_keys: String,
    pub(super) structured_data: String,
    pub(super) message: String,
    pub(super) filter: String,
    pub(super) status: Selected,
    pub(super) source: Selected,
    /// Of the filter by query, as it was typed.
    pub(super) query: String,
    pub(super) rate_limit: String,
}

/// One half of the general filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) mode: String,
    /// Ticked values, in their order.
    pub(super) chosen: Vec<String>,
    /// Typed values, not yet taken apart.
    pub(super) more: String,
}

/// What shall become of the stored PEM. Holds a key, so it cannot be printed.
pub(super) enum PemChange<'a> {
    Keep,
    Remove,
    Replace(&'a str),
}

impl<'a> PemChange<'a> {
    pub(super) fn of(form: &'a Form) -> Self {
        match form.raw("pem") {
            pem if !pem.trim().is_empty() => Self::Replace(pem),
            _ if form.has("pem_remove") => Self::Remove,
            _ => Self::Keep,
        }
    }
}

impl Values {
    /// A new connection: plain TCP, RAW, no filter.
    pub(super) fn new() -> Self {
        let tls = TlsSpec::default();
        let Options { facility, .. } = Options::default();
        Self {
            name: String::new(),
            receiver: String::new(),
            endpoint: String::new(),
            transport: word(Transport::Tcp),
            server_name: String::new(),
            verify: word(tls.verify),
            verify_off_confirmed: false,
            fingerprint: String::new(),
            min_version: word(tls.min_version),
            format: word(Format::Rfc5424),
            framing: String::new(),
            cef_envelope: word(CefEnvelope::default()),
            facility: facility.to_string(),
            hostname: String::new(),
            app_name: String::new(),
            bom: false,
            max_bytes: String::new(),
            pen: String::new(),
            overlap_bytes: String::new(),
            overlap_seconds: String::new(),
            heartbeat_seconds: String::new(),
            order: word(Order::default()),
            mapping: number_of(Options::default().mapping),
            leef_cat: word(LeefCategory::default()),
            ipv6_in_src: false,
            metadata_keys: String::new(),
            structured_data: word(StructuredData::default()),
            message: word(MessagePart::default()),
            filter: word(FilterKind::default()),
            status: Selected::of(&Selection::default()),
            source: Selected::of(&Selection::default()),
            query: String::new(),
            rate_limit: String::new(),
        }
    }

    /// A stored connection. What is as by default stays empty, so that it follows when protocol or format are changed.
    pub(super) fn of(spec: &ConnectionSpec) -> Self {
        let tls = spec.tls.clone().unwrap_or_default();
        let options = &spec.options;
        let by_default = defaults(spec.transport, spec.format).framing;
        let unless_default = |n: u32, default: u32| if n == default { String::new() } else { n.to_string() };
        Self {
            name: spec.name.clone(),
            receiver: spec.receiver.map(|receiver| receiver.as_str().to_owned()).unwrap_or_default(),
            endpoint: spec.endpoint.to_string(),
            transport: word(spec.transport),
            server_name: tls.server_name.unwrap_or_default(),
            verify: word(tls.verify),
            verify_off_confirmed: tls.verify == auditwire_model::connection::Verify::Off,
            fingerprint: tls.fingerprint.unwrap_or_default(),
            min_version: word(tls.min_version),
            format: word(spec.format),
            framing: if spec.framing == by_default { String::new() } else { word(spec.framing) },
            cef_envelope: word(options.cef_envelope),
            facility: options.facility.to_string(),
            hostname: options.hostname.clone().unwrap_or_default(),
            app_name: options.app_name.clone().unwrap_or_default(),
            bom: options.bom,
            max_bytes: options.max_bytes.map(|n| n.to_string()).unwrap_or_default(),
            pen: unless_default(options.pen, Options::default().pen),
            overlap_bytes: options.overlap_bytes.map(size_text).unwrap_or_default(),
            overlap_seconds: options.overlap_seconds.map(|n| n.to_string()).unwrap_or_default(),
            heartbeat_seconds: options.heartbeat_seconds.map(|n| n.to_string()).unwrap_or_default(),
            order: word(options.order),
            mapping: number_of(options.mapping),
            leef_cat: word(options.leef_cat),
            ipv6_in_src: options.ipv6_in_src,
            metadata_keys: options.metadata_keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            structured_data: word(options.structured_data),
            message: word(options.message),
            filter: word(spec.filter.kind),
            status: Selected::of(&spec.filter.status),
            source: Selected::of(&spec.filter.source),
            query: spec.filter.query.clone().unwrap_or_default(),
            rate_limit: spec.rate_limit.map(|n| n.to_string()).unwrap_or_default(),
        }
    }

    /// What a browser sent.
    pub(super) fn read(form: &Form) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        Self {
            name: text("name"),
            receiver: text("receiver"),
            endpoint: text("endpoint"),
            transport: text("transport"),
            server_name: text("server_name"),
            verify: text("verify"),
            verify_off_confirmed: form.has("verify_off_confirmed"),
            fingerprint: text("fingerprint"),
            min_version: text("min_version"),
            format: text("format"),
            framing: text("framing"),
            cef_envelope: text("cef_envelope"),
            facility: text("facility"),
            hostname: text("hostname"),
            app_name: text("app_name"),
            bom: form.has("bom"),
            max_bytes: text("max_bytes"),
            pen: text("pen"),
            overlap_bytes: text("overlap_bytes"),
            overlap_seconds: text("overlap_seconds"),
            heartbeat_seconds: text("heartbeat_seconds"),
            order: text("order"),
            mapping: text("mapping"),
            leef_cat: text("leef_cat"),
            ipv6_in_src: form.has("ipv6_in_src"),
            metadata_keys: text("metadata_keys"),
            structured_data: text("structured_data"),
            message: text("message"),
            filter: text("filter"),
            status: Selected::read(form, "status_mode", "status", "status_more"),
            source: Selected::read(form, "source_mode", "source", "source_more"),
            query: text("query"),
            rate_limit: text("rate_limit"),
        }
    }

    /// The request for the engine.
    pub(super) fn to_json(&self, pem: &PemChange<'_>) -> Value {
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("receiver".to_owned(), text(&self.receiver));
        body.insert("endpoint".to_owned(), json!(self.endpoint));
        body.insert("transport".to_owned(), json!(self.transport));
        if self.is_tls() {
            body.insert("tls".to_owned(), self.tls_json(pem));
        }
        body.insert("format".to_owned(), json!(self.format));
        body.insert("framing".to_owned(), text(&self.framing));
        body.insert("options".to_owned(), self.options_json());
        body.insert("filter".to_owned(), self.filter_json());
        body.insert("rate_limit".to_owned(), number(&self.rate_limit));
        Value::Object(body)
    }

    /// What a preview depends on; with `compared` it shows both mappings.
    pub(super) fn preview_json(&self, compared: bool) -> Value {
        json!({
            "transport": self.transport,
            "format": self.format,
            "options": self.options_json(),
            "filter": self.filter_json(),
            "compare_mappings": compared,
        })
    }

    /// What depends on the receiver.
    pub(super) fn receiver_json(&self) -> Value {
        let endpoint = Endpoint::parse(&self.endpoint).ok().map(|endpoint| endpoint.to_string());
        json!({
            "receiver": text(&self.receiver),
            "endpoint": endpoint,
            "transport": self.transport,
            "format": self.format,
            "framing": text(&self.framing),
            "options": self.options_json(),
        })
    }

    /// The same with what the chosen receiver wants. A protocol that it takes stays.
    pub(super) fn wanted_by_receiver(self) -> Self {
        let known = Receiver::parse(&self.receiver).filter(|receiver| *receiver != Receiver::Other);
        let Some(receiver) = known else { return self };
        let chosen = receiver.transports().iter().find(|transport| transport.as_str() == self.transport);
        let (transport, format) = (chosen.copied().unwrap_or_else(|| receiver.transport()), receiver.format());
        let preset = receiver.preset(transport, format);
        let by_default = defaults(transport, format).framing;
        let second = self.mapping != "1";
        Self {
            transport: word(transport),
            format: word(format),
            framing: preset.framing.filter(|framing| *framing != by_default).map(word).unwrap_or_default(),
            cef_envelope: word(preset.cef_envelope),
            max_bytes: preset.max_bytes.map(|n| n.to_string()).unwrap_or_default(),
            leef_cat: word(LeefCategory::default()),
            ipv6_in_src: second && preset.ipv6_in_src,
            structured_data: if second { word(preset.structured_data) } else { word(StructuredData::default()) },
            message: word(MessagePart::default()),
            ..self
        }
    }

    fn tls_json(&self, pem: &PemChange<'_>) -> Value {
        let applies = self.verify == "fingerprint" || is_stored_fingerprint(&self.fingerprint);
        let mut tls = json!({
            "server_name": text(&self.server_name),
            "verify": self.verify,
            "fingerprint": if applies { text(&self.fingerprint) } else { Value::Null },
            "min_version": self.min_version,
        });
        match pem {
            PemChange::Keep => {}
            PemChange::Remove => tls["pem"] = Value::Null,
            PemChange::Replace(pem) => tls["pem"] = json!(pem),
        }
        tls
    }

    fn options_json(&self) -> Value {
        let overlap = size(&self.overlap_bytes);
        let seconds = number(&self.overlap_seconds);
        let seconds_apply =
            self.takes_framing() || seconds.as_u64().is_some_and(|n| overlap_seconds_range().contains(&n));
        let applies = self.takes_framing() || overlap.as_u64().is_some_and(|n| overlap_range().contains(&n));
        json!({
            "facility": number(&self.facility),
            "hostname": text(&self.hostname),
            "app_name": text(&self.app_name),
            "bom": self.bom,
            "max_bytes": number(&self.max_bytes),
            "cef_envelope": text(&self.cef_envelope),
            "pen": number(&self.pen),
            "overlap_bytes": if applies { overlap } else { Value::Null },
            "heartbeat_seconds": number(&self.heartbeat_seconds),
            "order": text(&self.order),
            "mapping": number(&self.mapping),
            "leef_cat": if self.may_say("leef") { text(&self.leef_cat) } else { Value::Null },
            "ipv6_in_src": self.ipv6_in_src && self.may_say("cef"),
            "metadata_keys": self.metadata_keys.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            "structured_data": if self.may_say("rfc5424") { text(&self.structured_data) } else { Value::Null },
            "message": if self.may_say("rfc5424") { text(&self.message) } else { Value::Null },
            "overlap_seconds": if seconds_apply { seconds } else { Value::Null },
        })
    }

    /// The part that says which events are sent.
    pub(super) fn filter_json(&self) -> Value {
        let applies = self.filter == "general";
        let query = self.is_by_query() || parse(&self.query, None).is_ok();
        let mut filter = json!({
            "kind": self.filter,
            "status": self.status.to_json(applies, |c| c == ',' || c.is_whitespace()),
            "source": self.source.to_json(applies, |c| c == ',' || c == '\n'),
        });
        if query && !self.query.is_empty() {
            filter["query"] = json!(self.query);
        }
        filter
    }

    pub(super) fn is_by_query(&self) -> bool {
        self.filter == "query"
    }

    /// The first mapping refuses what the second one adds: nobody is blamed for a field of another format, which is not shown.
    fn may_say(&self, format: &str) -> bool {
        self.mapping != "1" || self.format == format
    }

    /// Messages have a frame, and what was sent last is sent again after a break: not with UDP and RELP.
    fn takes_framing(&self) -> bool {
        matches!(self.transport.as_str(), "tcp" | "tls")
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.transport.as_str(), "tls" | "relp_tls")
    }

    /// What the form asks for and the engine does not know of: that it was said twice that nobody is verified.
    pub(super) fn needs_confirmation(&self) -> bool {
        self.is_tls() && self.verify == "off" && !self.verify_off_confirmed
    }
}

impl Selected {
    fn of(selection: &Selection) -> Self {
        Self { mode: word(selection.mode), chosen: selection.values.clone(), more: String::new() }
    }

    fn read(form: &Form, mode: &str, values: &str, more: &str) -> Self {
        let chosen = form.all(values).map(str::to_owned).collect();
        Self { mode: form.text(mode).to_owned(), chosen, more: form.text(more).to_owned() }
    }

    fn to_json(&self, applies: bool, separates: impl Fn(char) -> bool) -> Value {
        let mut values: Vec<&str> = self.chosen.iter().map(String::as_str).collect();
        for value in self.more.split(separates).map(str::trim).filter(|value| !value.is_empty()) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let off = word(SelectionMode::Off);
        let mode = if values.is_empty() && !applies { &off } else { &self.mode };
        json!({"mode": mode, "values": values})
    }
}

/// The word of a choice, as the API spells it.
pub(super) fn word(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A mapping's number.
pub(super) fn number_of(mapping: Mapping) -> String {
    u8::from(mapping).to_string()
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// A whole number as people write it. What is none becomes -1: no field takes that, and the answer names what it takes.
fn number(text: &str) -> Value {
    let digits: String = text.chars().filter(|c| !is_gap(*c)).collect();
    match digits.parse::<u64>() {
        _ if digits.is_empty() => Value::Null,
        Ok(n) => json!(n),
        Err(_) => json!(-1),
    }
}

/// Bytes, perhaps with a unit: `33554432`, `32 MiB`, `32M`.
fn size(text: &str) -> Value {
    let text: String = text.chars().filter(|c| !is_gap(*c)).collect::<String>().to_lowercase();
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text.get(number.len()..).unwrap_or_default() {
        "" | "b" | "б" => 0,
        "k" | "kb" | "kib" | "к" | "кб" | "киб" => 10,
        "m" | "mb" | "mib" | "м" | "мб" | "миб" => 20,
        "g" | "gb" | "gib" | "г" | "гб" | "гиб" => 30,
        _ => return json!(-1),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)) {
        _ if text.is_empty() => Value::Null,
        Some(n) => json!(n),
        None => json!(-1),
    }
}

/// What people put between the thousands.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '_' | '\'')
}

/// The largest unit that needs no fraction.
pub(super) fn size_text(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

fn is_stored_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

/// The same for every protocol and format.
fn overlap_range() -> RangeInclusive<u64> {
    defaults(Transport::Udp, Format::Rfc5424).overlap_range
}

fn overlap_seconds_range() -> RangeInclusive<u64> {
    defaults(Transport::Udp, Format::Rfc5424).overlap_seconds_range
}

#[cfg(test)]
mod tests;
