//! Every limit of the listener and of requests, in one place: how much, how many, how long. `docs/configuration.md` has them as a table.

use std::time::Duration;

/// Limits of the listener and of one request. Configuration; the defaults are the product's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Open connections. Default 2,048.
    pub connections_max: usize,
    /// Connections of one address (IPv6: of one /64) that have shown no credential yet, and requests of one that have shown none:
    /// behind a proxy connections are the proxy's. Default 256.
    pub newcomers_per_address_max: usize,
    /// From the first byte of a connection, TLS handshake included, to the end of its first request's head. Default 20 s.
    pub first_request_max: Duration,
    /// Longest TLS handshake. Default 10 s.
    pub handshake_max: Duration,
    /// How long a connection may stay without showing a credential. Default 60 s.
    pub newcomer_max: Duration,
    /// From the end of an answer to the end of the next request's head. Also ends idle connections. Default 60 s.
    pub head_max: Duration,
    /// Events bodies. Default: 16 MiB each, 64 MiB together, 20 s and a second for every 16 KiB.
    pub intake: BodyClass,
    /// Bodies of other calls and forms of those who are known. Default: 1 MiB each, 16 MiB together, time as for events.
    pub management: BodyClass,
    /// Bodies of those who have shown no credential. Default: 64 KiB each, 4 MiB together, 10 s and a second for every 16 KiB.
    pub anonymous: BodyClass,
    /// Items of one events body. Default 10,000.
    pub events_items_max: usize,
    /// How many bytes one compressed byte may become, once 4 MiB are passed. Default 200.
    pub compression_ratio_max: usize,
    /// How long an answer waits for a client that takes nothing of it. Default 60 s.
    pub stalled_max: Duration,
    /// Between comments on a quiet live tail, each of which also asks whether its token is still valid. Default 15 s
    /// (product section 9).
    pub tail_heartbeat: Duration,
    /// Longest drain. Default 20 s.
    pub drain_max: Duration,
}

/// What one class of bodies may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyClass {
    /// One body, in bytes; also after decompression.
    pub bytes_max: usize,
    /// All of the class in memory together, in bytes; more answer 503 `overloaded`. What one address or credential holds of it
    /// may not grow beyond what is left free.
    pub in_flight_bytes_max: usize,
    /// Longest pause, and what a body may take in all beside the time that its bytes need.
    pub slack: Duration,
    /// Bytes a second that a body must come with.
    pub rate_min: usize,
}

impl HttpLimits {
    /// Requests that one credential may have under way at once: half of all connections, so that the rest is for others.
    #[must_use]
    pub fn requests_per_credential_max(&self) -> usize {
        (self.connections_max / 2).max(1)
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        let (slack, rate_min) = (Duration::from_secs(20), 16 << 10);
        Self {
            connections_max: 2_048,
            newcomers_per_address_max: 256,
            first_request_max: Duration::from_secs(20),
            handshake_max: Duration::from_secs(10),
            newcomer_max: Duration::from_secs(60),
            head_max: Duration::from_secs(60),
            intake: BodyClass { bytes_max: 16 << 20, in_flight_bytes_max: 64 << 20, slack, rate_min },
            management: BodyClass { bytes_max: 1 << 20, in_flight_bytes_max: 16 << 20, slack, rate_min },
            anonymous: BodyClass {
                bytes_max: 64 << 10,
                in_flight_bytes_max: 4 << 20,
                slack: Duration::from_secs(10),
                rate_min,
            },
            events_items_max: 10_000,
            compression_ratio_max: 200,
            stalled_max: Duration::from_secs(60),
            tail_heartbeat: Duration::from_secs(15),
            drain_max: Duration::from_secs(20),
        }
    }
}
