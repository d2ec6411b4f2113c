//! A strict reader of RFC 5424 that says what is wrong and where. Shares no code with the writer.

mod timestamp;

use std::borrow::Cow;

use super::Problem;

/// One message. Everything is borrowed; `None` is the NILVALUE `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// 0–23.
    pub facility: u8,
    /// 0 (emergency) to 7 (debug).
    pub severity: u8,
    /// 1–999.
    pub version: u16,
    /// As written; a valid RFC 3339 time that `Timestamp::parse` reads if the year is in its range.
    pub timestamp: Option<&'a str>,
    /// 1–255 characters `!`–`~`, as all the names that follow.
    pub hostname: Option<&'a str>,
    /// At most 48 characters.
    pub app_name: Option<&'a str>,
    /// At most 128 characters.
    pub proc_id: Option<&'a str>,
    /// At most 32 characters.
    pub msg_id: Option<&'a str>,
    /// Structured data; empty for `-`.
    pub elements: Vec<Element<'a>>,
    /// What follows the structured data, without the byte order mark. `None` when nothing does.
    pub msg: Option<&'a [u8]>,
    /// True when a byte order mark stood before `msg`; then `msg` is UTF-8.
    pub bom: bool,
}

/// One SD-ELEMENT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'a> {
    /// SD-ID.
    pub id: &'a str,
    /// Names and unescaped values, in order. A name may repeat.
    pub params: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Message<'a> {
    /// The element with this SD-ID.
    #[must_use]
    pub fn element(&self, id: &str) -> Option<&Element<'a>> {
        self.elements.iter().find(|e| e.id == id)
    }
}

impl Element<'_> {
    /// The first value of a parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_ref())
    }
}

/// Reads one message without its frame.
///
/// # Errors
/// [`Problem`] with the first violation of RFC 5424 section 6.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Problem> {
    let mut reader = Reader { bytes, at: 0 };
    let priority = reader.priority()?;
    let version = reader.version()?;
    reader.blank("VERSION")?;
    let timestamp = reader.timestamp()?;
    reader.blank("TIMESTAMP")?;
    let mut names = [None; 4];
    for (name, (what, chars_max)) in
        names.iter_mut().zip([("HOSTNAME", 255), ("APP-NAME", 48), ("PROCID", 128), ("MSGID", 32)])
    {
        *name = reader.name(what, chars_max)?;
        reader.blank(what)?;
    }
    let elements = reader.structured_data()?;
    let (msg, bom) = reader.message()?;
    let [hostname, app_name, proc_id, msg_id] = names;
    Ok(Message {
        facility: priority / 8,
        severity: priority % 8,
        version,
        timestamp,
        hostname,
        app_name,
        proc_id,
        msg_id,
        elements,
        msg,
        bom,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    #[cold]
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Problem> {
        Problem::at(self.at, message)
    }

    /// What stands here, for a message.
    fn found(&self) -> String {
        match self.peek() {
            None => "the message ends here".to_owned(),
            Some(c @ b' '..=b'~') => format!("found '{}'", char::from(c)),
            Some(c) => format!("found byte 0x{c:02X}"),
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8, rule: &str) -> Result<(), Problem> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        self.fail(format!("{}, expected '{}': {rule}", self.found(), char::from(wanted)))
    }

    fn blank(&mut self, after: &str) -> Result<(), Problem> {
        if self.peek() == Some(b' ') {
            self.at += 1;
            return Ok(());
        }
        self.expect(b' ', &format!("one blank follows {after} (section 6)"))
    }

    /// Bytes from here up to the first that `end` names, which is not taken.
    fn until(&mut self, end: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&c| end(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn priority(&mut self) -> Result<u8, Problem> {
        self.expect(b'<', "a message begins with '<' and PRIVAL (section 6.2.1)")?;
        let start = self.at;
        let digits = self.until(|c| !c.is_ascii_digit());
        if digits.len() > 1 && digits[0] == b'0' {
            return Problem::at(start, "PRIVAL has a leading zero (section 6.2.1)");
        }
        let value = decimal(digits).filter(|&v| v <= 191);
        let Some(value) = value.and_then(|v| u8::try_from(v).ok()) else {
            return Problem::at(start, "PRIVAL is not a number from 0 to 191 (section 6.2.1)");
        };
        self.expect(b'>', "PRIVAL is at most three digits and ends with '>' (section 6.2.1)")?;
        Ok(value)
    }

    fn version(&mut self) -> Result<u16, Problem> {
        let start = self.at;
        let digits = self.until(|c| !c.is_ascii_digit());
        let valid = matches!(digits.len(), 1..=3) && digits[0] != b'0';
        match decimal(digits) {
            Some(version) if valid => Ok(version),
            _ => Problem::at(start, "VERSION is not one to three digits that begin with 1-9 (section 6.2.2)"),
        }
    }

    fn timestamp(&mut self) -> Result<Option<&'a str>, Problem> {
        let start = self.at;
        let text = self.until(|c| c == b' ');
        if text == b"-" {
            return Ok(None);
        }
        match timestamp::check(text) {
            Ok(text) => Ok(Some(text)),
            Err((offset, message)) => Problem::at(start + offset, format!("TIMESTAMP: {message} (section 6.2.3)")),
        }
    }

    /// HOSTNAME, APP-NAME, PROCID or MSGID.
    fn name(&mut self, what: &str, chars_max: usize) -> Result<Option<&'a str>, Problem> {
        let start = self.at;
        let text = self.until(|c| !matches!(c, b'!'..=b'~'));
        if text.is_empty() {
            return self.fail(format!("{what} is empty; an unknown one is written '-' (section 6.2)"));
        }
        if !matches!(self.peek(), Some(b' ') | None) {
            return self.fail(format!("{} in {what}, which is printable ASCII (section 6.2)", self.found()));
        }
        if text.len() > chars_max {
            return Problem::at(start, format!("{what} has {} characters, at most {chars_max}", text.len()));
        }
        Ok(utf8(text).filter(|t| *t != "-"))
    }

    fn structured_data(&mut self) -> Result<Vec<Element<'a>>, Problem> {
        let mut elements: Vec<Element<'a>> = Vec::new();
        if self.peek() == Some(b'-') {
            self.at += 1;
            return Ok(elements);
        }
        if self.peek() != Some(b'[') {
            return self.fail(format!("{}, expected '-' or '[': STRUCTURED-DATA (section 6.3)", self.found()));
        }
        while self.peek() == Some(b'[') {
            let start = self.at;
            let element = self.element()?;
            if elements.iter().any(|e| e.id == element.id) {
                return Problem::at(start, format!("SD-ID {} stands twice in one message (section 6.3.2)", element.id));
            }
            elements.push(element);
        }
        Ok(elements)
    }

    fn element(&mut self) -> Result<Element<'a>, Problem> {
        self.expect(b'[', "an SD-ELEMENT begins with '[' (section 6.3.1)")?;
        let id = self.sd_name("SD-ID")?;
        let mut params = Vec::new();
        while self.peek() == Some(b' ') {
            self.at += 1;
            let name = self.sd_name("PARAM-NAME")?;
            self.expect(b'=', "'=' follows a PARAM-NAME (section 6.3.3)")?;
            self.expect(b'"', "a PARAM-VALUE stands in quotes (section 6.3.3)")?;
            params.push((name, self.value()?));
        }
        self.expect(b']', "an SD-ELEMENT ends with ']' right after its last value (section 6.3.1)")?;
        Ok(Element { id, params })
    }

    fn sd_name(&mut self, what: &str) -> Result<&'a str, Problem> {
        let start = self.at;
        let text = self.until(|c| !matches!(c, b'!'..=b'~') || matches!(c, b'=' | b']' | b'"'));
        match utf8(text) {
            Some(name) if matches!(name.len(), 1..=32) => Ok(name),
            _ => {
                let rule = "1 to 32 printable ASCII characters without '=', ']' and '\"' (section 6.3.2)";
                Problem::at(start, format!("{what} has {} characters, expected {rule}", text.len()))
            }
        }
    }

    /// Up to the closing quote, which is taken. Only `\"`, `\\` and `\]` are escapes; before anything else a
    /// backslash is itself (section 6.3.3).
    fn value(&mut self) -> Result<Cow<'a, str>, Problem> {
        let start = self.at;
        let mut unescaped = None;
        loop {
            match self.rest() {
                [b'\\', mark @ (b'"' | b'\\' | b']'), ..] => {
                    let text = unescaped.get_or_insert_with(|| self.bytes[start..self.at].to_vec());
                    text.push(*mark);
                    self.at += 2;
                    continue;
                }
                [b'"', ..] => break,
                [b']', ..] => return self.fail("']' in a PARAM-VALUE without a backslash before it (section 6.3.3)"),
                [] => return self.fail("the message ends inside a PARAM-VALUE"),
                [first, rest @ ..] => {
                    // What follows up to the next of the three marks is plain, and so is a backslash before anything else.
                    let plain = memchr::memchr3(b'\\', b'"', b']', rest).unwrap_or(rest.len());
                    if let Some(text) = &mut unescaped {
                        text.push(*first);
                        text.extend_from_slice(&rest[..plain]);
                    }
                    self.at += 1 + plain;
                }
            }
        }
        let end = self.at;
        self.at += 1;
        let text = match unescaped {
            Some(text) => String::from_utf8(text).ok().map(Cow::Owned),
            None => utf8(&self.bytes[start..end]).map(Cow::Borrowed),
        };
        text.map_or_else(|| Problem::at(start, "a PARAM-VALUE is not UTF-8 (section 6.3.3)"), Ok)
    }

    fn message(&mut self) -> Result<(Option<&'a [u8]>, bool), Problem> {
        if self.at == self.bytes.len() {
            return Ok((None, false));
        }
        self.expect(b' ', "a blank separates STRUCTURED-DATA and MSG (section 6)")?;
        let Some(text) = self.rest().strip_prefix(b"\xEF\xBB\xBF") else {
            return Ok((Some(self.rest()), false));
        };
        match std::str::from_utf8(text) {
            Ok(_) => Ok((Some(text), true)),
            Err(e) => {
                let position = self.at + 3 + e.valid_up_to();
                Problem::at(position, "MSG begins with a byte order mark but is not UTF-8 (section 6.4)")
            }
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u16> {
    utf8(digits)?.parse().ok()
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
