//! What the filter and the format that are entered just now would do: how much of the last day would be sent, and the exact
//! messages of the latest events.

use askama::Template;
use auditwire_engine::connections::{self, Preview, PreviewMessage};

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
    /// With everything visible that is not; or why there is none.
    text: String,
    size: Option<String>,
    truncated: bool,
}

impl Shown {
    /// Asks the engine.
    ///
    /// # Errors
    /// What is no mistake in the form.
    pub(super) async fn load(by: &InProject, values: &Values) -> Result<Self, Problem> {
        let body = values.preview_json().to_string();
        let words = by.words();
        match connections::preview(by.engine(), by.caller(), &by.project.id, body.as_bytes()).await {
            Ok(preview) => Ok(Self::of(by, &preview)),
            Err(error) if error.field.is_some() || error.query.is_some() => {
                Ok(Self { words, told: text(words, &error), wrong: true, messages: Vec::new() })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of(by: &InProject, preview: &Preview) -> Self {
        let words = by.words();
        let key = if preview.exact { "form-preview-sends" } else { "form-preview-sends-partial" };
        let told = words.with_all(key, &[("n", preview.matched.to_string()), ("total", words.number(preview.total))]);
        let messages = preview.messages.iter().map(|message| Message::of(by, message)).collect();
        Self { words, told, wrong: false, messages }
    }
}

impl Message {
    fn of(by: &InProject, message: &PreviewMessage) -> Self {
        let words = by.words();
        let (text, size) = match &message.message {
            Ok(bytes) => (visible_bytes(bytes), Some(words.count("form-preview-bytes", bytes.len() as u64))),
            Err(why) => (why.clone(), None),
        };
        let url = by.urls().event(message.seq);
        Self { seq: message.seq.to_string(), url, text, size, truncated: message.truncated }
    }
}
