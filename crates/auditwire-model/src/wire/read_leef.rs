//! A strict reader of LEEF 1.0 and 2.0, written from IBM's guide ("Log Event Extended Format"), that says what is wrong and
//! where. Shares no code with the writer.

mod dictionary;

use super::Problem;

/// One LEEF message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeefMessage<'a> {
    /// What stood before `LEEF:`, as it stood.
    pub envelope: &'a str,
    /// `1.0` or `2.0`.
    pub version: &'a str,
    /// Vendor.
    pub vendor: &'a str,
    /// Product.
    pub product: &'a str,
    /// Version of the product.
    pub product_version: &'a str,
    /// EventID.
    pub event_id: &'a str,
    /// What stands between attributes.
    pub delimiter: char,
    /// Keys and values, in order. No key stands twice.
    pub attributes: Vec<(&'a str, &'a str)>,
}

impl LeefMessage<'_> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(k, _)| *k == key).map(|(_, value)| *value)
    }
}

/// Reads one message without its frame, behind whatever header.
///
/// # Errors
/// [`Problem`] with the first violation of the guide.
pub fn parse(text: &str) -> Result<LeefMessage<'_>, Problem> {
    let start = find(text)?;
    let mut header = Header { text, at: start + "LEEF:".len() };
    let at = header.at;
    let version = header.field()?;
    if !matches!(version, "1.0" | "2.0") {
        return Problem::at(at, format!("the version is '{version}', expected 1.0 or 2.0 (LEEF header)"));
    }
    let [vendor, product, product_version, event_id] = header.named_fields()?;
    let delimiter = if version == "2.0" { header.delimiter()? } else { '\t' };
    if let Some(at) = text.find(|c: char| (c.is_ascii_control()) && c != delimiter) {
        return Problem::at(at, "a control character; a message is one line");
    }
    let attributes = attributes(text, header.at, delimiter)?;
    let attributes = attributes.into_iter().map(|pair| (pair.key, pair.value)).collect();
    Ok(LeefMessage {
        envelope: &text[..start],
        version,
        vendor,
        product,
        product_version,
        event_id,
        delimiter,
        attributes,
    })
}

/// `LEEF:` at the beginning, after a blank or after a byte order mark, with a version behind it.
fn find(text: &str) -> Result<usize, Problem> {
    let begins = |at: &usize| {
        let before = &text[..*at];
        let digit = text[at + "LEEF:".len()..].starts_with(|c: char| c.is_ascii_digit());
        digit && (before.is_empty() || before.ends_with([' ', '\u{FEFF}']))
    };
    match text.match_indices("LEEF:").map(|(at, _)| at).find(begins) {
        Some(at) => Ok(at),
        None => Problem::at(0, "no 'LEEF:' with a version behind it, at the beginning or after a blank (LEEF header)"),
    }
}

struct Header<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Header<'a> {
    /// Up to the next pipe, which is taken. Nothing is unescaped: LEEF has no escapes.
    fn field(&mut self) -> Result<&'a str, Problem> {
        let rest = &self.text[self.at..];
        match rest.split_once('|') {
            Some((field, _)) => {
                self.at += field.len() + 1;
                Ok(field)
            }
            None => {
                Problem::at(self.text.len(), "the header has too few pipes: five, in version 2.0 six (LEEF header)")
            }
        }
    }

    fn named_fields(&mut self) -> Result<[&'a str; 4], Problem> {
        let mut fields = [""; 4];
        let names = [("vendor", 255), ("product", 255), ("product version", 255), ("EventID", 255)];
        for (field, (what, chars_max)) in fields.iter_mut().zip(names) {
            let at = self.at;
            *field = self.field()?;
            let chars = field.chars().count();
            if chars == 0 {
                return Problem::at(at, format!("the {what} is empty"));
            }
            if chars > chars_max {
                return Problem::at(at, format!("the {what} has {chars} characters, at most {chars_max}"));
            }
        }
        Ok(fields)
    }

    /// One character, or `x` or `0x` with up to four hex digits. Version 2.0 may leave it empty: then it is TAB.
    fn delimiter(&mut self) -> Result<char, Problem> {
        let at = self.at;
        let field = self.field()?;
        let mut chars = field.chars();
        let read = match (chars.next(), chars.next()) {
            (None, _) => Some('\t'),
            (Some(one), None) => Some(one),
            _ => {
                let digits = field.strip_prefix("0x").or_else(|| field.strip_prefix('x')).unwrap_or_default();
                let hex = (1..=4).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_hexdigit());
                u32::from_str_radix(digits, 16).ok().filter(|_| hex).and_then(char::from_u32)
            }
        };
        match read {
            Some(delimiter) if !matches!(delimiter, '|' | '=' | '\n' | '\r' | '\0') => Ok(delimiter),
            _ => Problem::at(at, format!("the delimiter is '{field}', expected one character or x and its hex digits")),
        }
    }
}

/// One `key=value` with its place.
struct Pair<'a> {
    at: usize,
    key: &'a str,
    value: &'a str,
}

fn attributes(text: &str, start: usize, delimiter: char) -> Result<Vec<Pair<'_>>, Problem> {
    let mut pairs = Vec::new();
    let mut at = start;
    if start == text.len() {
        return Ok(pairs);
    }
    for attribute in text[start..].split(delimiter) {
        match attribute.split_once('=') {
            Some((key, value)) => pairs.push(Pair { at, key, value }),
            None => {
                return Problem::at(
                    at,
                    "an attribute without '=': they are key=value, and none may hold the delimiter",
                );
            }
        }
        at += attribute.len() + delimiter.len_utf8();
    }
    dictionary::check(&pairs)?;
    Ok(pairs)
}

#[cfg(test)]
mod tests;
