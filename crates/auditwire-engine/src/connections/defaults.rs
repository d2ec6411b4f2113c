//! What applies where a connection says nothing, and the limits of what it may say: for whoever reads a request, and for
//! whoever shows a form.

use std::ops::RangeInclusive;

use auditwire_model::connection::{Format, Framing, Transport};
use auditwire_model::wire::{app_name_default, max_bytes_default};

use crate::delivery::{OVERLAP_MAX, UDP_RATE};

const MAX_BYTES_MIN: u64 = 480;
const MAX_BYTES_UDP: u64 = 65_507;
const MAX_BYTES_STREAM: u64 = 1 << 20;
/// The resend rule needs at least 64 KiB.
pub(super) const OVERLAP: RangeInclusive<u64> = 64 << 10..=1 << 30;

/// A day: more is what a replay is for.
pub(super) const OVERLAP_SECONDS: RangeInclusive<u64> = 1..=86_400;

/// The watch looks every half minute, so more often makes no sense.
pub(super) const HEARTBEAT_SECONDS: RangeInclusive<u64> = 30..=86_400;

/// What applies to a connection of one transport and one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Where one message ends.
    pub framing: Framing,
    /// APP-NAME.
    pub app_name: &'static str,
    /// Largest message without its frame, in bytes.
    pub max_bytes: u64,
    /// What may be set instead.
    pub max_bytes_range: RangeInclusive<u64>,
    /// Cap of what is sent again after a break, in bytes.
    pub overlap_bytes: u64,
    /// What may be set instead.
    pub overlap_range: RangeInclusive<u64>,
    /// Seconds of what may be sent again after every end of a link.
    pub overlap_seconds_range: RangeInclusive<u64>,
    /// Events per second; `None` = as fast as the peer takes them.
    pub rate_limit: Option<u32>,
}

/// What applies where a connection of this transport and format says nothing.
#[must_use]
pub fn defaults(transport: Transport, format: Format) -> Defaults {
    Defaults {
        framing: framing_default(transport, format),
        app_name: app_name_default(format),
        max_bytes: u64::try_from(max_bytes_default(transport)).unwrap_or(MAX_BYTES_MIN),
        max_bytes_range: max_bytes_range(Some(transport)),
        overlap_bytes: OVERLAP_MAX,
        overlap_range: OVERLAP,
        overlap_seconds_range: OVERLAP_SECONDS,
        rate_limit: (transport == Transport::Udp).then_some(UDP_RATE),
    }
}

/// RFC 5425 asks for octet counting in TLS; receivers of CEF, LEEF and JSON take only lines there. UDP ignores it.
pub(super) fn framing_default(transport: Transport, format: Format) -> Framing {
    match (transport, format) {
        (Transport::Tls, Format::Rfc5424) => Framing::OctetCounting,
        _ => Framing::Lf,
    }
}

pub(super) fn max_bytes_range(transport: Option<Transport>) -> RangeInclusive<u64> {
    MAX_BYTES_MIN..=if transport == Some(Transport::Udp) { MAX_BYTES_UDP } else { MAX_BYTES_STREAM }
}
