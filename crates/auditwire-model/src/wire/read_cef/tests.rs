//! What the reader takes, what it refuses, and where it sees the fault.

use proptest::prelude::*;

use super::*;

const HEAD: &str = "CEF:0|Vendor|Product|1|id|Name|5|";

fn problem(extension: &str) -> (usize, String) {
    match parse(&format!("{HEAD}{extension}")) {
        Ok(message) => panic!("{extension:?} was read as {message:?}"),
        Err(p) => (p.position.saturating_sub(HEAD.len()), p.message),
    }
}

#[test]
fn reads_header_and_extension() {
    let m = parse(r"<13>Nov  2 10:00:00 CEF CEF:0|A\|B|P\\|1|a=b|N|Very-High|msg=x|y \\ \=\n\r z cs1=1  cs1Label=L L")
        .unwrap();
    assert_eq!(m.envelope, "<13>Nov  2 10:00:00 CEF ");
    assert_eq!((m.version, m.vendor.as_str(), m.product.as_str()), (0, "A|B", r"P\"));
    assert_eq!((m.class_id.as_str(), m.severity.as_str()), ("a=b", "Very-High"));
    assert_eq!(m.get("msg"), Some("x|y \\ =\n\r z"));
    assert_eq!(m.get("cs1"), Some("1 "));
    assert_eq!(m.get("cs1Label"), Some("L L"));
    assert_eq!(parse(HEAD).unwrap().extension, []);
}

#[test]
fn finds_the_message_in_every_envelope() {
    for envelope in ["", "<13>1 2026-11-22T10:00:00.123Z h CEF - - - ", "\u{FEFF}", "<13>Nov 22 10:00:00 h ", "CEF: "] {
        assert_eq!(parse(&format!("{envelope}{HEAD}act=a")).unwrap().envelope, envelope);
    }
    assert!(parse("<13>1 - h CEF - - - no").unwrap_err().message.contains("no 'CEF:'"));
}

#[test]
fn names_a_fault_of_the_header() {
    let cases = [
        ("CEF:2|V|P|1|i|N|5|", 4, "expected 0 or 1"),
        ("CEF:0|V|P|1|i|N|5", 17, "fewer than seven"),
        ("CEF:0||P|1|i|N|5|", 6, "vendor is empty"),
        (r"CEF:0|V|P\n|1|i|N|5|", 9, "only"),
        ("CEF:0|V|P|1|i|N|11|", 16, "severity"),
        ("CEF:0|V|P|1|i|N|05|", 16, "severity"),
        ("CEF:0|V|P|1|i|N|5|msg=a\nb", 23, "control"),
    ];
    for (text, position, words) in cases {
        let p = parse(text).unwrap_err();
        assert!(p.position == position && p.message.contains(words), "{text}: {p}");
    }
    for (field, chars_max) in [(1, 63), (2, 63), (3, 31), (4, 1023), (5, 512)] {
        let with = |n: usize| {
            let mut fields = ["CEF:0", "V", "P", "1", "i", "N", "5", ""].map(str::to_owned);
            fields[field] = "ж".repeat(n);
            parse(&fields.join("|")).map(|_| ())
        };
        assert_eq!(with(chars_max), Ok(()));
        assert!(with(chars_max + 1).unwrap_err().message.contains("at most"));
    }
}

#[test]
fn names_a_fault_of_the_extension() {
    let cases = [
        ("nothing", 0, "no '='"),
        ("a=b c d==e", 8, "without a key"),
        ("=b", 0, "without a key"),
        (r"msg=a\tb", 5, "escapes in a value"),
        (r"msg=a\", 5, "escapes in a value"),
        ("act=a act=b", 6, "stands twice"),
        ("act= cat=a", 0, "no value"),
        ("cs1=a", 0, "without cs1Label"),
        ("cs1Label=a", 0, "without cs1"),
        ("cs1=a cs1Label=L cs2=b cs2Label=L", 23, "label 'L' stands twice"),
        ("src=::1", 0, "IPv4"),
        ("c6a2=10.0.0.1 c6a2Label=x", 0, "IPv6"),
        ("cn1=1.5 cn1Label=x", 0, "64-bit"),
        ("spt=-1", 0, "2147483647"),
        ("rt=2026-11-22T10:00:00Z", 0, "appendix A"),
        ("eventId=1", 0, "key of consumers"),
        ("reportedResourceID=1", 0, "key of CEF:1"),
        ("smac=0:1:2:3:4:5", 0, "hex digits"),
        ("cfp1=inf cfp1Label=x", 0, "not a number"),
    ];
    for (extension, position, words) in cases {
        let (at, message) = problem(extension);
        assert!(at == position && message.contains(words), "{extension}: at {at}: {message}");
    }
    for (key, chars_max) in [("externalId", 40), ("act", 63), ("dvchost", 100), ("msg", 1023)] {
        assert!(parse(&format!("{HEAD}{key}={}", "ж".repeat(chars_max))).is_ok());
        assert!(problem(&format!("{key}={}", "ж".repeat(chars_max + 1))).1.contains("at most"));
    }
}

#[test]
fn takes_every_form_of_a_time() {
    for time in [
        "0",
        "1795341600123",
        "Nov 22 10:00:00",
        "Nov 22 10:00:00.123 UTC",
        "Nov 22 2026 10:00:00",
        "Nov 22 2026 10:00:00.123 GMT",
    ] {
        assert_eq!(parse(&format!("{HEAD}rt={time}")).unwrap().get("rt"), Some(time));
    }
    for time in ["Nov 32 10:00:00", "Nox 22 10:00:00", "Nov 22 10:00", "Nov 22 10:00:00.12", "99999999999999999999"] {
        assert!(problem(&format!("rt={time}")).1.contains("appendix A"), "{time}");
    }
}

#[test]
fn takes_keys_of_the_producers_own() {
    assert_eq!(parse(&format!("{HEAD}VendorProductThing=a b")).unwrap().get("VendorProductThing"), Some("a b"));
}

proptest! {
    #[test]
    fn never_panics(start in "(CEF:0(\\|a){0,5}\\|5\\|)?", rest in "[|\\\\=: ackmnrs01\u{e9}\u{feff}CEF]{0,60}") {
        let text = start + &rest;
        if let Err(problem) = parse(&text) {
            prop_assert!(problem.position <= text.len());
        }
    }
}
