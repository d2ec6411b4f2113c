//! A connection as a client sends it: read, checked field by field with one code per field, defaults filled in.

mod options;
mod receiver;

use std::net::IpAddr;

use auditwire_model::connection::{
    ConnectionSpec, Endpoint, Filter, FilterKind, Format, Host, Selection, SelectionMode, TlsSpec, Transport, Verify,
};
use auditwire_model::query::parse;

use self::receiver::Wanted;
use super::defaults::framing_default;
use super::json::{Mistakes, Object};
use super::pem::{PemContents, inspect_pem};
use crate::delivery::tls::normalise_fingerprint;
use crate::error::{Error, Kind, Result};
use crate::projects::checked_name;
use crate::secrets::{Secret, sha256_hex};

const FIELDS: [&str; 10] =
    ["name", "receiver", "endpoint", "transport", "tls", "format", "framing", "options", "filter", "rate_limit"];
/// What the API adds to its answers; taken and ignored, so that an answer can be edited and sent back.
const SHOWN: [&str; 11] = [
    "id",
    "revision",
    "endpoint_unicode",
    "status",
    "since",
    "cause",
    "verified",
    "delivery",
    "warnings",
    "created_at",
    "updated_at",
];
const FILTER_VALUES_MAX: usize = 256;

/// The body of create, update and check.
#[derive(Debug, Clone)]
pub struct ConnectionInput {
    spec: ConnectionSpec,
    /// The request says which mapping; else what is stored stays.
    mapping_named: bool,
    wanted: Wanted,
    pem: PemInput,
    sha256: String,
}

/// A request's body as it was read.
struct Read {
    spec: ConnectionSpec,
    mapping_named: bool,
    wanted: Wanted,
    pem: PemInput,
}

/// What a request says about the PEM.
#[derive(Debug, Clone, Default)]
pub(super) enum PemInput {
    /// Nothing: what is stored stays.
    #[default]
    Keep,
    /// `null`: what is stored goes.
    Remove,
    /// A new one.
    Replace(Secret),
}

impl ConnectionInput {
    /// Reads and checks a request's body.
    ///
    /// # Errors
    /// The first of [`from_json_all`](Self::from_json_all).
    pub fn from_json(body: &[u8]) -> Result<Self> {
        Self::from_json_all(body).map_err(|mistakes| {
            let first = mistakes.into_iter().next();
            first.unwrap_or_else(|| Error::new(Kind::Internal, "internal", "a connection could not be read"))
        })
    }

    /// Reads and checks a request's body, and tells everything that is wrong with it, for a form.
    ///
    /// # Errors
    /// One per wrong field, in the order of the form (at most 32): `invalid_json`, `invalid_type`, `unknown_field`,
    /// `missing_field`, `not_available_yet`; `invalid_receiver`, `invalid_name`, `invalid_endpoint`, `invalid_transport`, `tls_not_allowed`,
    /// the codes of [`inspect_pem`], `invalid_verify`, `invalid_server_name`, `fingerprint_required`,
    /// `invalid_fingerprint`, `invalid_min_version`, `invalid_format`, `invalid_framing`, `invalid_max_bytes`,
    /// `invalid_facility`, `invalid_pen`, `invalid_hostname`, `invalid_app_name`, `invalid_cef_envelope`,
    /// `invalid_overlap`, `invalid_overlap_seconds`, `invalid_heartbeat`, `invalid_order`, `invalid_mapping`,
    /// `invalid_leef_cat`, `invalid_structured_data`, `invalid_message_part`, `invalid_metadata_keys`, `duplicate_metadata_keys`,
    /// `needs_mapping_2`, `invalid_filter`, the codes of [`QueryError`](auditwire_model::query::QueryError),
    /// `invalid_rate_limit`. The field is named by its dotted path. What depends on
    /// a field that is wrong is not judged.
    pub fn from_json_all(body: &[u8]) -> Result<Self, Vec<Error>> {
        let mut mistakes = Mistakes::default();
        let spec = Object::body(body, &FIELDS, &SHOWN, &mut mistakes).and_then(|object| spec(object, &mut mistakes));
        let Read { spec, mapping_named, wanted, pem } = mistakes.unless_any(spec)?;
        Ok(Self { spec, mapping_named, wanted, pem, sha256: sha256_hex(body) })
    }

    /// Parts the checked settings from what shall become of the PEM. What is kept of `stored` is shown as stored.
    ///
    /// # Errors
    /// `needs_mapping_2` when an option cannot be had with the mapping that is kept.
    pub(super) fn into_parts(mut self, stored: Option<&ConnectionSpec>) -> Result<(ConnectionSpec, PemInput)> {
        if let (false, Some(stored)) = (self.mapping_named, stored) {
            self.spec.options.mapping = stored.options.mapping;
            self.wanted.fit(&mut self.spec.options);
            options::can_be_had(&self.spec.options)?;
        }
        match (&mut self.spec.tls, &self.pem) {
            (Some(tls), PemInput::Keep) => {
                if let Some(stored) = stored.and_then(|s| s.tls.as_ref()) {
                    tls.certificates.clone_from(&stored.certificates);
                    tls.client_key = stored.client_key;
                }
            }
            // Without TLS there is nothing a PEM could be for, and nothing would show that it is still there.
            (None, _) => self.pem = PemInput::Remove,
            (Some(_), _) => {}
        }
        Ok((self.spec, self.pem))
    }

    /// Tells requests apart for `Idempotency-Key`.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The name that the connection shall have.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }
}

/// Reads the `filter` of a connection alone, as it would be stored, to show what it means before.
///
/// # Errors
/// Those of [`ConnectionInput::from_json_all`] that are about the filter.
pub fn inspect_filter(filter: serde_json::Value) -> Result<Filter, Vec<Error>> {
    let mut mistakes = Mistakes::default();
    let mut object = Object::of("filter", filter);
    let read = self::filter(&mut object, &mut mistakes);
    mistakes.unless_any(Some(read))
}

/// All fields, in the order of the form; `None` when one that must be there is missing or wrong.
fn spec(mut object: Object, mistakes: &mut Mistakes) -> Option<Read> {
    let wanted = Wanted::read(&mut object, mistakes);
    let name = object.required("name").and_then(|name| checked_name(&name, "name"));
    let name = mistakes.note(name);
    let endpoint = endpoint(&mut object);
    let endpoint = mistakes.note(endpoint);
    let transport = transport(&mut object);
    let transport = mistakes.note(transport);
    let (tls, pem) = tls(&mut object, transport, mistakes);
    let format = format(&mut object);
    let format = mistakes.note(format);
    let framing = object.choice("framing", &["lf", "octet_counting"], "invalid_framing");
    let framing = mistakes.note_or_default(framing);
    let (options, mapping_named) = options::options(&mut object, transport, mistakes);
    let filter = filter(&mut object, mistakes);
    let rate_limit = mistakes.note_or_default(object.number("rate_limit", 1..=10_000_000, "invalid_rate_limit"));
    let (transport, format) = (transport?, format?);
    let spec = ConnectionSpec {
        name: name?,
        receiver: wanted.receiver,
        endpoint: endpoint?,
        transport,
        tls,
        format,
        framing: framing.unwrap_or_else(|| framing_default(transport, format)),
        options,
        filter,
        rate_limit: rate_limit.and_then(|n| u32::try_from(n).ok()),
    };
    Some(Read { spec, mapping_named, wanted, pem })
}

fn endpoint(object: &mut Object) -> Result<Endpoint> {
    let endpoint = object.required("endpoint")?;
    Endpoint::parse(endpoint.trim())
        .map_err(|e| object.error("invalid_endpoint", "endpoint", format!("'endpoint': {e}")))
}

fn transport(object: &mut Object) -> Result<Transport> {
    let choices = ["tcp", "udp", "tls", "relp", "relp_tls"];
    object.choice("transport", &choices, "invalid_transport")?.ok_or_else(|| {
        object.error("missing_field", "transport", "'transport' is required: tcp, udp, tls, relp or relp_tls")
    })
}

fn format(object: &mut Object) -> Result<Format> {
    let chosen = object.choice("format", &["rfc5424", "cef", "leef", "json"], "invalid_format")?;
    Ok(chosen.unwrap_or(Format::Rfc5424))
}

/// TLS settings, where the transport has them; without a valid transport what is there is judged all the same.
fn tls(object: &mut Object, transport: Option<Transport>, mistakes: &mut Mistakes) -> (Option<TlsSpec>, PemInput) {
    let known = ["pem", "server_name", "verify", "fingerprint", "min_version"];
    let tls = object.object("tls", &known, &["certificates", "client_key"], mistakes);
    match (tls, transport) {
        (Some(_), Some(transport)) if !transport.is_tls() => {
            let detail = "'tls' is only for the transports tls and relp_tls; leave it out";
            let refused = object.error("tls_not_allowed", "tls", detail);
            mistakes.note::<()>(Err(refused));
            (None, PemInput::Keep)
        }
        (Some(tls), _) => {
            let (spec, pem) = tls_spec(tls, mistakes);
            (Some(spec), pem)
        }
        (None, Some(transport)) if transport.is_tls() => (Some(TlsSpec::default()), PemInput::Keep),
        (None, _) => (None, PemInput::Keep),
    }
}

fn tls_spec(mut tls: Object, mistakes: &mut Mistakes) -> (TlsSpec, PemInput) {
    let (pem, contents) = mistakes.note_or_default(pem(&mut tls));
    let server_name = mistakes.note_or_default(server_name(&mut tls));
    let verify = tls.choice("verify", &["full", "fingerprint", "off"], "invalid_verify");
    let verify = mistakes.note_or_default(verify).unwrap_or_default();
    let fingerprint = mistakes.note_or_default(fingerprint(&mut tls, verify));
    let min_version = tls.choice("min_version", &["1.2", "1.3"], "invalid_min_version");
    let min_version = mistakes.note_or_default(min_version).unwrap_or_default();
    let PemContents { certificates, client_key } = contents;
    (TlsSpec { server_name, verify, fingerprint, min_version, certificates, client_key }, pem)
}

fn pem(tls: &mut Object) -> Result<(PemInput, PemContents)> {
    let text = match tls.nullable_text("pem")? {
        None => return Ok((PemInput::Keep, PemContents::default())),
        Some(None) => return Ok((PemInput::Remove, PemContents::default())),
        Some(Some(text)) => Secret::new(text.into_bytes()),
    };
    let contents = inspect_pem(text.expose())?;
    Ok((PemInput::Replace(text), contents))
}

fn server_name(tls: &mut Object) -> Result<Option<String>> {
    let Some(name) = tls.text("server_name")? else { return Ok(None) };
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(Some(address.to_string()));
    }
    match Endpoint::parse(&format!("{name}:1")).map(|e| e.host) {
        Ok(Host::Name(name)) => Ok(Some(name)),
        _ => Err(tls.error("invalid_server_name", "server_name", "'server_name' must be a DNS name or an IP address")),
    }
}

fn fingerprint(tls: &mut Object, verify: Verify) -> Result<Option<String>> {
    let Some(text) = tls.text("fingerprint")? else {
        if verify == Verify::Fingerprint {
            let detail = "verification by fingerprint needs the SHA-256 of the server's certificate";
            return Err(tls.error("fingerprint_required", "fingerprint", detail));
        }
        return Ok(None);
    };
    let text = text.trim().to_ascii_lowercase();
    let digits = ["sha-256:", "sha256:"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(&text);
    normalise_fingerprint(digits).map(Some).ok_or_else(|| {
        let detail = "'fingerprint' must be a SHA-256: 64 hex digits, with or without colons";
        tls.error("invalid_fingerprint", "fingerprint", detail)
    })
}

fn filter(object: &mut Object, mistakes: &mut Mistakes) -> Filter {
    let known = ["kind", "status", "source", "query"];
    let Some(mut filter) = object.object("filter", &known, &[], mistakes) else { return Filter::default() };
    let kind = filter.choice("kind", &["none", "general", "query"], "invalid_filter");
    let kind: FilterKind = mistakes.note_or_default(kind).unwrap_or_default();
    let mut status = selection(&mut filter, "status", mistakes);
    for value in &mut status.values {
        // Outcomes and classes have one spelling; codes are the source's own.
        let lower = value.to_ascii_lowercase();
        let class = lower.len() == 3 && lower.ends_with("xx") && lower.as_bytes()[0].is_ascii_digit();
        if class || matches!(lower.as_str(), "success" | "failure" | "unknown") {
            *value = lower;
        }
    }
    let source = selection(&mut filter, "source", mistakes);
    let query = mistakes.note_or_default(query(&mut filter, kind));
    Filter { kind, status, source, query }
}

/// The query, which is kept for later also while another kind of filter applies. It is stored as it was written.
fn query(filter: &mut Object, kind: FilterKind) -> Result<Option<String>> {
    let Some(text) = filter.text("query")?.filter(|text| !text.trim().is_empty()) else {
        let detail = "a filter by query needs one; to send everything, choose the kind none";
        let missing = filter.error("missing_field", "query", detail);
        return if kind == FilterKind::Query { Err(missing) } else { Ok(None) };
    };
    // What is stored must mean the same tomorrow, so there is no now.
    match parse(&text, None) {
        Ok(_) => Ok(Some(text)),
        Err(wrong) => {
            Err(Error { query: Some(Box::new(wrong.clone())), ..filter.error(wrong.code, "query", wrong.detail) })
        }
    }
}

fn selection(filter: &mut Object, name: &str, mistakes: &mut Mistakes) -> Selection {
    let Some(mut selection) = filter.object(name, &["mode", "values"], &[], mistakes) else {
        return Selection::default();
    };
    let mode = selection.choice("mode", &["off", "only", "except"], "invalid_filter");
    let mode: SelectionMode = mistakes.note_or_default(mode).unwrap_or_default();
    let values = mistakes.note_or_default(selected(&mut selection, mode));
    Selection { mode, values }
}

fn selected(selection: &mut Object, mode: SelectionMode) -> Result<Vec<String>> {
    let mut values = selection.texts("values")?;
    for value in &mut values {
        *value = value.trim().to_owned();
    }
    let sane = |v: &String| (1..=256).contains(&v.len()) && !v.chars().any(char::is_control);
    if values.len() > FILTER_VALUES_MAX || !values.iter().all(sane) {
        let detail = format!("at most {FILTER_VALUES_MAX} values of 1 to 256 bytes without control characters");
        return Err(selection.error("invalid_filter", "values", detail));
    }
    if mode != SelectionMode::Off && values.is_empty() {
        return Err(selection.error("invalid_filter", "values", "'only' and 'except' need at least one value"));
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
