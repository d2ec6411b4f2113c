//! Where a receiver is known to read wrongly what is right, or not at all. A warning stops nobody: a product may have been
//! configured otherwise, or have been mended since.

use std::net::Ipv6Addr;

use super::Receiver;
use crate::connection::{CefEnvelope, ConnectionSpec, Format, Framing, LeefCategory, Mapping};
use crate::wire::max_bytes_default;

/// What a receiver will not read as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable.
    pub code: &'static str,
    /// The field to change, by its dotted path in the API.
    pub field: &'static str,
    /// Whom it is about.
    pub receiver: Receiver,
    /// The limit that is passed, in bytes, where the warning is about one.
    pub bytes: Option<u32>,
}

/// A rule: its code, the field to change, and when it applies.
type Rule = (&'static str, &'static str, fn(&Seen<'_>) -> bool);

/// What the rules look at.
struct Seen<'a> {
    receiver: Receiver,
    spec: &'a ConnectionSpec,
    /// What the messages have as HOSTNAME.
    hostname: &'a str,
}

/// In the order in which they are told: what loses everything first.
const RULES: [Rule; 15] = [
    ("receiver_transport", "transport", |seen| seen.cannot_be_reached()),
    ("receiver_lines_only", "framing", |seen| seen.reads_lines_only()),
    ("receiver_octets_only", "framing", |seen| seen.reads_octets_only()),
    ("receiver_size", "options.max_bytes", |seen| seen.limit_passed().is_some()),
    ("receiver_forgery", "format", |seen| seen.lets_texts_forge_fields()),
    ("receiver_cef_header", "options.cef_envelope", |seen| seen.finds_no_cef()),
    ("receiver_cef_tag", "options.cef_envelope", |seen| seen.takes_cef_for_a_tag()),
    ("receiver_needs_header", "format", |seen| seen.misses_a_header()),
    ("receiver_cef_time", "options.cef_envelope", |seen| seen.has_no_time()),
    ("receiver_ipv6_host", "options.hostname", |seen| seen.cannot_route_by_host()),
    ("receiver_leef_pipe", "options.mapping", |seen| seen.loses_fields_at_a_pipe()),
    ("receiver_same_event", "options.leef_cat", |seen| seen.cannot_tell_outcomes()),
    ("receiver_empty_value", "options.mapping", |seen| seen.refuses_blank_values()),
    ("receiver_bom", "options.bom", |seen| seen.keeps_the_bom()),
    ("receiver_not_discovered", "format", |seen| seen.is_not_discovered()),
];

/// What the receiver of a connection is known to read wrongly. `hostname` is what its messages have where the connection names
/// none. Nothing is known of a connection without a receiver.
#[must_use]
pub fn warnings(spec: &ConnectionSpec, hostname: &str) -> Vec<Warning> {
    let Some(receiver) = spec.receiver else { return Vec::new() };
    let hostname = spec.options.hostname.as_deref().unwrap_or(hostname);
    let seen = Seen { receiver, spec, hostname };
    let told = RULES.iter().filter(|(_, _, applies)| applies(&seen));
    told.map(|(code, field, _)| Warning {
        code,
        field,
        receiver,
        bytes: if *code == "receiver_size" { seen.limit_passed() } else { None },
    })
    .collect()
}

impl Warning {
    /// Every code there is.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|(code, ..)| *code)
    }

    /// What is wrong and what to do, for people, in English.
    #[must_use]
    pub fn detail(&self) -> String {
        let name = self.receiver.name();
        match self.code {
            "receiver_transport" => {
                let all: Vec<&str> = self.receiver.transports().iter().map(|t| t.as_str()).collect();
                format!("{name} is not known to take this protocol; use one of {}", all.join(", "))
            }
            "receiver_lines_only" => {
                format!(
                    "{name} reads one message per line here; with octet counting the length becomes part of the message. Set the framing to lf"
                )
            }
            "receiver_octets_only" => {
                format!(
                    "{name}'s syslog() source reads octet counting only and drops the connection at a line. Set the framing to octet_counting, or let it listen with network() and flags(syslog-protocol)"
                )
            }
            "receiver_size" => {
                let bytes = self.bytes.unwrap_or_default();
                format!(
                    "{name} takes messages of at most {bytes} bytes unless it is told otherwise, and cuts or drops what is longer. Lower the maximum message size to {bytes}, or raise the limit there"
                )
            }
            "receiver_forgery" => {
                format!(
                    "{name} undoes the escapes of CEF before it splits the fields, so a text in an event can forge a user or an outcome there. Send RAW or JSON"
                )
            }
            "receiver_cef_header" => {
                format!(
                    "{name} finds CEF only behind an old syslog header (RFC 3164) or without one. Set the CEF envelope to bsd"
                )
            }
            "receiver_cef_tag" => {
                format!(
                    "{name} takes the word CEF behind an old syslog header for the tag of the message, and what is left is not CEF. Set the CEF envelope to rfc5424"
                )
            }
            "receiver_needs_header" => {
                format!(
                    "{name} reads host and time in a syslog header, and these messages have none. Choose a format with a header"
                )
            }
            "receiver_cef_time" => {
                format!(
                    "{name} takes the time from the syslog header and not from rt, and there is no header. Set the CEF envelope to rfc5424"
                )
            }
            "receiver_ipv6_host" => {
                format!(
                    "{name} cannot find a log source by a host name that is an IPv6 address. Set a host name, and the same one as the log source identifier there"
                )
            }
            "receiver_leef_pipe" => {
                format!("{name} loses all fields of a LEEF message that has a pipe in a value. Mapping 2 sends no pipe")
            }
            "receiver_same_event" => {
                format!(
                    "{name} knows an event by its EventID and cat alone, so success and failure are one event there. With mapping 2 set leef_cat to outcome"
                )
            }
            "receiver_empty_value" => {
                format!(
                    "{name} refuses a CEF message with an empty value, and mapping 1 can send one that is only a blank. Use mapping 2, or turn on ignore_empty_values there"
                )
            }
            "receiver_bom" => {
                format!(
                    "{name} keeps the byte order mark as the first character of the message, so that it recognises neither JSON nor CEF. Turn it off"
                )
            }
            _ => format!(
                "{name} does not recognise CEF by itself: make a log source of the type Universal CEF there, or send LEEF"
            ),
        }
    }
}

impl Seen<'_> {
    fn is(&self, receivers: &[Receiver]) -> bool {
        receivers.contains(&self.receiver)
    }

    fn sends(&self, format: Format) -> bool {
        self.spec.format == format
    }

    fn envelope(&self, envelope: CefEnvelope) -> bool {
        self.sends(Format::Cef) && self.spec.options.cef_envelope == envelope
    }

    fn framing_wanted(&self) -> Option<Framing> {
        let wanted = self.receiver.framing(self.spec.format, self.spec.options.cef_envelope);
        wanted.filter(|framing| self.spec.transport.is_framed() && *framing != self.spec.framing)
    }

    fn cannot_be_reached(&self) -> bool {
        !self.receiver.transports().contains(&self.spec.transport)
    }

    fn reads_lines_only(&self) -> bool {
        self.framing_wanted() == Some(Framing::Lf)
    }

    fn reads_octets_only(&self) -> bool {
        self.framing_wanted() == Some(Framing::OctetCounting)
    }

    fn limit_passed(&self) -> Option<u32> {
        let sent = self.spec.options.max_bytes.map_or(max_bytes_default(self.spec.transport), |n| n as usize);
        self.receiver.bytes_max(self.spec.transport).filter(|limit| sent > *limit as usize)
    }

    /// Its expression undoes `\n` and `\=` before it looks for keys (tried on 3,400 messages).
    fn lets_texts_forge_fields(&self) -> bool {
        self.is(&[Receiver::Graylog]) && self.sends(Format::Cef)
    }

    fn finds_no_cef(&self) -> bool {
        self.is(&[Receiver::Graylog]) && self.envelope(CefEnvelope::Rfc5424)
    }

    /// Tried with rsyslog 8.2302: the tag becomes `CEF`, the message `0|…`.
    fn takes_cef_for_a_tag(&self) -> bool {
        self.is(&[Receiver::Rsyslog, Receiver::Sentinel]) && self.envelope(CefEnvelope::Bsd)
    }

    /// Whoever reads syslog strictly; Splunk's rule about CEF is [`has_no_time`](Self::has_no_time).
    fn misses_a_header(&self) -> bool {
        let strict = self.is(&[Receiver::Qradar, Receiver::Sentinel, Receiver::Rsyslog, Receiver::SyslogNg]);
        let json = self.sends(Format::Json) && (strict || self.is(&[Receiver::Splunk, Receiver::ArcSight]));
        json || (strict && self.envelope(CefEnvelope::None))
    }

    /// SC4S ignores an `rt` of 13 digits (`pylib/parser_cef.py`).
    fn has_no_time(&self) -> bool {
        self.is(&[Receiver::Splunk]) && self.envelope(CefEnvelope::None)
    }

    /// ibm.com/docs: an IPv6 address as HOSTNAME breaks the routing to a log source.
    fn cannot_route_by_host(&self) -> bool {
        self.is(&[Receiver::Qradar]) && !self.sends(Format::Json) && self.hostname.parse::<Ipv6Addr>().is_ok()
    }

    /// SC4S takes what follows the last pipe of the line for the fields.
    fn loses_fields_at_a_pipe(&self) -> bool {
        self.is(&[Receiver::Splunk]) && self.sends(Format::Leef) && self.spec.options.mapping == Mapping::First
    }

    fn cannot_tell_outcomes(&self) -> bool {
        let options = &self.spec.options;
        let joined = options.mapping == Mapping::First || options.leef_cat == LeefCategory::Source;
        self.is(&[Receiver::Qradar]) && self.sends(Format::Leef) && joined
    }

    /// github.com/elastic/beats, `decode_cef`: an empty value is an error unless `ignore_empty_values` is set.
    fn refuses_blank_values(&self) -> bool {
        self.is(&[Receiver::Elastic]) && self.sends(Format::Cef) && self.spec.options.mapping == Mapping::First
    }

    /// Only syslog-ng takes it off (tried with rsyslog 8.2302 and syslog-ng 3.38).
    fn keeps_the_bom(&self) -> bool {
        let known = !self.is(&[Receiver::SyslogNg, Receiver::Other]);
        known && self.spec.options.bom && !self.sends(Format::Json)
    }

    fn is_not_discovered(&self) -> bool {
        self.is(&[Receiver::Qradar]) && self.sends(Format::Cef)
    }
}
