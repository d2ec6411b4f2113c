//! Canonical JSON with line breaks, for people. Nothing else about it changes: names keep their order, numbers their spelling.

/// Puts every member and element on a line of its own. `json` is valid JSON without blanks, as we write it.
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 5 / 4);
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let mut characters = json.chars().peekable();
    while let Some(c) = characters.next() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                if let Some(close) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_on_lines_of_their_own() {
        let json = r#"{"a":"x: {\"y\",\\","n":18446744073709551615,"none":{},"list":["1",[]],"o":{"k":"v"}}"#;
        let expected = r#"{
  "a": "x: {\"y\",\\",
  "n": 18446744073709551615,
  "none": {},
  "list": [
    "1",
    []
  ],
  "o": {
    "k": "v"
  }
}"#;
        assert_eq!(pretty(json), expected);
    }
}
