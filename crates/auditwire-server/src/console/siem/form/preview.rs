//! What the filter and the format that are entered just now would do: how much of the last day would be sent, and the exact
//! messages of the latest events; for a connection of the first mapping each of them in both mappings side by side.

use askama::Template;
use auditwire_engine::connections::{self, Preview, PreviewMessage};
use auditwire_model::connection::Mapping;

use super::mistakes::text;
use super::values::Values;
use crate::api::Problem;
use crate::console::visible::visible_bytes;
use crate::console::who::InProject;
use crate::console::words::Words;

/// What stands below the filters after the button was pressed.
#[derive(Template)]
#[template(path = "siem/form_preview.html")]
pub(super) struct Shown {
    words: Words,
    /// How many would be sent; or why there is no preview.
    told: String,
    wrong: bool,
    messages: Vec<Message>,
}

struct Message {
    seq: String,
    url: String,
    /// As it would be sent; or with the first mapping and with the second one.
    sides: Vec<Side>,
}

/// One event in one mapping.
struct Side {
    /// Which, where there are two.
    mapping: Option<u8>,
    /// With everything visible that is not; or why there is none. True is what the other side has not.
    pieces: Vec<(String, bool)>,
    size: Option<String>,
    truncated: bool,
}

impl Shown {
    /// Asks the engine; `compared`: for both mappings.
    ///
    /// # Errors
    /// What is no mistake in the form.
    pub(super) async fn load(by: &InProject, values: &Values, compared: bool) -> Result<Self, Problem> {
        let body = values.preview_json(compared).to_string();
        let words = by.words();
        match connections::preview(by.engine(), by.caller(), &by.project.id, body.as_bytes()).await {
            Ok(preview) => Ok(Self::of(by, &preview, values)),
            Err(error) if error.field.is_some() || error.query.is_some() => {
                Ok(Self { words, told: text(words, &error), wrong: true, messages: Vec::new() })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of(by: &InProject, preview: &Preview, values: &Values) -> Self {
        let words = by.words();
        let key = if preview.exact { "form-preview-sends" } else { "form-preview-sends-partial" };
        let told = words.with_all(key, &[("n", preview.matched.to_string()), ("total", words.number(preview.total))]);
        let messages = preview.messages.iter().map(|message| Message::of(by, message, &values.mapping)).collect();
        Self { words, told, wrong: false, messages }
    }
}

impl Message {
    fn of(by: &InProject, message: &PreviewMessage, chosen: &str) -> Self {
        let words = by.words();
        let mut sides = vec![Side::of(words, &message.message, message.truncated)];
        if let Some(other) = &message.other {
            sides.push(Side::of(words, &other.message, other.truncated));
            // The first mapping stands first, whichever was chosen.
            let chosen = if chosen == "1" { Mapping::First } else { Mapping::Second };
            for (side, mapping) in sides.iter_mut().zip([chosen, other.mapping]) {
                side.mapping = Some(mapping.into());
            }
            sides.sort_by_key(|side| side.mapping);
            mark_differences(&mut sides);
        }
        Self { seq: message.seq.to_string(), url: by.urls().event(message.seq), sides }
    }
}

impl Side {
    fn of(words: Words, message: &Result<Vec<u8>, String>, truncated: bool) -> Self {
        let (text, size) = match message {
            Ok(bytes) => (visible_bytes(bytes), Some(words.count("form-preview-bytes", bytes.len() as u64))),
            Err(why) => (why.clone(), None),
        };
        Self { mapping: None, pieces: vec![(text, false)], size, truncated }
    }

    fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// Marks what one side has and the other has not, by the pieces that the formats put between blanks and carets.
fn mark_differences(sides: &mut [Side]) {
    let texts: Vec<String> = sides.iter().map(Side::text).collect();
    let [one, two] = texts.as_slice() else { return };
    for (side, other) in sides.iter_mut().zip([two, one]) {
        let theirs: std::collections::HashSet<&str> = pieces(other).map(str::trim_end).collect();
        let mut marked: Vec<(String, bool)> = Vec::new();
        for piece in pieces(&side.text()) {
            let differs = !theirs.contains(piece.trim_end());
            match marked.last_mut() {
                Some((text, marks)) if *marks == differs => text.push_str(piece),
                _ => marked.push((piece.to_owned(), differs)),
            }
        }
        side.pieces = marked;
    }
}

/// The text in pieces, each with what ends it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '^', '|', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(text: &str) -> Side {
        Side { mapping: None, pieces: vec![(text.to_owned(), false)], size: None, truncated: false }
    }

    #[test]
    fn what_only_one_side_has_is_marked() {
        let mut sides =
            [side("LEEF:2.0|A|1|cat=iam^src=10.0.0.1^msg=x"), side("LEEF:2.0|A|2|cat=iam.failure^src=10.0.0.1^msg=x")];
        mark_differences(&mut sides);
        let marked = |side: &Side| -> Vec<String> {
            side.pieces.iter().filter(|(_, marks)| *marks).map(|(text, _)| text.clone()).collect()
        };
        assert_eq!(marked(&sides[0]), ["1|cat=iam^"]);
        assert_eq!(marked(&sides[1]), ["2|cat=iam.failure^"]);
        assert_eq!(sides[1].text(), "LEEF:2.0|A|2|cat=iam.failure^src=10.0.0.1^msg=x");
    }
}
