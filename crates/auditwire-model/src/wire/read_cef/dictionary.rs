//! The dictionary of CEF keys (chapters 2 and 4 of the standard): types, lengths, labels, and who may send what.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Pair, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// At most so many characters.
    Text(usize),
    /// 32 bits, not negative.
    Int,
    /// 64 bits.
    Long,
    Float,
    Ip4,
    Ip6,
    Mac,
    Time,
}

/// Keys that a producer may send, by kind, separated by blanks.
const PRODUCER: [(Kind, &str); 16] = [
    (Kind::Text(31), "app proto"),
    (Kind::Text(40), "externalId"),
    (Kind::Text(63), "act outcome"),
    (Kind::Text(100), "dvchost"),
    (Kind::Text(128), "deviceInboundInterface deviceOutboundInterface devicePayloadId"),
    (
        Kind::Text(255),
        "destinationDnsDomain deviceDnsDomain deviceExternalId deviceNtDomain dntdom dtz fileHash oldFileHash sntdom \
         sourceDnsDomain",
    ),
    (
        Kind::Text(1023),
        "cat destinationServiceName deviceFacility deviceProcessName dhost dpriv dproc duid duser fileId filePath \
         filePermission fileType flexString1 flexString2 fname msg oldFileId oldFileName oldFilePath oldFilePermission \
         oldFileType reason request requestClientApplication requestCookies requestMethod shost sourceServiceName \
         spriv sproc suid suser",
    ),
    (Kind::Text(2048), "requestContext"),
    (Kind::Text(4000), "cs1 cs2 cs3 cs4 cs5 cs6"),
    (
        Kind::Int,
        "cnt destinationTranslatedPort deviceDirection dpid dpt dvcpid fsize in oldFileSize out sourceTranslatedPort \
         spid spt type",
    ),
    (Kind::Long, "cn1 cn2 cn3"),
    (Kind::Float, "cfp1 cfp2 cfp3 cfp4"),
    (Kind::Ip4, "destinationTranslatedAddress deviceTranslatedAddress dst dvc sourceTranslatedAddress src"),
    (Kind::Ip6, "c6a1 c6a2 c6a3 c6a4"),
    (Kind::Mac, "dmac smac"),
    (
        Kind::Time,
        "deviceCustomDate1 deviceCustomDate2 end fileCreateTime fileModificationTime flexDate1 oldFileCreateTime \
         oldFileModificationTime rt start",
    ),
];

/// Keys that only `CEF:1` has.
const SINCE_1: &str = "agentTranslatedZoneKey agentZoneKey customerKey dTranslatedZoneKey dZoneKey \
    deviceTranslatedZoneKey deviceZoneKey sTranslatedZoneKey sZoneKey reportedDuration reportedResourceGroupName \
    reportedResourceID reportedResourceName reportedResourceType frameworkName threatActor threatAttackID";

/// Keys that consumers add; a producer must not send them.
const CONSUMER: &str = "agentDnsDomain agentNtDomain agentTranslatedAddress agentTranslatedZoneExternalID \
    agentTranslatedZoneURI agentZoneExternalID agentZoneURI agt ahost aid amac art at atz av customerExternalID \
    customerURI destinationTranslatedZoneExternalID destinationTranslatedZoneURI destinationZoneExternalID \
    destinationZoneURI deviceTranslatedZoneExternalID deviceTranslatedZoneURI deviceZoneExternalID deviceZoneURI dlat \
    dlong eventId rawEvent slat slong sourceTranslatedZoneExternalID sourceTranslatedZoneURI sourceZoneExternalID \
    sourceZoneURI";

/// Checks every pair, then the pairs together. `ipv6`: keys of IPv4 addresses take IPv6 too.
pub(super) fn check(pairs: &[Pair<'_>], version: u32, ipv6: bool) -> Result<(), Problem> {
    let mut keys = HashSet::new();
    let mut labels = HashSet::new();
    for pair in pairs {
        if !keys.insert(pair.key) {
            return Problem::at(pair.at, format!("the key {} stands twice (chapter 1)", pair.key));
        }
        if pair.value.is_empty() {
            return Problem::at(pair.at, format!("the key {} has no value; several readers refuse that", pair.key));
        }
        if let Err(fault) = check_pair(pair, version, ipv6) {
            return Problem::at(pair.at, format!("{}: {fault}", pair.key));
        }
        if label_of(pair.key).is_some() && !labels.insert(pair.value.as_str()) {
            return Problem::at(pair.at, format!("the label '{}' stands twice (chapter 2)", pair.value));
        }
    }
    for pair in pairs {
        check_partner(pair, &keys)?;
    }
    Ok(())
}

fn check_pair(pair: &Pair<'_>, version: u32, ipv6: bool) -> Result<(), String> {
    if has(CONSUMER, pair.key) {
        return Err("a key of consumers; a producer must not send it (chapter 4)".to_owned());
    }
    if has(SINCE_1, pair.key) && version == 0 {
        return Err("a key of CEF:1 in a CEF:0 message".to_owned());
    }
    if let Some((_, chars_max)) = label_of(pair.key) {
        return check_value(Kind::Text(chars_max), &pair.value);
    }
    match PRODUCER.iter().find(|(_, keys)| has(keys, pair.key)) {
        Some((Kind::Ip4, _)) if ipv6 && pair.value.parse::<Ipv6Addr>().is_ok() => Ok(()),
        Some((kind, _)) => check_value(*kind, &pair.value),
        None => Ok(()),
    }
}

fn check_value(kind: Kind, value: &str) -> Result<(), String> {
    let (valid, rule) = match kind {
        Kind::Text(chars_max) => {
            let chars = value.chars().count();
            return if chars <= chars_max { Ok(()) } else { Err(format!("{chars} characters, at most {chars_max}")) };
        }
        Kind::Int => (value.parse::<i32>().is_ok_and(|v| v >= 0), "a number from 0 to 2147483647"),
        Kind::Long => (value.parse::<i64>().is_ok(), "a 64-bit number"),
        Kind::Float => (value.parse::<f64>().is_ok_and(f64::is_finite), "a number"),
        Kind::Ip4 => (value.parse::<Ipv4Addr>().is_ok(), "an IPv4 address (IPv6 has keys of its own, chapter 3)"),
        Kind::Ip6 => (value.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
        Kind::Mac => (is_mac(value), "six pairs of hex digits with colons between them"),
        Kind::Time => (is_time(value), "epoch milliseconds or 'MMM dd [yyyy] HH:mm:ss' (appendix A)"),
    };
    if valid { Ok(()) } else { Err(format!("'{value}' is not {rule}")) }
}

/// A label needs its value and a value of a custom key its label.
fn check_partner(pair: &Pair<'_>, keys: &HashSet<&str>) -> Result<(), Problem> {
    if let Some((of, _)) = label_of(pair.key) {
        if !keys.contains(of) {
            return Problem::at(pair.at, format!("{} without {of} (chapter 2)", pair.key));
        }
    } else if label_of(&format!("{}Label", pair.key)).is_some() && !keys.contains(format!("{}Label", pair.key).as_str())
    {
        return Problem::at(pair.at, format!("{0} without {0}Label (chapter 2)", pair.key));
    }
    Ok(())
}

/// The key that a label describes, and the label's limit in characters.
fn label_of(key: &str) -> Option<(&str, usize)> {
    let of = key.strip_suffix("Label")?;
    let stem = of.trim_end_matches(|c: char| c.is_ascii_digit());
    let known = PRODUCER.iter().any(|(_, keys)| has(keys, of));
    match stem {
        "flexString" | "flexDate" if known => Some((of, 128)),
        "cs" | "cn" | "cfp" | "c6a" | "deviceCustomDate" if known => Some((of, 1023)),
        _ => None,
    }
}

fn has(keys: &str, key: &str) -> bool {
    keys.split_ascii_whitespace().any(|k| k == key)
}

fn is_mac(value: &str) -> bool {
    let pairs: Vec<_> = value.split(':').collect();
    pairs.len() == 6 && pairs.iter().all(|p| p.len() == 2 && p.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn is_time(value: &str) -> bool {
    if value.bytes().all(|c| c.is_ascii_digit()) {
        return value.parse::<i64>().is_ok();
    }
    let words: Vec<_> = value.split(' ').collect();
    let number = |word: &str, low: u32, high: u32| {
        word.bytes().all(|c| c.is_ascii_digit()) && word.parse().is_ok_and(|v: u32| (low..=high).contains(&v))
    };
    let clock = |word: &str| {
        let (whole, milli) = word.split_once('.').unwrap_or((word, "000"));
        let parts: Vec<_> = whole.split(':').collect();
        milli.len() == 3
            && number(milli, 0, 999)
            && matches!(parts[..], [h, m, s] if number(h, 0, 23) && number(m, 0, 59) && number(s, 0, 59))
    };
    let month = |word: &str| has("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", word);
    match words[..] {
        [m, d, t] | [m, d, t, _] if clock(t) => month(m) && number(d, 1, 31),
        [m, d, y, t] | [m, d, y, t, _] => month(m) && number(d, 1, 31) && number(y, 1000, 9999) && clock(t),
        _ => false,
    }
}
