//! The connection form as flags. What is given replaces that field of the base: nothing for a new connection, the
//! stored one for an edit, a JSON file with `--from-file`.

use std::path::PathBuf;

use auditwire_model::connection::Receiver;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};

/// Fields that a client may write (product section 9); everything else in an answer is the service's.
const WRITABLE: [&str; 10] =
    ["name", "receiver", "endpoint", "transport", "tls", "format", "framing", "options", "filter", "rate_limit"];
/// What a preview is made of.
const PREVIEWED: [&str; 6] = ["receiver", "transport", "format", "framing", "options", "filter"];
const WRITABLE_TLS: [&str; 5] = ["pem", "server_name", "verify", "fingerprint", "min_version"];

/// Flags of the form. Values are checked by the service, which knows all rules; closed sets are checked here too.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct FormArgs {
    /// Begin with this JSON object (as the API takes it; `-` reads stdin); flags change it.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Name, unique in the project.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What is at the other end. It gives protocol, format, framing, CEF envelope, size and options where no flag does, also on
    /// an edit; `none` forgets it.
    #[arg(long, value_parser = receivers())]
    pub(crate) receiver: Option<String>,
    /// Connection point: IP:port, [IPv6]:port or host:port.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) endpoint: Option<String>,
    /// Data transfer protocol. Default: tcp.
    #[arg(long, value_parser = ["tcp", "udp", "tls", "relp", "relp_tls"])]
    pub(crate) transport: Option<String>,
    /// Message format: RAW (rfc5424), CEF, LEEF 2.0 or JSON. Default: rfc5424.
    #[arg(long, value_parser = ["rfc5424", "cef", "leef", "json"])]
    pub(crate) format: Option<String>,
    /// Where a message ends. Default: octet_counting for TLS with rfc5424, else lf.
    #[arg(long, value_parser = ["lf", "octet_counting"])]
    pub(crate) framing: Option<String>,
    /// Events per second at most; `none` lifts the limit.
    #[arg(long, value_name = "N|none")]
    pub(crate) rate_limit: Option<String>,
    /// TLS settings.
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Format options.
    #[command(flatten)]
    pub(crate) options: OptionArgs,
    /// Message filtering.
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

/// TLS settings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// PEM file with any mix of CA certificates, a client certificate chain and its key.
    #[arg(long, value_name = "FILE", conflicts_with = "remove_pem")]
    pub(crate) pem_file: Option<PathBuf>,
    /// Forget the stored certificates and key.
    #[arg(long)]
    pub(crate) remove_pem: bool,
    /// Name that the peer's certificate must carry, when it is not the host of the endpoint; `none` for the host.
    #[arg(long, value_name = "NAME|none")]
    pub(crate) server_name: Option<String>,
    /// How the peer is verified.
    #[arg(long, value_parser = ["full", "fingerprint", "off"])]
    pub(crate) verify: Option<String>,
    /// SHA-256 of the peer's certificate, for --verify fingerprint.
    #[arg(long, value_name = "SHA256")]
    pub(crate) fingerprint: Option<String>,
    /// Lowest TLS version spoken.
    #[arg(long, value_parser = ["1.2", "1.3"])]
    pub(crate) min_tls: Option<String>,
}

/// Format options.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Format options")]
pub(crate) struct OptionArgs {
    /// Syslog facility, 0 to 23. Default: 13.
    #[arg(long, value_name = "N")]
    pub(crate) facility: Option<u8>,
    /// HOSTNAME of the messages; `none` for this service's host name.
    #[arg(long, value_name = "NAME|none")]
    pub(crate) hostname: Option<String>,
    /// APP-NAME of the messages; `none` for the format's default.
    #[arg(long, value_name = "NAME|none")]
    pub(crate) app_name: Option<String>,
    /// Put a byte order mark before the message text.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) bom: Option<bool>,
    /// Largest message in bytes; `none` for the transport's default.
    #[arg(long, value_name = "N|none")]
    pub(crate) max_bytes: Option<String>,
    /// What stands before a CEF message.
    #[arg(long, value_parser = ["rfc5424", "bsd", "none"])]
    pub(crate) cef_envelope: Option<String>,
    /// Private enterprise number of the structured data.
    #[arg(long, value_name = "N")]
    pub(crate) pen: Option<u32>,
    /// Most bytes that are sent again after a break; `none` for the default.
    #[arg(long, value_name = "N|none")]
    pub(crate) overlap_bytes: Option<String>,
    /// For receivers behind a proxy: seconds of what was acknowledged last that are sent again whenever a link ends.
    #[arg(long, value_name = "N|none")]
    pub(crate) overlap_seconds: Option<String>,
    /// Seconds between two heartbeat events with counters, sent whatever the filter says.
    #[arg(long, value_name = "N|none")]
    pub(crate) heartbeat_seconds: Option<String>,
    /// Which events go first after an outage: the oldest, or those that come from then on (over a second link).
    #[arg(long, value_parser = ["strict", "live_first"])]
    pub(crate) order: Option<String>,
    /// Which field goes under which key: 1 for rules that were written before there was a second mapping. Default: 2.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) mapping: Option<u8>,
    /// LEEF's cat: source and outcome (iam.failure), or the source alone. Needs mapping 2.
    #[arg(long, value_parser = ["outcome", "source"])]
    pub(crate) leef_cat: Option<String>,
    /// Put IPv6 addresses into CEF's src and dvc. Needs mapping 2.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) ipv6_in_src: Option<bool>,
    /// Metadata with keys of their own: resource.metadata.KEY or subject.metadata.KEY, at most 16; `none` for none. Needs mapping 2.
    #[arg(long, value_delimiter = ',', value_name = "PATH,…|none")]
    pub(crate) metadata_keys: Vec<String>,
    /// Structured data of RAW: all fields, only what tells and counts the event, or none. Needs mapping 2.
    #[arg(long, value_parser = ["full", "ids", "none"])]
    pub(crate) structured_data: Option<String>,
    /// Text of RAW: the event as JSON, or only its message for people. Needs mapping 2.
    #[arg(long, value_parser = ["json", "text"])]
    pub(crate) message: Option<String>,
}

/// Message filtering.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filter (several conditions are joined by AND)")]
pub(crate) struct FilterArgs {
    /// Send everything.
    #[arg(long, conflicts_with_all = ["status_only", "status_except", "source_only", "source_except", "query"])]
    pub(crate) no_filter: bool,
    /// Send only what this expression of the search language matches.
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["status_only", "status_except", "source_only", "source_except"])]
    pub(crate) query: Option<String>,
    /// Send only these: success, failure, unknown, a code, or a class such as 4xx.
    #[arg(long, value_delimiter = ',', value_name = "STATUS,…", conflicts_with = "status_except")]
    pub(crate) status_only: Vec<String>,
    /// Send all but these.
    #[arg(long, value_delimiter = ',', value_name = "STATUS,…")]
    pub(crate) status_except: Vec<String>,
    /// Send only events of these sources.
    #[arg(long, value_delimiter = ',', value_name = "SOURCE,…", conflicts_with = "source_except")]
    pub(crate) source_only: Vec<String>,
    /// Send all but events of these sources.
    #[arg(long, value_delimiter = ',', value_name = "SOURCE,…")]
    pub(crate) source_except: Vec<String>,
}

/// What a new connection begins with: the API wants both told, unless a receiver is.
pub(crate) fn blank() -> Value {
    json!({ "transport": "tcp", "format": "rfc5424" })
}

/// Words of `--receiver`.
fn receivers() -> Vec<&'static str> {
    Receiver::WORDS.into_iter().chain(["none"]).collect()
}

/// Takes out what a receiver that was just chosen has defaults for: what is absent is the service's to fill in.
fn leave_to_receiver(body: &mut Value) {
    for path in Receiver::GOVERNS {
        let (outer, name) = path.rsplit_once('.').unwrap_or(("", path));
        let inside = if outer.is_empty() { Some(&mut *body) } else { body.get_mut(outer) };
        if let Some(fields) = inside.and_then(Value::as_object_mut) {
            fields.remove(name);
        }
    }
}

/// What a preview of a stored connection begins with.
pub(crate) fn previewed(connection: &Value) -> Value {
    let mut body = writable(connection);
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, _| PREVIEWED.contains(&name.as_str()));
    }
    body
}

/// The part of an answer that may be sent back. The key stays stored because `pem` is absent.
pub(crate) fn writable(connection: &Value) -> Value {
    let keep = |value: &Value, keys: &[&str]| -> Map<String, Value> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .filter(|(key, _)| keys.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let mut fields = keep(connection, &WRITABLE);
    if let Some(tls) = fields.get("tls").filter(|tls| tls.is_object()) {
        let tls = keep(tls, &WRITABLE_TLS);
        fields.insert("tls".into(), Value::Object(tls));
    }
    Value::Object(fields)
}

impl FormArgs {
    /// True when no flag was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.from_file.is_none() && self.flags().is_ok_and(|flags| flags.as_object().is_some_and(Map::is_empty))
    }

    /// The base with what the flags say.
    ///
    /// # Errors
    /// When a file cannot be read, or a number is none.
    pub(crate) fn apply(&self, base: Value) -> Result<Value> {
        let base = match &self.from_file {
            None => base,
            Some(path) => serde_json::from_str(&read(path)?)
                .map_err(|e| Failure::usage(format!("{} is not a JSON object: {e}", path.display())))?,
        };
        let mut body = base;
        if self.chooses_receiver() && self.from_file.is_none() {
            // A protocol is more than a wish of the receiver's: what is stored stays, unless it does not take it.
            let stored = body["transport"].as_str().filter(|_| body.get("name").is_some()).map(str::to_owned);
            leave_to_receiver(&mut body);
            if let Some(transport) = stored.filter(|transport| self.takes(transport)) {
                body["transport"] = json!(transport);
            }
        }
        merge(&mut body, self.flags()?);
        // `tls` may only be there where TLS is spoken: changing the transport away from it drops the block.
        let transport = body["transport"].as_str().unwrap_or("tcp");
        if !matches!(transport, "tls" | "relp_tls")
            && (self.transport.is_some() || self.chooses_receiver())
            && let Some(fields) = body.as_object_mut()
        {
            fields.remove("tls");
        }
        Ok(body)
    }

    fn chosen_receiver(&self) -> Option<Receiver> {
        self.receiver.as_deref().and_then(Receiver::parse)
    }

    /// A receiver that has defaults.
    fn chooses_receiver(&self) -> bool {
        self.chosen_receiver().is_some_and(|receiver| receiver != Receiver::Other)
    }

    fn takes(&self, transport: &str) -> bool {
        let taken = |receiver: Receiver| receiver.transports().iter().any(|taken| taken.as_str() == transport);
        self.chosen_receiver().is_none_or(taken)
    }

    /// What the flags say, in the shape of the API.
    fn flags(&self) -> Result<Value> {
        let mut body = json!({
            "name": self.name,
            "endpoint": self.endpoint,
            "transport": self.transport,
            "format": self.format,
            "framing": self.framing,
        });
        drop_nulls(&mut body);
        if let Some(receiver) = &self.receiver {
            body["receiver"] = text_or_none(receiver);
        }
        set(&mut body, "tls", self.tls.value()?);
        set(&mut body, "options", self.options.value()?);
        set(&mut body, "filter", self.filter.value());
        if let Some(limit) = &self.rate_limit {
            body["rate_limit"] = number_or_none("--rate-limit", limit)?;
        }
        Ok(body)
    }
}

impl TlsArgs {
    fn value(&self) -> Result<Value> {
        let mut tls = json!({ "verify": self.verify, "fingerprint": self.fingerprint, "min_version": self.min_tls });
        drop_nulls(&mut tls);
        if let Some(name) = &self.server_name {
            tls["server_name"] = text_or_none(name);
        }
        if let Some(path) = &self.pem_file {
            tls["pem"] = json!(crate::pem::text(path)?);
        }
        if self.remove_pem {
            tls["pem"] = Value::Null;
        }
        Ok(tls)
    }
}

impl OptionArgs {
    fn value(&self) -> Result<Value> {
        let mut options = json!({
            "facility": self.facility,
            "bom": self.bom,
            "cef_envelope": self.cef_envelope,
            "pen": self.pen,
            "order": self.order,
            "mapping": self.mapping,
            "leef_cat": self.leef_cat,
            "ipv6_in_src": self.ipv6_in_src,
            "structured_data": self.structured_data,
            "message": self.message,
        });
        drop_nulls(&mut options);
        match self.metadata_keys.as_slice() {
            [] => {}
            [none] if none == "none" => options["metadata_keys"] = json!([]),
            keys => options["metadata_keys"] = json!(keys),
        }
        for (key, given) in [("hostname", &self.hostname), ("app_name", &self.app_name)] {
            if let Some(text) = given {
                options[key] = text_or_none(text);
            }
        }
        for (key, flag, given) in [
            ("max_bytes", "--max-bytes", &self.max_bytes),
            ("overlap_bytes", "--overlap-bytes", &self.overlap_bytes),
            ("overlap_seconds", "--overlap-seconds", &self.overlap_seconds),
            ("heartbeat_seconds", "--heartbeat-seconds", &self.heartbeat_seconds),
        ] {
            if let Some(text) = given {
                options[key] = number_or_none(flag, text)?;
            }
        }
        Ok(options)
    }
}

impl FilterArgs {
    fn value(&self) -> Value {
        if self.no_filter {
            return json!({ "kind": "none", "status": { "mode": "off", "values": [] }, "source": { "mode": "off", "values": [] } });
        }
        if let Some(query) = &self.query {
            return json!({ "kind": "query", "query": query });
        }
        let selection = |only: &[String], except: &[String]| match (only, except) {
            ([], []) => None,
            ([], except) => Some(json!({ "mode": "except", "values": except })),
            (only, _) => Some(json!({ "mode": "only", "values": only })),
        };
        let mut filter = json!({});
        for (key, only, except) in
            [("status", &self.status_only, &self.status_except), ("source", &self.source_only, &self.source_except)]
        {
            if let Some(selection) = selection(only, except) {
                filter[key] = selection;
                filter["kind"] = json!("general");
            }
        }
        filter
    }
}

/// Objects are merged, everything else is replaced.
fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change,
    }
}

fn drop_nulls(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn set(body: &mut Value, key: &str, value: Value) {
    if value.as_object().is_some_and(|fields| !fields.is_empty()) {
        body[key] = value;
    }
}

fn text_or_none(text: &str) -> Value {
    if text == "none" || text.is_empty() { Value::Null } else { json!(text) }
}

fn number_or_none(flag: &str, text: &str) -> Result<Value> {
    if text == "none" {
        return Ok(Value::Null);
    }
    text.parse::<u64>().map(|n| json!(n)).map_err(|_| Failure::usage(format!("{flag} takes a whole number or `none`")))
}

fn read(path: &std::path::Path) -> Result<String> {
    let text =
        if path.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    text.map_err(|e| Failure::usage(format!("{} cannot be read: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        form: FormArgs,
    }

    fn form(line: &str) -> FormArgs {
        Line::try_parse_from(std::iter::once("form").chain(line.split_whitespace())).unwrap().form
    }

    #[test]
    fn a_receiver_is_asked_for_what_no_flag_says() {
        let new = form("--name a --endpoint h:1 --receiver qradar").apply(blank()).unwrap();
        assert_eq!(new, json!({ "name": "a", "endpoint": "h:1", "receiver": "qradar" }));
        let told = form("--receiver qradar --transport tls --format cef --max-bytes 9000").apply(blank()).unwrap();
        let expected =
            json!({ "receiver": "qradar", "transport": "tls", "format": "cef", "options": { "max_bytes": 9000 } });
        assert_eq!(told, expected);
        let stored = json!({
            "name": "a", "endpoint": "h:1", "transport": "tls", "tls": { "verify": "off" }, "format": "rfc5424", "framing": "lf",
            "options": { "facility": 16, "max_bytes": 2000, "cef_envelope": "none", "structured_data": "full", "ipv6_in_src": false }
        });
        let kept = json!({
            "name": "a", "endpoint": "h:1", "receiver": "qradar", "transport": "tls", "tls": { "verify": "off" },
            "options": { "facility": 16 }
        });
        assert_eq!(form("--receiver qradar").apply(stored.clone()).unwrap(), kept);
        // One that takes no TLS gets its own protocol, and the TLS settings go.
        let wazuh = json!({ "name": "a", "endpoint": "h:1", "receiver": "wazuh", "options": { "facility": 16 } });
        assert_eq!(form("--receiver wazuh").apply(stored.clone()).unwrap(), wazuh);
        // Nothing is known of these.
        for (flag, receiver) in [("other", json!("other")), ("none", Value::Null)] {
            let mut same = stored.clone();
            same["receiver"] = receiver;
            assert_eq!(form(&format!("--receiver {flag}")).apply(stored.clone()).unwrap(), same);
        }
        assert_eq!(
            form("--metadata-keys none").apply(json!({})).unwrap(),
            json!({ "options": { "metadata_keys": [] } })
        );
    }

    #[test]
    fn every_flag_lands_in_its_field() {
        let line = "--name a --endpoint h:1 --transport tls --format cef --framing lf --rate-limit 10 --server-name s \
                    --verify fingerprint --fingerprint ab --min-tls 1.3 --facility 16 --hostname h --app-name p --bom \
                    --max-bytes 4096 --cef-envelope bsd --pen 1 --overlap-bytes 9 --overlap-seconds 30 --heartbeat-seconds 60 \
                    --order live_first --mapping 2 --leef-cat source --ipv6-in-src --structured-data ids --message text \
                    --metadata-keys resource.metadata.a,subject.metadata.b --status-only failure,4xx \
                    --source-except dns";
        let expected = json!({
            "name": "a", "endpoint": "h:1", "transport": "tls", "format": "cef", "framing": "lf", "rate_limit": 10,
            "tls": { "server_name": "s", "verify": "fingerprint", "fingerprint": "ab", "min_version": "1.3" },
            "options": {
                "facility": 16, "hostname": "h", "app_name": "p", "bom": true, "max_bytes": 4096, "cef_envelope": "bsd",
                "pen": 1, "overlap_bytes": 9, "overlap_seconds": 30, "heartbeat_seconds": 60, "order": "live_first",
                "mapping": 2, "leef_cat": "source", "ipv6_in_src": true, "structured_data": "ids", "message": "text",
                "metadata_keys": ["resource.metadata.a", "subject.metadata.b"]
            },
            "filter": {
                "kind": "general", "status": { "mode": "only", "values": ["failure", "4xx"] },
                "source": { "mode": "except", "values": ["dns"] }
            }
        });
        assert_eq!(form(line).apply(json!({})).unwrap(), expected);
        let query = json!({ "filter": { "kind": "query", "query": "severity>=WARNING" } });
        assert_eq!(form("--query severity>=WARNING").apply(json!({})).unwrap(), query);
    }

    #[test]
    fn an_edit_keeps_what_is_not_given_and_drops_what_is_the_services() {
        let stored = json!({
            "id": "c1", "revision": 3, "status": "active", "name": "a", "endpoint": "h:1", "transport": "tls",
            "tls": { "verify": "full", "certificates": [], "client_key": true }, "options": { "facility": 13, "pen": 7 },
            "rate_limit": 5
        });
        let body = form("--facility 4 --rate-limit none --server-name none").apply(writable(&stored)).unwrap();
        assert_eq!(
            body,
            json!({
                "name": "a", "endpoint": "h:1", "transport": "tls", "tls": { "verify": "full", "server_name": null },
                "options": { "facility": 4, "pen": 7 }, "rate_limit": null
            })
        );
        let plain = form("--transport tcp").apply(writable(&stored)).unwrap();
        assert!(plain.get("tls").is_none());
    }

    #[test]
    fn no_flags_mean_no_change() {
        assert!(form("").is_empty());
        assert!(!form("--pen 1").is_empty());
        assert!(form("--rate-limit x").apply(json!({})).is_err());
    }

    #[test]
    fn a_pem_is_read_from_its_file_and_removed_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem");
        std::fs::write(&path, "PEM").unwrap();
        let given = FormArgs { tls: TlsArgs { pem_file: Some(path), ..TlsArgs::default() }, ..FormArgs::default() };
        assert_eq!(given.apply(json!({})).unwrap(), json!({ "tls": { "pem": "PEM" } }));
        assert_eq!(form("--remove-pem").apply(json!({})).unwrap(), json!({ "tls": { "pem": null } }));
    }
}
