//! What is at the other end of a connection: the products that people send to, and how each wants its messages. The one table
//! of it; what a product is known to read wrongly stands in [`warnings`].
//!
//! A fact of the table was tried, or read in the source that its row names. Where nothing is known nothing is claimed: a
//! limit of `None` says that a product takes what a connection may send at all, or that nobody knows better.

mod table;
mod warnings;

use serde::{Deserialize, Serialize};

use super::{CefEnvelope, Format, Framing, StructuredData, Transport};
use crate::wire::max_bytes_default;

pub use warnings::{Warning, warnings};

/// What is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receiver {
    /// Kaspersky KUMA.
    Kuma,
    /// MaxPatrol SIEM.
    MaxPatrol,
    /// ArcSight SmartConnector or Logger.
    ArcSight,
    /// IBM QRadar.
    Qradar,
    /// Splunk behind Splunk Connect for Syslog (SC4S).
    Splunk,
    /// Microsoft Sentinel: rsyslog with the Azure Monitor Agent behind it.
    Sentinel,
    /// Wazuh.
    Wazuh,
    /// Elastic: Elastic Agent, Filebeat, or Logstash before Elasticsearch.
    Elastic,
    /// Graylog.
    Graylog,
    /// rsyslog.
    Rsyslog,
    /// syslog-ng.
    #[serde(rename = "syslog_ng")]
    SyslogNg,
    /// Anything else: nothing is known of it.
    Other,
}

/// How a receiver tells one message of a stream from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// By lines alone.
    Lines,
    /// By octet counting alone, where a message has a header of RFC 5424; lines else.
    Counted,
    /// Both.
    Both,
}

/// What a product takes and wants.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// As its makers write it.
    name: &'static str,
    /// What it can be reached by; the most usual first.
    transports: &'static [Transport],
    /// What it reads best.
    format: Format,
    /// What it finds a CEF message behind.
    cef_envelope: CefEnvelope,
    /// How it reads a stream.
    reads: Reads,
    /// Largest message of a stream as the product is delivered, in bytes.
    stream_bytes: Option<u32>,
    /// Largest datagram as the product is delivered, in bytes.
    datagram_bytes: Option<u32>,
}

/// What a connection to a receiver gets where a request does not name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Where one message ends; `None`: as without a receiver.
    pub framing: Option<Framing>,
    /// What stands before CEF.
    pub cef_envelope: CefEnvelope,
    /// Largest message in bytes; `None`: as without a receiver.
    pub max_bytes: Option<u32>,
    /// IPv6 addresses stand in CEF's `src` and `dvc`. Needs mapping 2.
    pub ipv6_in_src: bool,
    /// How much RAW's structured data says. Other than [`StructuredData::Full`] it needs mapping 2.
    pub structured_data: StructuredData,
}

impl Receiver {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 12] = [
        Self::Kuma,
        Self::MaxPatrol,
        Self::ArcSight,
        Self::Qradar,
        Self::Splunk,
        Self::Sentinel,
        Self::Wazuh,
        Self::Elastic,
        Self::Graylog,
        Self::Rsyslog,
        Self::SyslogNg,
        Self::Other,
    ];

    /// The words of [`ALL`](Self::ALL), for whoever offers them.
    pub const WORDS: [&'static str; 12] = [
        "kuma",
        "maxpatrol",
        "arcsight",
        "qradar",
        "splunk",
        "sentinel",
        "wazuh",
        "elastic",
        "graylog",
        "rsyslog",
        "syslog_ng",
        "other",
    ];

    /// The fields of a connection that a receiver has defaults for, by their dotted paths in the API.
    pub const GOVERNS: [&'static str; 7] = [
        "transport",
        "format",
        "framing",
        "options.cef_envelope",
        "options.max_bytes",
        "options.ipv6_in_src",
        "options.structured_data",
    ];

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let at = Self::ALL.iter().position(|receiver| *receiver == self);
        at.and_then(|at| Self::WORDS.get(at)).copied().unwrap_or_default()
    }

    /// The receiver of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|known| *known == word)?;
        Self::ALL.get(at).copied()
    }

    /// The product's name as its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        table::facts(self).name
    }

    /// What it can be reached by, the most usual first; never empty.
    #[must_use]
    pub fn transports(self) -> &'static [Transport] {
        table::facts(self).transports
    }

    /// What it is reached by where nothing is said.
    #[must_use]
    pub fn transport(self) -> Transport {
        self.transports().first().copied().unwrap_or(Transport::Tcp)
    }

    /// The format that it reads best.
    #[must_use]
    pub fn format(self) -> Format {
        table::facts(self).format
    }

    /// Largest message that the product takes as it is delivered, in bytes; `None` where that is more than a connection can
    /// send, or not known.
    #[must_use]
    pub fn bytes_max(self, transport: Transport) -> Option<u32> {
        let facts = table::facts(self);
        if transport == Transport::Udp { facts.datagram_bytes } else { facts.stream_bytes }
    }

    /// What it wants of a connection with this transport and format.
    #[must_use]
    pub fn preset(self, transport: Transport, format: Format) -> Preset {
        let facts = table::facts(self);
        Preset {
            framing: self.framing(format, facts.cef_envelope),
            cef_envelope: facts.cef_envelope,
            max_bytes: self.bytes_max(transport).filter(|bytes| (*bytes as usize) < max_bytes_default(transport)),
            ipv6_in_src: format == Format::Cef && matches!(self, Self::Splunk | Self::Elastic),
            structured_data: match (self, format) {
                (Self::Splunk, Format::Rfc5424) => StructuredData::Ids,
                _ => StructuredData::Full,
            },
        }
    }

    /// The only framing that it reads in a stream of these messages; `None` when both do.
    fn framing(self, format: Format, envelope: CefEnvelope) -> Option<Framing> {
        let has_header = match format {
            Format::Rfc5424 | Format::Leef => true,
            Format::Cef => envelope == CefEnvelope::Rfc5424,
            Format::Json => false,
        };
        match table::facts(self).reads {
            Reads::Lines => Some(Framing::Lf),
            Reads::Counted => Some(if has_header { Framing::OctetCounting } else { Framing::Lf }),
            // Graylog counts octets in its syslog inputs only: graylog2-server issues 10863 and 15231.
            Reads::Both if self == Self::Graylog && format != Format::Rfc5424 => Some(Framing::Lf),
            Reads::Both => None,
        }
    }
}

#[cfg(test)]
mod tests;
