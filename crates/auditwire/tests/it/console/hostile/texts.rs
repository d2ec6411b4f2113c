//! Texts that try to be more than text, and for each a twin of the same length that does not.

use serde_json::{Value, json};

/// Markup, script, templates, addresses, controls, text that runs the other way, and letters that pile up.
pub(super) const TEXTS: [&str; 16] = [
    "<script>window.owned=1;document.title='owned'</script>",
    "\"><img src=x onerror=\"window.owned=1\">",
    "'><svg/onload=window.owned=1>",
    "</bdi></td></tr></table></pre></title></textarea></main><h1 id=owned>owned</h1>",
    "<a href=\"javascript:window.owned=1\" autofocus onfocus=window.owned=1>owned</a>",
    "<iframe srcdoc=\"<script>parent.owned=1</script>\"></iframe><meta http-equiv=refresh content=\"0;url=//owned.example\">",
    "javascript:window.owned=1//",
    "{{7*7}}${7*7}<%=7*7%>{% raw %}{ $name }%s%n../../..",
    "&lt;script&gt;window.owned=1&lt;/script&gt;&#x3c;b&#x3e;&amp;",
    "invoice\u{202e}fdp.exe\u{2066}\u{202d}\u{200f}",
    "nul\u{0}bell\u{7}escape\u{1b}[31;1mred\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}",
    "one\r\nid: 99\r\ndata: <b>two</b>\r\n\r\nthree\ttab\u{2028}line\u{85}",
    "שלום עולם، مرحبا بالعالم \u{200f}(!)",
    "👩‍👩‍👧‍👦🏳️‍🌈🇦🇶 a\u{fe0f}\u{e0041}\u{e007f}",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}\u{30c}\u{30d}\u{30e}\u{30f}\u{310}\u{311}\u{312}\u{313}",
    "=cmd|'/c calc'!A0\u{feff}\u{ad}\u{200b}\u{2060}",
];

/// Bytes of the longest word.
const WORD: usize = 64 << 10;

/// A word of 64 KiB without a blank, that cannot be packed.
pub(super) fn word(seed: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789<&";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = std::iter::repeat_with(|| {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(LETTERS[usize::try_from(state >> 58).unwrap()])
    });
    letter.take(WORD).collect()
}

/// An event whose every field is this text.
pub(super) fn every_field(text: &str, n: usize) -> Value {
    let text = &format!("{text}{n}");
    let end = (0..=text.len().min(120)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    json!({
        "event_id": format!("{n}{}", &text[..end]), "action": text, "message": text, "request_id": text,
        "source": { "id": text, "address": text }, "labels": [text, format!("{text}2")],
        "subject": { "user_id": text, "address": text, "project_id": text, "metadata": { "name": text, text: text } },
        "resource": { "id": text, "type": text, "metadata": { text: text } },
        "status": { "code": text, "message": text },
    })
}

/// Events of one kind: every text in every field, and the words, as many in an event as it may hold.
pub(super) fn events(plane: &str) -> Vec<Value> {
    let mut events: Vec<Value> = TEXTS.iter().enumerate().map(|(n, text)| every_field(text, n)).collect();
    let word = |n| word(n);
    events.extend([
        json!({ "event_id": "w1", "action": word(1), "message": word(2), "source": { "id": word(3) } }),
        json!({ "event_id": "w2", "action": "w", "subject": { "user_id": word(4), "address": word(5) }, "resource": { "id": word(6) } }),
        json!({ "event_id": "w3", "action": "w", "resource": { "type": word(7) }, "status": { "code": word(8), "message": word(9) } }),
        json!({ "event_id": "w4", "action": "w", "subject": { "metadata": { word(10): word(11) } }, "labels": [word(12)] }),
    ]);
    for event in &mut events {
        event["plane"] = plane.into();
        // The ids of the two planes differ: one that comes again with other contents would be told by an event of the service.
        event["event_id"] = format!("{}{}", &plane[..1], event["event_id"].as_str().unwrap()).into();
    }
    events
}

/// The same events with harmless letters in the place of each text: as long, and as different from the others.
pub(super) fn twins(events: &[Value]) -> Vec<Value> {
    events.iter().zip(1..).map(|(event, n)| twin(event, n * 1000)).collect()
}

fn twin(event: &Value, first: u32) -> Value {
    fn text(of: &str, number: &mut u32) -> String {
        *number += 1;
        let number = number.to_string();
        format!("{number}{}", "a".repeat(of.len().saturating_sub(number.len())))
    }
    fn value(of: &Value, number: &mut u32) -> Value {
        match of {
            Value::String(of) => text(of, number).into(),
            Value::Array(of) => of.iter().map(|of| value(of, number)).collect(),
            Value::Object(of) => of.iter().map(|(key, of)| (key.clone(), value(of, number))).collect(),
            other => other.clone(),
        }
    }
    let mut number = first;
    let mut twin = value(event, &mut number);
    twin["plane"] = event["plane"].clone();
    // As with the hostile ones, only the id tells the planes apart.
    let (plane, id) = (event["plane"].as_str().unwrap(), twin["event_id"].as_str().unwrap());
    twin["event_id"] = format!("{}{}", &plane[..1], id.strip_suffix('a').unwrap_or(id)).into();
    for side in ["subject", "resource"] {
        let Some(metadata) = twin[side]["metadata"].as_object_mut() else { continue };
        let own: Vec<String> = metadata.keys().filter(|key| *key != "name").cloned().collect();
        for key in own {
            let value = metadata.remove(&key).unwrap();
            metadata.insert(text(&key, &mut number), value);
        }
    }
    twin
}
