//! How a receiver is told to listen: its own configuration, from the files of `contrib/siem`, for one connection.
//!
//! The files hold a port, a host name and a path that are examples; what a connection has is put in their place, so that a file
//! can be used as it lies there, too. In the lists of settings (`.txt`) a line may end in the words that it is for: `(tcp, tls)`,
//! or `(tcp; cef)` where both must hold.

use auditwire_model::connection::{CefEnvelope, ConnectionSpec, Format, Framing, Receiver, Transport};

/// The port in the files.
const PORT: &str = "5514";
/// HOSTNAME of the messages in the files.
const HOSTNAME: &str = "audit.example.com";

/// A configuration, or a list of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    /// Where it lies in `contrib/siem`.
    pub(super) file: &'static str,
    pub(super) text: String,
}

macro_rules! file {
    ($name:literal) => {
        Some(($name, include_str!(concat!("../../../../../../contrib/siem/", $name))))
    };
}

impl Snippet {
    /// The snippet for a connection. `None` where there is none: nothing is known of the receiver, or it cannot be reached so.
    pub(super) fn of(spec: &ConnectionSpec, port: u16, hostname: &str) -> Option<Self> {
        let (file, text) = file(spec)?;
        let words = words(spec);
        let lines = text.lines().filter_map(|line| if is_list(file) { applying(line, &words) } else { Some(line) });
        let text = lines.collect::<Vec<_>>().join("\n");
        Some(Self { file, text: text.replace(PORT, &port.to_string()).replace(HOSTNAME, hostname) })
    }
}

fn file(spec: &ConnectionSpec) -> Option<(&'static str, &'static str)> {
    use Transport::{Relp, RelpTls, Tcp, Tls, Udp};
    match (spec.receiver?, spec.transport) {
        (Receiver::Kuma, Tcp | Tls | Udp) => file!("kuma/collector.txt"),
        (Receiver::MaxPatrol, Tcp | Tls | Udp) => file!("maxpatrol/source.txt"),
        (Receiver::ArcSight, Tcp | Tls | Udp) => file!("arcsight/connector.txt"),
        (Receiver::Qradar, Tcp | Tls | Udp) => file!("qradar/log-source.txt"),
        (Receiver::Splunk, Tcp | Tls | Udp) => match spec.format {
            Format::Rfc5424 => file!("splunk/app-auditwire.conf"),
            Format::Cef | Format::Leef => file!("splunk/cef.txt"),
            Format::Json => None,
        },
        (Receiver::Sentinel, _) => file!("sentinel/collector.txt"),
        (Receiver::Wazuh, Tcp) => file!("wazuh/tcp.xml"),
        (Receiver::Wazuh, Udp) => file!("wazuh/udp.xml"),
        (Receiver::Elastic, Tcp) if spec.format == Format::Cef => file!("elastic/cef.yml"),
        (Receiver::Elastic, Tcp) => file!("elastic/filebeat-tcp.yml"),
        (Receiver::Elastic, Udp) => file!("elastic/filebeat-udp.yml"),
        (Receiver::Elastic, Tls) => file!("elastic/filebeat-tls.yml"),
        (Receiver::Graylog, Tcp | Tls | Udp) => file!("graylog/input.txt"),
        (Receiver::Rsyslog, Tcp) => file!("rsyslog/tcp.conf"),
        (Receiver::Rsyslog, Udp) => file!("rsyslog/udp.conf"),
        (Receiver::Rsyslog, Tls) => file!("rsyslog/tls.conf"),
        (Receiver::Rsyslog, Relp) => file!("rsyslog/relp.conf"),
        (Receiver::Rsyslog, RelpTls) => file!("rsyslog/relp_tls.conf"),
        (Receiver::SyslogNg, _) => of_syslog_ng(spec),
        _ => None,
    }
}

/// It has a source for each framing, and reads what has no header of RFC 5424 with no parser at all.
fn of_syslog_ng(spec: &ConnectionSpec) -> Option<(&'static str, &'static str)> {
    let counted = spec.framing == Framing::OctetCounting;
    let has_header = match spec.format {
        Format::Rfc5424 | Format::Leef => true,
        Format::Cef => spec.options.cef_envelope == CefEnvelope::Rfc5424,
        Format::Json => false,
    };
    match spec.transport {
        Transport::Tcp if !has_header => file!("syslog-ng/tcp-no-parse.conf"),
        _ if !has_header => None,
        Transport::Tcp if counted => file!("syslog-ng/tcp-octet_counting.conf"),
        Transport::Tcp => file!("syslog-ng/tcp-lf.conf"),
        Transport::Tls if counted => file!("syslog-ng/tls-octet_counting.conf"),
        Transport::Tls => file!("syslog-ng/tls-lf.conf"),
        Transport::Udp => file!("syslog-ng/udp.conf"),
        Transport::Relp | Transport::RelpTls => None,
    }
}

fn is_list(file: &str) -> bool {
    std::path::Path::new(file).extension().is_some_and(|ending| ending == "txt")
}

/// What a line can be for.
const WORDS: [&str; 12] = [
    "tcp",
    "udp",
    "tls",
    "relp",
    "relp_tls",
    "rfc5424",
    "cef",
    "leef",
    "json",
    "rfc5424_envelope",
    "bsd_envelope",
    "none_envelope",
];

fn words(spec: &ConnectionSpec) -> [&'static str; 3] {
    let format = match spec.format {
        Format::Rfc5424 => "rfc5424",
        Format::Cef => "cef",
        Format::Leef => "leef",
        Format::Json => "json",
    };
    let envelope = match spec.options.cef_envelope {
        CefEnvelope::Rfc5424 => "rfc5424_envelope",
        CefEnvelope::Bsd => "bsd_envelope",
        CefEnvelope::None => "none_envelope",
    };
    [spec.transport.as_str(), format, envelope]
}

/// The line without the words that it is for; `None` when it is for something else.
fn applying<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let inner = line.strip_suffix(')').and_then(|line| line.rsplit_once(" ("));
    let alternatives = |group: &'a str| group.split(',').map(str::trim);
    match inner {
        Some((bare, tags)) if tags.split(';').flat_map(alternatives).all(|tag| WORDS.contains(&tag)) => {
            let holds = tags.split(';').all(|group| alternatives(group).any(|tag| words.contains(&tag)));
            holds.then_some(bare)
        }
        _ => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::connection::{Endpoint, Filter, Options};

    use super::*;

    fn spec(receiver: Receiver, transport: Transport, format: Format) -> ConnectionSpec {
        let preset = receiver.preset(transport, format);
        ConnectionSpec {
            name: "a".to_owned(),
            receiver: Some(receiver),
            endpoint: Endpoint::parse("siem.example.com:7777").expect("an endpoint"),
            transport,
            tls: None,
            format,
            framing: preset.framing.unwrap_or(Framing::Lf),
            options: Options { cef_envelope: preset.cef_envelope, ..Options::default() },
            filter: Filter::default(),
            rate_limit: None,
        }
    }

    fn snippet(receiver: Receiver, transport: Transport, format: Format) -> Option<String> {
        Snippet::of(&spec(receiver, transport, format), 7777, "audit-1").map(|snippet| snippet.text)
    }

    #[test]
    fn a_line_is_shown_where_it_applies() {
        let cases = [
            ("Port: 1 (tcp)", Some("Port: 1")),
            ("Port: 1 (udp)", None),
            ("Port: 1 (udp, tcp)", Some("Port: 1")),
            ("Port: 1 (udp, tcp; cef)", Some("Port: 1")),
            ("Port: 1 (tcp; leef)", None),
            ("Common Event Format (CEF)", Some("Common Event Format (CEF)")),
            ("(tcp)", Some("(tcp)")),
            ("module(load=\"imtcp\")", Some("module(load=\"imtcp\")")),
        ];
        for (line, shown) in cases {
            assert_eq!(applying(line, &["tcp", "cef", "bsd_envelope"]), shown, "{line}");
        }
    }

    /// Whatever a receiver wants by itself has a snippet, with the port of the connection and no word of the examples.
    #[test]
    fn every_receiver_has_its_snippet() {
        for receiver in Receiver::ALL.into_iter().filter(|receiver| *receiver != Receiver::Other) {
            for transport in receiver.transports() {
                let shown = snippet(receiver, *transport, receiver.format());
                let shown = shown.unwrap_or_else(|| panic!("{receiver:?} over {transport:?} has none"));
                assert!(!shown.contains(PORT) && !shown.contains(HOSTNAME), "{receiver:?} over {transport:?}: {shown}");
                assert!(shown.contains("7777"), "{receiver:?} over {transport:?} does not say the port: {shown}");
                let tagged = |line: &str| WORDS.iter().any(|word| line.ends_with(&format!(" ({word})")));
                assert!(!shown.lines().any(tagged), "{shown}");
            }
        }
        for format in [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json] {
            assert_eq!(snippet(Receiver::Other, Transport::Tcp, format), None);
            assert_eq!(snippet(Receiver::Wazuh, Transport::Tls, format), None);
        }
    }

    #[test]
    fn what_is_chosen_decides_what_is_shown() {
        let of = |receiver, transport, format| snippet(receiver, transport, format).expect("a snippet");
        let qradar = of(Receiver::Qradar, Transport::Tls, Format::Leef);
        assert!(qradar.contains("Universal LEEF\n") && qradar.contains("TLS listen port: 7777"), "{qradar}");
        assert!(qradar.contains("Log source identifier: audit-1") && !qradar.contains("Universal CEF"), "{qradar}");
        let counted = of(Receiver::SyslogNg, Transport::Tcp, Format::Rfc5424);
        assert!(counted.contains("syslog(port(7777)") && counted.contains("transport(\"tcp\")"), "{counted}");
        let bare = of(Receiver::SyslogNg, Transport::Tcp, Format::Json);
        assert!(bare.contains("network(port(7777)") && bare.contains("no-parse"), "{bare}");
        let wazuh = of(Receiver::Wazuh, Transport::Udp, Format::Json);
        assert!(wazuh.contains("<protocol>udp</protocol>") && wazuh.contains("<allowed-ips>audit-1"), "{wazuh}");
        assert!(
            of(Receiver::Rsyslog, Transport::Relp, Format::Rfc5424).contains("input(type=\"imrelp\" port=\"7777\"")
        );
    }
}
