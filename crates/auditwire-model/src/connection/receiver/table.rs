//! The facts of each receiver, with where they come from.

use super::{Facts, Reads, Receiver};
use crate::connection::{CefEnvelope, Format, Transport};

const PLAIN: &[Transport] = &[Transport::Tcp, Transport::Udp];
const WITH_TLS: &[Transport] = &[Transport::Tcp, Transport::Tls, Transport::Udp];
const ALL: &[Transport] = &[Transport::Tcp, Transport::Tls, Transport::Relp, Transport::RelpTls, Transport::Udp];

/// Reads what it is sent by lines, behind a header of RFC 5424, with no limit that is known.
const COMMON: Facts = Facts {
    name: "",
    transports: WITH_TLS,
    format: Format::Cef,
    cef_envelope: CefEnvelope::Rfc5424,
    reads: Reads::Lines,
    stream_bytes: None,
    datagram_bytes: None,
};

pub(super) const fn facts(receiver: Receiver) -> Facts {
    match receiver {
        // Its connectors take a delimiter and no octet counting, 1 MB at least (support.kaspersky.com/kuma/3.2/220739); the
        // normaliser `[OOTB] Syslog-CEF` reads CEF behind a syslog header (support.kaspersky.com/kuma/3.2/255782).
        Receiver::Kuma => Facts { name: "Kaspersky KUMA", ..COMMON },
        // Nothing is published of its limits.
        Receiver::MaxPatrol => Facts { name: "MaxPatrol SIEM", ..COMMON },
        // "CEF Implementation Standard", document version 27, chapter 1: the header of RFC 3164 before `CEF:`.
        Receiver::ArcSight => Facts { name: "ArcSight", cef_envelope: CefEnvelope::Bsd, ..COMMON },
        // LEEF is recognised by itself, Universal CEF is not (ibm.com/docs: LEEF, Universal CEF). 4,096 bytes over TCP and
        // 1,024 over UDP unless its System Settings say more (ibm.com/docs: System settings, Max TCP/UDP Syslog Payload Length).
        Receiver::Qradar => Facts {
            name: "IBM QRadar",
            format: Format::Leef,
            stream_bytes: Some(4096),
            datagram_bytes: Some(1024),
            ..COMMON
        },
        // SC4S reads lines on 514 and 6514 (octets on 601 and 5425) and RFC 5424 strictly; its `log-msg-size` is 65,536
        // (github.com/splunk/splunk-connect-for-syslog, `package/shared/conf.d`).
        Receiver::Splunk => {
            Facts { name: "Splunk (SC4S)", format: Format::Rfc5424, stream_bytes: Some(65_536), ..COMMON }
        }
        // The rsyslog before the agent: 8 KiB (`maxMessageSize`), both framings; it takes the token `CEF` for a tag behind an old
        // header (tried with rsyslog 8.2302; github.com/MicrosoftDocs/azure-monitor-docs pull request 288).
        Receiver::Sentinel => Facts {
            name: "Microsoft Sentinel",
            transports: ALL,
            reads: Reads::Both,
            stream_bytes: Some(8192),
            datagram_bytes: Some(8192),
            ..COMMON
        },
        // Its remoted has lines, no TLS, and cuts at 1,024 bytes of a datagram and about 6,144 of a stream
        // (github.com/wazuh/wazuh issue 308; TLS only with pull request 35401 of 2026). Its JSON decoder wants `{` first.
        Receiver::Wazuh => Facts {
            name: "Wazuh",
            transports: PLAIN,
            format: Format::Json,
            stream_bytes: Some(6144),
            datagram_bytes: Some(1024),
            ..COMMON
        },
        // The tcp input has lines unless `framing: rfc6587` is set, and 20 MiB; the udp input 10 KiB
        // (elastic.co/docs: Filebeat, TCP input, UDP input).
        Receiver::Elastic => Facts { name: "Elastic", format: Format::Json, datagram_bytes: Some(10_240), ..COMMON },
        // Its CEF input expects an old header or none (graylog2-server `CEFCodec`).
        Receiver::Graylog => Facts {
            name: "Graylog",
            format: Format::Rfc5424,
            cef_envelope: CefEnvelope::Bsd,
            reads: Reads::Both,
            ..COMMON
        },
        // imtcp reads both framings, message by message; 8 KiB, and the rest of a longer one becomes a message of its own
        // (tried with 8.2302).
        Receiver::Rsyslog => Facts {
            name: "rsyslog",
            transports: ALL,
            format: Format::Rfc5424,
            reads: Reads::Both,
            stream_bytes: Some(8192),
            datagram_bytes: Some(8192),
            ..COMMON
        },
        // `syslog()` has octet counting alone, `network()` has lines; 64 KiB, and a larger frame ends the link (tried with 3.38).
        Receiver::SyslogNg => Facts {
            name: "syslog-ng",
            format: Format::Rfc5424,
            reads: Reads::Counted,
            stream_bytes: Some(65_536),
            ..COMMON
        },
        Receiver::Other => Facts { name: "", transports: ALL, format: Format::Rfc5424, reads: Reads::Both, ..COMMON },
    }
}
