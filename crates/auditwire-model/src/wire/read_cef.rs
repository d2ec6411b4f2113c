//! A strict reader of CEF, written from the CEF Implementation Standard (document version 27), that says what is wrong
//! and where. Shares no code with the writer.

mod dictionary;

use super::Problem;

/// One CEF message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CefMessage<'a> {
    /// What stood before `CEF:`, as it stood.
    pub envelope: &'a str,
    /// 0, or 1 for revision 1.x of the standard.
    pub version: u32,
    /// Device Vendor, unescaped, as all header fields that follow.
    pub vendor: String,
    /// Device Product.
    pub product: String,
    /// Device Version.
    pub device_version: String,
    /// Device Event Class ID.
    pub class_id: String,
    /// Name.
    pub name: String,
    /// 0–10, or one of the standard's words.
    pub severity: String,
    /// Keys and unescaped values, in order. No key stands twice.
    pub extension: Vec<(&'a str, String)>,
}

impl CefMessage<'_> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.extension.iter().find(|(k, _)| *k == key).map(|(_, value)| value.as_str())
    }
}

/// Reads one message without its frame, in whatever envelope.
///
/// # Errors
/// [`Problem`] with the first violation of the standard.
pub fn parse(text: &str) -> Result<CefMessage<'_>, Problem> {
    read(text, false)
}

/// As [`parse`], of a sender that is set to put IPv6 addresses where the standard has IPv4: `src`, `dst`, `dvc`.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_ipv6(text: &str) -> Result<CefMessage<'_>, Problem> {
    read(text, true)
}

fn read(text: &str, ipv6: bool) -> Result<CefMessage<'_>, Problem> {
    if let Some(at) = text.bytes().position(|c| c < 0x20 || c == 0x7F) {
        return Problem::at(at, "a control character; CEF is one line and escapes line ends (chapter 1)");
    }
    let start = find(text)?;
    let mut header = Header { text, at: start + "CEF:".len() };
    let at = header.at;
    let version = match header.field()?.as_str() {
        "0" => 0,
        "1" => 1,
        other => return Problem::at(at, format!("the version is '{other}', expected 0 or 1 (chapter 1)")),
    };
    let [vendor, product, device_version, class_id, name] = header.named_fields()?;
    let severity = header.severity()?;
    let extension = extension(text, header.at)?;
    dictionary::check(&extension, version, ipv6)?;
    let extension = extension.into_iter().map(|pair| (pair.key, pair.value)).collect();
    Ok(CefMessage {
        envelope: &text[..start],
        version,
        vendor,
        product,
        device_version,
        class_id,
        name,
        severity,
        extension,
    })
}

/// `CEF:` at the beginning, after a blank or after a byte order mark, with a version behind it. (The APP-NAME `CEF` has
/// no colon.)
fn find(text: &str) -> Result<usize, Problem> {
    let begins = |at: &usize| {
        let before = &text[..*at];
        let digit = text[at + "CEF:".len()..].starts_with(|c: char| c.is_ascii_digit());
        digit && (before.is_empty() || before.ends_with([' ', '\u{FEFF}']))
    };
    match text.match_indices("CEF:").map(|(at, _)| at).find(begins) {
        Some(at) => Ok(at),
        None => Problem::at(0, "no 'CEF:' with a version behind it, at the beginning or after a blank (chapter 1)"),
    }
}

struct Header<'a> {
    text: &'a str,
    at: usize,
}

impl Header<'_> {
    /// Up to the next pipe, which is taken, unescaped.
    fn field(&mut self) -> Result<String, Problem> {
        let mut field = String::new();
        let mut chars = self.text[self.at..].char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '|' => {
                    self.at += offset + 1;
                    return Ok(field);
                }
                '\\' => match chars.next() {
                    Some((_, mark @ ('\\' | '|'))) => field.push(mark),
                    _ => return Problem::at(self.at + offset, r"only \\ and \| are escapes in the header (chapter 1)"),
                },
                _ => field.push(c),
            }
        }
        Problem::at(self.text.len(), "the header has fewer than seven pipes (chapter 1)")
    }

    fn named_fields(&mut self) -> Result<[String; 5], Problem> {
        let rules = [("vendor", 63), ("product", 63), ("version", 31), ("event class id", 1023), ("name", 512)];
        let mut fields = <[String; 5]>::default();
        for (field, (what, chars_max)) in fields.iter_mut().zip(rules) {
            let at = self.at;
            *field = self.field()?;
            let chars = field.chars().count();
            if chars == 0 {
                return Problem::at(at, format!("the device {what} is empty"));
            }
            if chars > chars_max {
                return Problem::at(at, format!("the device {what} has {chars} characters, at most {chars_max}"));
            }
        }
        Ok(fields)
    }

    fn severity(&mut self) -> Result<String, Problem> {
        let at = self.at;
        let severity = self.field()?;
        let word = matches!(severity.as_str(), "Unknown" | "Low" | "Medium" | "High" | "Very-High");
        let number = severity.parse::<u8>().is_ok_and(|s| s <= 10 && s.to_string() == severity);
        if word || number {
            return Ok(severity);
        }
        Problem::at(at, "the severity is neither 0 to 10 nor Unknown, Low, Medium, High, Very-High (chapter 1)")
    }
}

/// One `key=value` with its place.
struct Pair<'a> {
    at: usize,
    key: &'a str,
    value: String,
}

/// Pairs separated by one blank. A value runs to the blank before the next key, so blanks beyond that one are its own.
fn extension(text: &str, start: usize) -> Result<Vec<Pair<'_>>, Problem> {
    let mut pairs = Vec::new();
    if start == text.len() {
        return Ok(pairs);
    }
    let mut key = key_before(text, start, next_equals(text, start)?)?;
    loop {
        let from = key.end + 1;
        let next = match next_equals(text, from) {
            Ok(equals) => Some(key_before(text, from, equals)?),
            Err(_) => None,
        };
        let to = next.as_ref().map_or(text.len(), |n| n.start.saturating_sub(1).max(from));
        pairs.push(Pair { at: key.start, key: &text[key.start..key.end], value: unescape(text, from, to)? });
        match next {
            Some(next) => key = next,
            None => return Ok(pairs),
        }
    }
}

/// The next `=` without a backslash that escapes it.
fn next_equals(text: &str, from: usize) -> Result<usize, Problem> {
    let mut escaped = false;
    for (offset, byte) in text.as_bytes()[from..].iter().enumerate() {
        match byte {
            b'=' if !escaped => return Ok(from + offset),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Problem::at(from, "the extension has no '=': it is key=value pairs (chapter 1)")
}

/// The key that ends at `equals`; it begins the extension or follows a blank.
fn key_before(text: &str, from: usize, equals: usize) -> Result<std::ops::Range<usize>, Problem> {
    let bytes = text.as_bytes();
    let length = bytes[from..equals].iter().rev().take_while(|c| c.is_ascii_alphanumeric()).count();
    let start = equals - length;
    let opens = start > from && bytes[start - 1] == b' ' || start == from && bytes[from - 1] == b'|';
    if length > 0 && opens {
        return Ok(start..equals);
    }
    Problem::at(equals, r"'=' without a key before it; inside a value it is written \= (chapter 1)")
}

fn unescape(text: &str, from: usize, to: usize) -> Result<String, Problem> {
    let mut value = String::new();
    let mut chars = text[from..to].char_indices();
    while let Some((offset, c)) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some((_, mark @ ('\\' | '='))) => value.push(mark),
            Some((_, 'n')) => value.push('\n'),
            Some((_, 'r')) => value.push('\r'),
            _ => return Problem::at(from + offset, r"only \\, \=, \n and \r are escapes in a value (chapter 1)"),
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
