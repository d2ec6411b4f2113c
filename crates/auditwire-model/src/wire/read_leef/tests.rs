//! What the reader takes, what it refuses, and where it sees the fault.

use proptest::prelude::*;

use super::*;

const HEAD: &str = "LEEF:2.0|Vendor|Product|1|id|^|";

#[test]
fn reads_header_and_attributes() {
    let m = parse("<13>1 - h a - - - LEEF:2.0|A|B \\ C|1|a=b^c|^|src=::1^msg=x|y = z \\^x=1 ").unwrap();
    assert_eq!(m.envelope, "<13>1 - h a - - - ");
    assert_eq!((m.version, m.vendor, m.product, m.product_version), ("2.0", "A", "B \\ C", "1"));
    assert_eq!((m.event_id, m.delimiter), ("a=b^c", '^'));
    assert_eq!(
        (m.get("src"), m.get("msg"), m.get("x"), m.get("y")),
        (Some("::1"), Some("x|y = z \\"), Some("1 "), None)
    );
    assert_eq!(parse(HEAD).unwrap().attributes, []);
}

#[test]
fn knows_every_delimiter() {
    let of = |field: &str, between: &str| {
        let text = format!("LEEF:2.0|V|P|1|i|{field}|a=1{between}b=2");
        parse(&text).map(|m| (m.delimiter, m.get("b").map(str::to_owned)))
    };
    for (field, delimiter) in [
        ("^", '^'),
        ("x5E", '^'),
        ("0x5e", '^'),
        ("", '\t'),
        ("0x09", '\t'),
        ("x0009", '\t'),
        ("ж", 'ж'),
        ("x436", 'ж'),
    ] {
        assert_eq!(of(field, &delimiter.to_string()), Ok((delimiter, Some("2".to_owned()))), "{field}");
    }
    for field in ["ab", "0x", "x00005E", "x5G", "=", "xD800", "x0A"] {
        assert!(of(field, "^").unwrap_err().message.contains("delimiter"), "{field}");
    }
    assert_eq!(parse("LEEF:1.0|V|P|1|i|a=1\tb=^").unwrap().get("b"), Some("^"));
}

#[test]
fn names_a_fault_of_the_header() {
    let cases = [
        ("LEEF:3.0|V|P|1|i|^|", 5, "expected 1.0 or 2.0"),
        ("LEEF:2.0|V|P|1|i", 16, "too few pipes"),
        ("LEEF:2.0|V|P|1|i|^", 18, "too few pipes"),
        ("LEEF:2.0||P|1|i|^|", 9, "vendor is empty"),
        ("LEEF:2.0|V|P|1||^|", 15, "EventID is empty"),
        ("LEEF:2.0|V|P|1|i|^|msg=a\nb", 24, "control"),
        ("<13>1 - h LEEF - - - x", 0, "no 'LEEF:'"),
        ("xLEEF:2.0|V|P|1|i|^|", 0, "no 'LEEF:'"),
    ];
    for (text, position, words) in cases {
        let p = parse(text).unwrap_err();
        assert!(p.position == position && p.message.contains(words), "{text}: {p}");
    }
    let with = |n: usize| parse(&format!("LEEF:2.0|V|P|1|{}|^|", "ж".repeat(n))).map(|_| ());
    assert_eq!(with(255), Ok(()));
    assert!(with(256).unwrap_err().message.contains("at most"));
}

#[test]
fn names_a_fault_of_an_attribute() {
    let cases = [
        ("nothing", 0, "without '='"),
        ("a=b^", 4, "without '='"),
        ("a=b^c^d=e", 4, "without '='"),
        ("=b", 0, "one word"),
        ("a b=c", 0, "one word"),
        ("event_id=c", 0, "one word"),
        ("identMAC=c", 0, "keeps it for itself"),
        ("cat=a^cat=b", 6, "stands twice"),
        ("cat=", 0, "no value"),
        ("src=host", 0, "IPv4 or IPv6"),
        ("srcPort=65536", 0, "a port"),
        ("sev=0", 0, "from 1 to 10"),
        ("sev=05", 0, "from 1 to 10"),
        ("devTime=123", 0, "10 or 13 digits"),
        ("devTime=2026-11-22T10:00:00", 0, "10 or 13 digits"),
        ("dstBytes=-1", 0, "a number"),
        ("srcMAC=0:1:2:3:4:5", 0, "hex digits"),
        ("isLoginEvent=1", 0, "true or false"),
    ];
    for (attributes, position, words) in cases {
        let p = parse(&format!("{HEAD}{attributes}")).unwrap_err();
        assert!(p.position == position + HEAD.len() && p.message.contains(words), "{attributes}: {p}");
    }
    let name = |n: usize| parse(&format!("{HEAD}usrName={}", "ж".repeat(n))).map(|_| ());
    assert_eq!(name(255), Ok(()));
    assert!(name(256).unwrap_err().message.contains("255"));
    assert!(parse(&format!("{HEAD}devTime=Nov 22 10:00^devTimeFormat=MMM dd HH:mm")).is_ok());
}

proptest! {
    #[test]
    fn never_panics(start in "(LEEF:[12]\\.0(\\|a){0,5}\\|(x?[0-9a-f\\^]{0,5})?\\|)?", rest in "[|^\t=: acskmnrt01\u{e9}\u{feff}LEF]{0,60}") {
        let text = start + &rest;
        if let Err(problem) = parse(&text) {
            prop_assert!(problem.position <= text.len());
        }
    }
}
