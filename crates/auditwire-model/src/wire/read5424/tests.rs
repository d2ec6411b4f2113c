//! What the reader takes, what it refuses, and where it sees the fault.

use proptest::prelude::*;

use super::*;

fn problem(text: &str) -> (usize, String) {
    match parse(text.as_bytes()) {
        Ok(message) => panic!("{text:?} was read as {message:?}"),
        Err(p) => (p.position, p.message),
    }
}

#[test]
fn reads_every_part() {
    let text = "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 \
                [a@1 x=\"1\" y=\"q\\\"b\\\\c\\]d\\e\" y=\"\"][b z=\"\u{416}\"] \u{FEFF}text ] \" \\";
    let m = parse(text.as_bytes()).unwrap();
    assert_eq!((m.facility, m.severity, m.version), (20, 5, 1));
    assert_eq!(m.timestamp, Some("2003-08-24T05:14:15.000003-07:00"));
    assert_eq!(
        (m.hostname, m.app_name, m.proc_id, m.msg_id),
        (Some("192.0.2.1"), Some("myproc"), Some("8710"), Some("ID47"))
    );
    let a = m.element("a@1").unwrap();
    assert_eq!((a.param("x"), a.param("y"), a.params.len()), (Some("1"), Some(r#"q"b\c]d\e"#), 3));
    assert_eq!(m.element("b").unwrap().param("z"), Some("Ж"));
    assert_eq!((m.msg, m.bom), (Some(&b"text ] \" \\"[..]), true));
}

#[test]
fn tells_absent_from_empty() {
    let m = parse(b"<0>1 - - - - - -").unwrap();
    assert_eq!((m.timestamp, m.hostname, m.elements.len(), m.msg), (None, None, 0, None));
    assert_eq!(parse(b"<0>999 - - - - - - ").unwrap().msg, Some(&b""[..]));
    assert_eq!(parse(b"<0>1 - - - - - - \xFF\x00").unwrap().msg, Some(&b"\xFF\x00"[..]));
}

#[test]
fn names_the_place_of_a_fault() {
    let cases = [
        ("", 0, "the message ends here"),
        ("13>1 - - - - - -", 0, "expected '<'"),
        ("<>1 - - - - - -", 1, "0 to 191"),
        ("<192>1 - - - - - -", 1, "0 to 191"),
        ("<013>1 - - - - - -", 1, "leading zero"),
        ("<13>0 - - - - - -", 4, "VERSION"),
        ("<13>1  - - - - - -", 6, "TIMESTAMP: it ends too early"),
        ("<13>1 - h", 9, "expected ' '"),
        ("<13>1 -  - - - -", 8, "HOSTNAME is empty"),
        ("<13>1 - h\u{f6}st - - - -", 9, "0xC3 in HOSTNAME"),
        ("<13>1 - - - - - x", 16, "expected '-' or '['"),
        ("<13>1 - - - - - -x", 17, "expected ' '"),
        ("<13>1 - - - - - []", 17, "SD-ID"),
        ("<13>1 - - - - - [a x=1]", 21, "in quotes"),
        ("<13>1 - - - - - [a x=\"]\"]", 22, "without a backslash"),
        ("<13>1 - - - - - [a x=\"1\" ]", 25, "PARAM-NAME"),
        ("<13>1 - - - - - [a x=\"1\\\"]", 25, "without a backslash"),
        ("<13>1 - - - - - [a x=\"1", 23, "ends inside"),
        ("<13>1 - - - - - [a][a]", 19, "stands twice"),
    ];
    for (text, position, words) in cases {
        let (at, message) = problem(text);
        assert!(at == position && message.contains(words), "{text:?}: at {at}: {message}");
    }
    let mut bytes = "<13>1 - - - - - - \u{FEFF}ab".as_bytes().to_vec();
    bytes.push(0xFF);
    assert_eq!(parse(&bytes).unwrap_err().position, 23);
}

#[test]
fn takes_only_the_times_of_the_standard() {
    let with = |time: &str| parse(format!("<13>1 {time} - - - - -").as_bytes()).map(|_| ());
    for time in ["2024-02-29T00:00:00Z", "1985-04-12T23:20:50.52Z", "2000-01-01T00:00:00.123456+23:59"] {
        assert_eq!(with(time), Ok(()), "{time}");
    }
    for (time, offset) in [
        ("2023-02-29T00:00:00Z", 8),
        ("2023-13-01T00:00:00Z", 5),
        ("2023-01-01t00:00:00Z", 10),
        ("2023-01-01T24:00:00Z", 11),
        ("2023-01-01T00:00:60Z", 17),
        ("2023-01-01T00:00:00z", 19),
        ("2023-01-01T00:00:00.Z", 20),
        ("2023-01-01T00:00:00.1234567Z", 20),
        ("2023-01-01T00:00:00+0300", 19),
        ("2023-01-01T00:00:00", 19),
        ("2023-1-01T00:00:00Z", 6),
    ] {
        assert_eq!(with(time).unwrap_err().position, 6 + offset, "{time}");
    }
}

#[test]
fn keeps_lengths() {
    for (template, chars_max) in
        [("<1>1 - {} - - - -", 255), ("<1>1 - - {} - - -", 48), ("<1>1 - - - {} - -", 128), ("<1>1 - - - - {} -", 32)]
    {
        let with = |n: usize| parse(template.replace("{}", &"x".repeat(n)).as_bytes()).map(|_| ());
        assert_eq!(with(chars_max), Ok(()), "{template}");
        assert!(with(chars_max + 1).is_err(), "{template}");
    }
}

/// Agrees with a corpus of valid and invalid messages (JSON Lines of `input` and `valid`), if there is one.
#[test]
fn agrees_with_samples() {
    let Some(folder) = std::env::var_os("AUDITWIRE_SAMPLES") else {
        println!("not run: AUDITWIRE_SAMPLES names no folder with samples");
        return;
    };
    let path = std::path::Path::new(&folder).join("syslog/go-syslog/rfc5424_vectors.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("not run: there is no {}", path.display());
        return;
    };
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let read = parse(case["input"].as_str().unwrap().as_bytes());
        assert_eq!(read.is_ok(), case["valid"].as_bool().unwrap(), "{line}: {read:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(start in "(<13>1 (- ){0,5})?", rest in "[-\\[\\]\"\\\\=@ a0.:TZ\u{0}\u{e9}\u{feff}]{0,60}", cut in 0usize..60) {
        let text = start + &rest;
        let bytes = text.as_bytes();
        if let Err(problem) = parse(&bytes[..bytes.len().saturating_sub(cut)]) {
            prop_assert!(problem.position <= bytes.len());
        }
    }
}
