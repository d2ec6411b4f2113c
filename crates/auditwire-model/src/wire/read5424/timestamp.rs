//! The profile of RFC 3339 that RFC 5424 section 6.2.3 allows.

/// `text` if it is such a time; else the offset of the fault and what it is.
pub(super) fn check(text: &[u8]) -> Result<&str, (usize, String)> {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    for (at, &wanted) in shape.iter().enumerate() {
        match text.get(at) {
            None => return Err((at, "it ends too early".to_owned())),
            Some(c) if wanted == b'd' && c.is_ascii_digit() => {}
            Some(&c) if wanted == c => {}
            Some(_) if wanted == b'd' => return Err((at, "a digit is missing".to_owned())),
            Some(_) => return Err((at, format!("expected '{}'", char::from(wanted)))),
        }
    }
    let two = |at: usize| u32::from(text[at] - b'0') * 10 + u32::from(text[at + 1] - b'0');
    let year = two(0) * 100 + two(2);
    let limits = [(5, 1, 12, "month"), (11, 0, 23, "hour"), (14, 0, 59, "minute"), (17, 0, 59, "second")];
    for (at, low, high, what) in limits {
        if !(low..=high).contains(&two(at)) {
            return Err((at, format!("the {what} is not between {low:02} and {high}")));
        }
    }
    if !(1..=days(year, two(5))).contains(&two(8)) {
        return Err((8, "the month has no such day".to_owned()));
    }
    let zone = fraction(text, shape.len())?;
    zone_offset(text, zone)?;
    std::str::from_utf8(text).map_err(|e| (e.valid_up_to(), "it is not text".to_owned()))
}

/// Where the zone begins.
fn fraction(text: &[u8], at: usize) -> Result<usize, (usize, String)> {
    if text.get(at) != Some(&b'.') {
        return Ok(at);
    }
    let digits = text[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    if (1..=6).contains(&digits) {
        Ok(at + 1 + digits)
    } else {
        Err((at + 1, format!("{digits} fraction digits, expected 1 to 6")))
    }
}

fn zone_offset(text: &[u8], at: usize) -> Result<(), (usize, String)> {
    match &text[at..] {
        [b'Z'] => Ok(()),
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let two = |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'));
            let valid = two(h1, h2).is_some_and(|h| h <= 23) && two(m1, m2).is_some_and(|m| m <= 59);
            if valid { Ok(()) } else { Err((at, "the offset is not between -23:59 and +23:59".to_owned())) }
        }
        _ => Err((at, "expected 'Z' or an offset such as +03:00 at the end".to_owned())),
    }
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
