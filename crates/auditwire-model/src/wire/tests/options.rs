//! Every option of the connection form changes bytes on the wire.

use super::{ALL, WITH_HEADER, first, message, renderer, spec, with_view};
use crate::connection::{CefEnvelope, Format, Options, Transport};
use crate::event::EventView;
use crate::event::testing::full;
use crate::wire::{RenderContext, Renderer, read_cef, read_json, read_leef, read5424};

/// The same event with the defaults and with one option changed.
fn both(format: Format, options: Options) -> (String, String) {
    with_view(full(), |event| {
        let text = |options| message(&renderer(format, options), event, 5).unwrap().0;
        let (before, after) = (text(first()), text(options));
        assert_ne!(before, after);
        (before, after)
    })
}

#[test]
fn facility() {
    for format in WITH_HEADER {
        let (before, after) = both(format, Options { facility: 16, ..first() });
        assert!(before.starts_with("<108>1 ") && after.starts_with("<132>1 "));
        assert_eq!(before[5..], after[5..]);
    }
    let (_, after) = both(Format::Rfc5424, Options { facility: 0, ..first() });
    assert!(after.starts_with("<4>1 "));
}

#[test]
fn hostname() {
    for (hostname, sent) in
        [("siem-src", "siem-src"), ("a b\u{442}", "a_b_"), ("", "-"), (&"x".repeat(300), &"x".repeat(255))]
    {
        let options = Options { hostname: Some(hostname.to_owned()), ..first() };
        let (_, after) = both(Format::Rfc5424, options.clone());
        let read = read5424::parse(after.as_bytes()).unwrap();
        assert_eq!(read.hostname.unwrap_or("-"), sent);
        let (_, after) = both(Format::Cef, Options { cef_envelope: CefEnvelope::Bsd, ..options });
        assert!(after.starts_with(&format!("<108>Nov 22 10:00:00 {sent} CEF:0|")));
    }
}

#[test]
fn app_name() {
    for format in WITH_HEADER {
        let (_, after) = both(format, Options { app_name: Some("audit tool".to_owned()), ..first() });
        assert_eq!(read5424::parse(after.as_bytes()).unwrap().app_name, Some("audit_tool"));
        let (_, after) = both(format, Options { app_name: Some("y".repeat(60)), ..first() });
        assert_eq!(read5424::parse(after.as_bytes()).unwrap().app_name, Some("y".repeat(48).as_str()));
    }
}

#[test]
fn bom() {
    for format in WITH_HEADER {
        let (before, after) = both(format, Options { bom: true, ..first() });
        assert!(!read5424::parse(before.as_bytes()).unwrap().bom && read5424::parse(after.as_bytes()).unwrap().bom);
        assert_eq!(after.replace('\u{FEFF}', ""), before);
    }
}

#[test]
fn max_bytes() {
    for format in ALL {
        let (before, after) = both(format, Options { max_bytes: Some(600), ..first() });
        assert!(before.len() > 600 && after.len() <= 600);
    }
    let limit = |transport, max_bytes| {
        let options = Options { max_bytes, ..first() };
        let context =
            RenderContext { hostname: "h".to_owned(), instance: "i".to_owned(), project: "default".to_owned() };
        Renderer::new(&crate::connection::ConnectionSpec { transport, ..spec(Format::Cef, options) }, &context)
            .max_bytes()
    };
    assert_eq!(
        (limit(Transport::Udp, None), limit(Transport::Tcp, None), limit(Transport::Tls, None)),
        (2048, 8192, 8192)
    );
    assert_eq!((limit(Transport::Udp, Some(1 << 20)), limit(Transport::Tcp, Some(1 << 20))), (65_507, 1 << 20));
}

#[test]
fn cef_envelope() {
    let (before, after) = both(Format::Cef, Options { cef_envelope: CefEnvelope::Bsd, ..first() });
    assert!(before.starts_with("<108>1 2026-11-22T10:00:00.123Z audit.example.com CEF - - - CEF:0|"));
    assert!(after.starts_with("<108>Nov 22 10:00:00 audit.example.com CEF:0|"));
    let (_, none) = both(Format::Cef, Options { cef_envelope: CefEnvelope::None, ..first() });
    assert!(none.starts_with("CEF:0|"));
    let body = |text: &str| {
        read_cef::parse(text).unwrap().extension.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    assert_eq!((body(&before), body(&after)), (body(&none), body(&none)));
}

#[test]
fn pen() {
    let (before, after) = both(Format::Rfc5424, Options { pen: 4_294_967_295, ..first() });
    assert_eq!(before.replace("[audit@32473 ", "[audit@4294967295 "), after);
}

#[test]
fn format() {
    with_view(full(), |event| {
        let raw = message(&renderer(Format::Rfc5424, first()), event, 1).unwrap().0;
        let cef = message(&renderer(Format::Cef, first()), event, 1).unwrap().0;
        let leef = message(&renderer(Format::Leef, first()), event, 1).unwrap().0;
        let json = message(&renderer(Format::Json, first()), event, 1).unwrap().0;
        for (text, format) in [(raw, None), (cef, Some(0)), (leef, Some(1)), (json, Some(2))] {
            let reads =
                [read_cef::parse(&text).is_ok(), read_leef::parse(&text).is_ok(), read_json::parse(&text).is_ok()];
            assert_eq!(reads.iter().position(|read| *read), format, "{text}");
            assert!(reads.iter().filter(|read| **read).count() <= 1, "{text}");
        }
    });
}

/// The instance tells our own syslog door a message that has come round.
#[test]
fn instance() {
    let context =
        RenderContext { hostname: "h".to_owned(), instance: "a\"]b".to_owned(), project: "default".to_owned() };
    with_view(full(), |event| {
        let text = message(&Renderer::new(&spec(Format::Rfc5424, first()), &context), event, 1).unwrap().0;
        let read = read5424::parse(text.as_bytes()).unwrap();
        assert_eq!(read.element("audit@32473").unwrap().param("instance"), Some("a\"]b"));
    });
}

/// JSON has no header, so nothing of a header shows in it.
#[test]
fn json_has_no_header() {
    let options = Options {
        facility: 1,
        hostname: Some("h".to_owned()),
        app_name: Some("a".to_owned()),
        bom: true,
        pen: 1,
        ..first()
    };
    with_view(full(), |event| {
        let text = |options| message(&renderer(Format::Json, options), event, 5).unwrap().0;
        assert_eq!(text(options), text(first()));
        assert!(text(first()).starts_with("{\"event_id\":"));
    });
}

/// The test message of a connection check is in no log, so it has no place there.
#[test]
fn a_message_outside_the_log_has_no_seq() {
    with_view(full(), |event| {
        let event = EventView { seq: None, ..event.clone() };
        let (raw, _) = message(&renderer(Format::Rfc5424, first()), &event, 0).unwrap();
        let read = read5424::parse(raw.as_bytes()).unwrap();
        let sd = read.element("audit@32473").unwrap();
        assert_eq!((sd.param("seq"), sd.param("n")), (None, Some("0")));
        let (cef, _) = message(&renderer(Format::Cef, first()), &event, 0).unwrap();
        let read = read_cef::parse(&cef).unwrap();
        assert_eq!((read.get("cn2"), read.get("cn2Label"), read.get("cn3")), (None, None, Some("0")));
        let (leef, _) = message(&renderer(Format::Leef, first()), &event, 0).unwrap();
        let read = read_leef::parse(&leef).unwrap();
        assert_eq!((read.get("seq"), read.get("n")), (None, Some("0")));
        let (json, _) = message(&renderer(Format::Json, first()), &event, 0).unwrap();
        let read = read_json::parse(&json).unwrap();
        assert_eq!((read.seq, read.n), (None, 0));
    });
}

#[test]
fn a_replay_is_marked_in_every_format() {
    for format in [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json] {
        with_view(full(), |event| {
            let live = renderer(format, first());
            let replayed = message(&live.clone().for_replay("r-1f00ab"), event, 7).unwrap().0;
            let live = message(&live, event, 7).unwrap().0;
            match format {
                Format::Cef => {
                    assert!(live.contains(" cn3=7 ") && !live.contains("Replay"));
                    assert!(replayed.contains(" cn3=0 cn3Label=DeliveryNumber AuditwireCloudAuditReplay=r-1f00ab "));
                }
                Format::Leef => {
                    assert!(live.contains("^n=7^") && !live.contains("replay"));
                    assert!(replayed.contains("^n=0^replay=r-1f00ab^"));
                }
                Format::Json => {
                    assert!(live.ends_with(",\"n\":7}"));
                    assert!(replayed.ends_with(",\"n\":0,\"replay\":\"r-1f00ab\"}"));
                }
                Format::Rfc5424 => {
                    assert!(live.contains(" n=\"7\" ") && !live.contains("replay"));
                    assert!(replayed.contains(" n=\"0\" replay=\"r-1f00ab\" "));
                }
            }
        });
    }
}
