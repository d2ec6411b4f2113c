use super::*;
use crate::connection::{CefEnvelope, ConnectionSpec, Endpoint, Filter, LeefCategory, Mapping, Options};

fn spec(receiver: Option<Receiver>, transport: Transport, format: Format) -> ConnectionSpec {
    ConnectionSpec {
        name: "a".to_owned(),
        receiver,
        endpoint: Endpoint::parse("siem.example.com:514").unwrap(),
        transport,
        tls: None,
        format,
        framing: Framing::Lf,
        options: Options::default(),
        filter: Filter::default(),
        rate_limit: None,
    }
}

/// A connection as a receiver wants it.
fn as_wanted(receiver: Receiver, transport: Transport, format: Format) -> ConnectionSpec {
    let preset = receiver.preset(transport, format);
    let plain = spec(Some(receiver), transport, format);
    let options = Options {
        cef_envelope: preset.cef_envelope,
        max_bytes: preset.max_bytes,
        ipv6_in_src: preset.ipv6_in_src,
        structured_data: preset.structured_data,
        ..Options::default()
    };
    ConnectionSpec { framing: preset.framing.unwrap_or(Framing::Lf), options, ..plain }
}

fn codes(spec: &ConnectionSpec) -> Vec<&'static str> {
    warnings(spec, "audit.example.com").into_iter().map(|warning| warning.code).collect()
}

#[test]
fn every_receiver_has_its_word_and_its_name() {
    for (receiver, word) in Receiver::ALL.into_iter().zip(Receiver::WORDS) {
        assert_eq!((receiver.as_str(), Receiver::parse(word)), (word, Some(receiver)));
        assert_eq!(serde_json::to_value(receiver).unwrap(), serde_json::json!(word));
        assert_eq!(receiver.name().is_empty(), receiver == Receiver::Other);
        assert!(!receiver.transports().is_empty());
    }
    assert_eq!(Receiver::parse("QRadar"), None);
}

/// Product facts, spelled out once more by hand: format, framing over TCP, envelope, size over TCP and over UDP.
#[test]
fn a_receiver_wants_what_its_makers_say() {
    use CefEnvelope::{Bsd, Rfc5424 as Header};
    use Format::{Cef, Json, Leef, Rfc5424};
    let (lf, counted) = (Some(Framing::Lf), Some(Framing::OctetCounting));
    let wanted = [
        (Receiver::Kuma, Cef, lf, Header, None, None),
        (Receiver::MaxPatrol, Cef, lf, Header, None, None),
        (Receiver::ArcSight, Cef, lf, Bsd, None, None),
        (Receiver::Qradar, Leef, lf, Header, Some(4096), Some(1024)),
        (Receiver::Splunk, Rfc5424, lf, Header, None, None),
        (Receiver::Sentinel, Cef, None, Header, None, None),
        (Receiver::Wazuh, Json, lf, Header, Some(6144), Some(1024)),
        (Receiver::Elastic, Json, lf, Header, None, None),
        (Receiver::Graylog, Rfc5424, None, Bsd, None, None),
        (Receiver::Rsyslog, Rfc5424, None, Header, None, None),
        (Receiver::SyslogNg, Rfc5424, counted, Header, None, None),
        (Receiver::Other, Rfc5424, None, Header, None, None),
    ];
    assert_eq!(wanted.len(), Receiver::ALL.len());
    for (receiver, format, framing, envelope, stream, datagram) in wanted {
        assert_eq!((receiver.format(), receiver.transport()), (format, Transport::Tcp), "{receiver:?}");
        let preset = receiver.preset(Transport::Tcp, format);
        assert_eq!((preset.framing, preset.cef_envelope), (framing, envelope), "{receiver:?}");
        let sizes = [Transport::Tcp, Transport::Udp].map(|transport| receiver.preset(transport, format).max_bytes);
        assert_eq!(sizes, [stream, datagram], "{receiver:?}");
    }
}

/// What is set by choosing a receiver cannot be what is warned of.
#[test]
fn what_a_receiver_wants_is_not_warned_of() {
    for receiver in Receiver::ALL {
        for transport in receiver.transports() {
            let spec = as_wanted(receiver, *transport, receiver.format());
            assert_eq!(codes(&spec), [""; 0], "{receiver:?} over {transport:?}");
        }
    }
}

#[test]
fn nothing_is_known_without_a_receiver_and_of_others() {
    for receiver in [None, Some(Receiver::Other)] {
        for format in [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json] {
            let options = Options { bom: true, max_bytes: Some(1 << 20), ..Options::default() };
            let spec =
                ConnectionSpec { framing: Framing::OctetCounting, options, ..spec(receiver, Transport::Relp, format) };
            assert_eq!(codes(&spec), [""; 0]);
        }
    }
}

/// Each trap by the smallest change that falls into it.
#[test]
fn every_trap_is_told_by_its_code_and_field() {
    use Transport::{Relp, Tcp, Tls, Udp};
    let options = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        options
    };
    let of = |receiver, transport, format, framing, options| ConnectionSpec {
        framing,
        options,
        ..spec(Some(receiver), transport, format)
    };
    let (lf, counted) = (Framing::Lf, Framing::OctetCounting);
    let plain = Options::default();
    let bsd = options(|o| o.cef_envelope = CefEnvelope::Bsd);
    let bare = options(|o| o.cef_envelope = CefEnvelope::None);
    let first = options(|o| o.mapping = Mapping::First);
    let cases = [
        (of(Receiver::Kuma, Relp, Format::Cef, lf, plain.clone()), "receiver_transport", "transport"),
        (
            of(Receiver::Wazuh, Tls, Format::Json, lf, options(|o| o.max_bytes = Some(6144))),
            "receiver_transport",
            "transport",
        ),
        (of(Receiver::Kuma, Tcp, Format::Cef, counted, plain.clone()), "receiver_lines_only", "framing"),
        (of(Receiver::Splunk, Tls, Format::Rfc5424, counted, plain.clone()), "receiver_lines_only", "framing"),
        (of(Receiver::SyslogNg, Tcp, Format::Rfc5424, lf, plain.clone()), "receiver_octets_only", "framing"),
        (of(Receiver::Qradar, Tcp, Format::Leef, lf, plain.clone()), "receiver_size", "options.max_bytes"),
        (
            of(Receiver::Qradar, Udp, Format::Leef, lf, options(|o| o.max_bytes = Some(1025))),
            "receiver_size",
            "options.max_bytes",
        ),
        (
            of(Receiver::Rsyslog, Tcp, Format::Rfc5424, lf, options(|o| o.max_bytes = Some(8193))),
            "receiver_size",
            "options.max_bytes",
        ),
        (of(Receiver::Graylog, Tcp, Format::Cef, lf, bsd.clone()), "receiver_forgery", "format"),
        (of(Receiver::Rsyslog, Tcp, Format::Cef, lf, bsd.clone()), "receiver_cef_tag", "options.cef_envelope"),
        (of(Receiver::Sentinel, Tcp, Format::Cef, lf, bsd), "receiver_cef_tag", "options.cef_envelope"),
        (of(Receiver::Rsyslog, Tcp, Format::Json, lf, plain.clone()), "receiver_needs_header", "format"),
        (of(Receiver::SyslogNg, Tcp, Format::Cef, lf, bare.clone()), "receiver_needs_header", "format"),
        (of(Receiver::Splunk, Tcp, Format::Cef, lf, bare), "receiver_cef_time", "options.cef_envelope"),
        (of(Receiver::Splunk, Tcp, Format::Leef, lf, first.clone()), "receiver_leef_pipe", "options.mapping"),
        (of(Receiver::Elastic, Tcp, Format::Cef, lf, first), "receiver_empty_value", "options.mapping"),
        (of(Receiver::Graylog, Tcp, Format::Rfc5424, lf, options(|o| o.bom = true)), "receiver_bom", "options.bom"),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for (spec, code, field) in cases {
        let told = warnings(&spec, "audit.example.com");
        let told: Vec<_> = told.iter().map(|warning| (warning.code, warning.field)).collect();
        assert_eq!(told, [(code, field)], "{:?}", spec.receiver);
        seen.push(code);
    }
    // Of QRadar's, which come in company.
    let small = options(|o| o.max_bytes = Some(4096));
    let leef = of(Receiver::Qradar, Tcp, Format::Leef, lf, small.clone());
    assert_eq!(warnings(&leef, "2001:db8::1").iter().map(|w| w.code).collect::<Vec<_>>(), ["receiver_ipv6_host"]);
    assert_eq!(codes(&leef), [""; 0]);
    let named =
        ConnectionSpec { options: Options { hostname: Some("fe80::1".to_owned()), ..small.clone() }, ..leef.clone() };
    assert_eq!(codes(&named), ["receiver_ipv6_host"]);
    let source =
        ConnectionSpec { options: Options { leef_cat: LeefCategory::Source, ..small.clone() }, ..leef.clone() };
    assert_eq!(codes(&source), ["receiver_same_event"]);
    let old = ConnectionSpec { options: Options { mapping: Mapping::First, ..small.clone() }, ..leef };
    assert_eq!(codes(&old), ["receiver_same_event"]);
    assert_eq!(codes(&of(Receiver::Qradar, Tcp, Format::Cef, lf, small)), ["receiver_not_discovered"]);
    assert_eq!(codes(&of(Receiver::Graylog, Tcp, Format::Cef, lf, plain)), ["receiver_forgery", "receiver_cef_header"]);
    seen.extend(["receiver_ipv6_host", "receiver_same_event", "receiver_not_discovered", "receiver_cef_header"]);
    for code in Warning::codes() {
        assert!(seen.contains(&code), "{code} is not tried");
    }
}

#[test]
fn every_warning_says_who_reads_it_wrongly_and_what_to_do() {
    for code in Warning::codes() {
        let warning = Warning { code, field: "format", receiver: Receiver::Qradar, bytes: Some(4096) };
        let detail = warning.detail();
        assert!(detail.contains("IBM QRadar"), "{code}: {detail}");
        assert_eq!(detail.contains("4096"), code == "receiver_size", "{detail}");
        let other = Warning { code: "receiver_not_discovered", ..warning.clone() };
        assert_eq!(detail == other.detail(), code == "receiver_not_discovered", "{code} has no text of its own");
    }
}
