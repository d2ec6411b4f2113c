//! IBM's table of predefined attributes: types, lengths, and which are not for senders.

use std::collections::HashSet;
use std::net::IpAddr;

use super::{Pair, Problem};

/// Keys whose value is an address.
const ADDRESSES: &str = "src dst srcPreNAT dstPreNAT srcPostNAT dstPostNAT vSrc identSrc";
/// Keys whose value is a port.
const PORTS: &str = "srcPort dstPort srcPreNATPort dstPreNATPort srcPostNATPort dstPostNATPort";
/// Keys whose value counts something.
const COUNTS: &str = "srcBytes dstBytes totalBytes srcPackets dstPackets totalPackets";
/// Keys that IBM keeps for itself.
const RESERVED: &str = "identMAC identSecondlp calLanguage calCountryOrRegion";
/// Characters of a name.
const NAME_CHARS_MAX: usize = 255;

/// Checks every pair, then the pairs together.
pub(super) fn check(pairs: &[Pair<'_>]) -> Result<(), Problem> {
    let mut keys = HashSet::new();
    let formatted = pairs.iter().any(|pair| pair.key == "devTimeFormat");
    for pair in pairs {
        if let Err(fault) = check_key(pair.key) {
            return Problem::at(pair.at, format!("the key '{}': {fault}", pair.key));
        }
        if !keys.insert(pair.key) {
            return Problem::at(pair.at, format!("the key {} stands twice; the second is ignored", pair.key));
        }
        if pair.value.is_empty() {
            return Problem::at(pair.at, format!("the key {} has no value; several readers refuse that", pair.key));
        }
        if let Err(rule) = check_value(pair, formatted) {
            return Problem::at(pair.at, format!("{}: '{}' is not {rule}", pair.key, pair.value));
        }
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() || !key.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err("a key is one word of letters and digits");
    }
    if has(RESERVED, key) { Err("IBM keeps it for itself") } else { Ok(()) }
}

fn check_value(pair: &Pair<'_>, formatted: bool) -> Result<(), &'static str> {
    let value = pair.value;
    let digits = value.bytes().all(|c| c.is_ascii_digit());
    let (valid, rule) = match pair.key {
        "devTime" if !formatted => (digits && matches!(value.len(), 10 | 13), "an epoch time of 10 or 13 digits"),
        "sev" => (value.parse::<u8>().is_ok_and(|s| (1..=10).contains(&s) && s.to_string() == value), "from 1 to 10"),
        "usrName" => (value.chars().count() <= NAME_CHARS_MAX, "at most 255 characters long"),
        "srcMAC" | "dstMAC" => (is_mac(value), "six pairs of hex digits with colons between them"),
        "isLoginEvent" | "isLogoutEvent" => (matches!(value, "true" | "false"), "true or false"),
        key if has(ADDRESSES, key) => (value.parse::<IpAddr>().is_ok(), "an IPv4 or IPv6 address"),
        key if has(PORTS, key) => (value.parse::<u16>().is_ok(), "a port from 0 to 65535"),
        key if has(COUNTS, key) => (value.parse::<u64>().is_ok(), "a number"),
        _ => (true, ""),
    };
    if valid { Ok(()) } else { Err(rule) }
}

fn has(keys: &str, key: &str) -> bool {
    keys.split_ascii_whitespace().any(|k| k == key)
}

fn is_mac(value: &str) -> bool {
    let pairs: Vec<_> = value.split(':').collect();
    pairs.len() == 6 && pairs.iter().all(|p| p.len() == 2 && p.bytes().all(|c| c.is_ascii_hexdigit()))
}
