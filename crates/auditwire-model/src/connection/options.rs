//! The options of a connection. Every one changes bytes on the wire, or which of them go first.
//!
//! What a new connection gets where nothing is said is [`Options::default`]. Stored options may lack what did not exist when
//! they were stored; they then mean what they meant: [`Mapping::First`].

use serde::{Deserialize, Serialize};

use super::metadata_key::MetadataKey;

/// What stands in front of `CEF:0|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CefEnvelope {
    /// An RFC 5424 header with APP-NAME `CEF`.
    #[default]
    Rfc5424,
    /// `<PRI>MMM dd HH:mm:ss host `.
    Bsd,
    /// Nothing.
    None,
}

/// Which field goes under which key (`docs/formats/wire.md`). Rules in a SIEM are written against one of them, so a connection
/// keeps its mapping until somebody changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Mapping {
    /// That of connections from before there were two.
    First,
    /// That of new connections.
    Second,
}

impl Mapping {
    /// Of stored options that name none.
    const fn unnamed() -> Self {
        Self::First
    }
}

impl From<Mapping> for u8 {
    fn from(mapping: Mapping) -> Self {
        match mapping {
            Mapping::First => 1,
            Mapping::Second => 2,
        }
    }
}

impl TryFrom<u8> for Mapping {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            _ => Err("a mapping is 1 or 2"),
        }
    }
}

/// What LEEF's `cat` says. QRadar finds an event's QID by its EventID and `cat` and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeefCategory {
    /// The source and the outcome: `iam.failure`, `iam.success`, or `iam` when it is unknown.
    #[default]
    Outcome,
    /// The source alone.
    Source,
}

/// How much RAW's structured data says beside a message that says everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StructuredData {
    /// All parameters.
    #[default]
    Full,
    /// Those that tell and count the event.
    Ids,
    /// No element at all.
    None,
}

/// What stands in RAW's MSG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessagePart {
    /// The canonical JSON of the event.
    #[default]
    Json,
    /// The event's message for people.
    Text,
}

/// Which events go first after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The oldest: all events in the order of the log.
    #[default]
    Strict,
    /// Those that came after the outage, over a second link; the backlog beside them. Each of the two keeps its order.
    LiveFirst,
}

impl Order {
    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::LiveFirst => "live_first",
        }
    }
}

/// Options of the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Syslog facility, 0–23. Default 13 (log audit).
    pub facility: u8,
    /// HOSTNAME; default the host's own name.
    pub hostname: Option<String>,
    /// APP-NAME; default `auditwire`, or `CEF` for CEF in an RFC 5424 envelope.
    pub app_name: Option<String>,
    /// Byte order mark before the MSG part (RFC 5424 section 6.4).
    pub bom: bool,
    /// Largest message without its frame, in bytes; default 2048 for UDP, else 8192.
    pub max_bytes: Option<u32>,
    /// What stands in front of `CEF:0|`.
    pub cef_envelope: CefEnvelope,
    /// Private enterprise number of the SD-ID `audit@<pen>`. Default 32473 (RFC 5612).
    pub pen: u32,
    /// Cap of what is sent again after a break, in bytes; default 32 MiB.
    pub overlap_bytes: Option<u64>,
    /// What was acknowledged within so many seconds is sent again after every end of a link, for receivers behind a proxy;
    /// only over TCP and TLS. Default: nothing.
    pub overlap_seconds: Option<u32>,
    /// An event with counters is sent every so many seconds while the connection is active, whatever the filter says.
    /// Default: none.
    pub heartbeat_seconds: Option<u32>,
    /// Which events go first after an outage.
    #[serde(default)]
    pub order: Order,
    /// Which field goes under which key. Those that follow need the second mapping, unless they are at their defaults.
    #[serde(default = "Mapping::unnamed")]
    pub mapping: Mapping,
    /// What LEEF's `cat` says.
    pub leef_cat: LeefCategory,
    /// CEF's `src` and `dvc` take IPv6 addresses, which the dictionary sends to `c6a2` and `c6a1`.
    pub ipv6_in_src: bool,
    /// Metadata that has keys of its own in CEF, LEEF and structured data; at most [`METADATA_KEYS_MAX`].
    pub metadata_keys: Vec<MetadataKey>,
    /// How much RAW's structured data says.
    pub structured_data: StructuredData,
    /// What stands in RAW's MSG.
    pub message: MessagePart,
}

/// Most metadata keys that one connection may give keys of their own.
pub const METADATA_KEYS_MAX: usize = 16;

impl Options {
    /// Those that say something only the second mapping can do, by their names in the API.
    pub fn of_second_mapping(&self) -> impl Iterator<Item = &'static str> {
        let new = Self::default();
        let set = [
            ("leef_cat", self.leef_cat != new.leef_cat),
            ("ipv6_in_src", self.ipv6_in_src != new.ipv6_in_src),
            ("metadata_keys", self.metadata_keys != new.metadata_keys),
            ("structured_data", self.structured_data != new.structured_data),
            ("message", self.message != new.message),
        ];
        set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name)
    }

    /// The same with the first mapping, without what only the second one can do.
    #[must_use]
    pub fn as_in_first_mapping(&self) -> Self {
        let new = Self::default();
        Self {
            mapping: Mapping::First,
            leef_cat: new.leef_cat,
            ipv6_in_src: new.ipv6_in_src,
            metadata_keys: new.metadata_keys,
            structured_data: new.structured_data,
            message: new.message,
            ..self.clone()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            facility: 13,
            hostname: None,
            app_name: None,
            bom: false,
            max_bytes: None,
            cef_envelope: CefEnvelope::Rfc5424,
            pen: 32473,
            overlap_bytes: None,
            overlap_seconds: None,
            heartbeat_seconds: None,
            order: Order::Strict,
            mapping: Mapping::Second,
            leef_cat: LeefCategory::Outcome,
            ipv6_in_src: false,
            metadata_keys: Vec::new(),
            structured_data: StructuredData::Full,
            message: MessagePart::Json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that was stored before there were two goes on as it was.
    #[test]
    fn stored_options_that_name_no_mapping_mean_the_first() {
        let stored: Options = serde_json::from_str(r#"{"facility":13,"order":"strict"}"#).unwrap();
        assert_eq!(stored, Options { mapping: Mapping::First, ..Options::default() });
        assert_eq!(Options::default().mapping, Mapping::Second);
        for (number, mapping) in [("1", Mapping::First), ("2", Mapping::Second)] {
            assert_eq!(serde_json::from_str::<Mapping>(number).unwrap(), mapping);
            assert_eq!(serde_json::to_string(&mapping).unwrap(), number);
        }
        assert!(serde_json::from_str::<Mapping>("3").is_err());
    }

    /// Whatever only the second mapping can do is known as such.
    #[test]
    fn options_of_the_second_mapping_are_told() {
        let key = MetadataKey::parse("resource.metadata.a").unwrap();
        let all = Options {
            leef_cat: LeefCategory::Source,
            ipv6_in_src: true,
            metadata_keys: vec![key],
            structured_data: StructuredData::None,
            message: MessagePart::Text,
            ..Options::default()
        };
        let names: Vec<_> = all.of_second_mapping().collect();
        assert_eq!(names, ["leef_cat", "ipv6_in_src", "metadata_keys", "structured_data", "message"]);
        let others = Options { bom: true, facility: 1, mapping: Mapping::First, ..Options::default() };
        assert_eq!(others.of_second_mapping().count(), 0);
    }
}
