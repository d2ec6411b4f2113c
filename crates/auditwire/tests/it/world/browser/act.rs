//! What a person does: click, type, choose, press keys.

use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use serde_json::json;

use super::command::DevTools;
use super::find::{Kind, View, one_line};
use super::step::Not;

/// From this length on text is pasted; below it is typed, key by key.
const PASTED: usize = 200;

impl View {
    /// Clicks the button, link, tab, menu item, check box … with this name.
    #[track_caller]
    pub(crate) fn click(&self, name: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("click {name:?}"));
        async move { step.until(async || self.click_on(&self.named(Kind::Clickable, name).await?).await).await }
    }

    /// Clicks what a CSS selector finds, for the few things that have no name.
    #[track_caller]
    pub(crate) fn click_css(&self, selector: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("click {selector}"));
        async move { step.until(async || self.click_on(&self.css(selector).await?).await).await }
    }

    /// Makes this the value of the field with this label. Short text is typed, long text is pasted.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, value: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("fill {label:?}"));
        async move {
            step.until(async || {
                let field = self.named(Kind::Field, label).await?;
                self.enter(&field, value).await?;
                match field.prop("value").await? {
                    Some(now) if now == value => Ok(()),
                    now => Err(Not::Yet(format!("it has the value {now:?}"))),
                }
            })
            .await;
        }
    }

    /// Chooses an option, by its text, in the select box with this label.
    #[track_caller]
    pub(crate) fn select(&self, label: &str, option: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("select {option:?} in {label:?}"));
        async move {
            step.until(async || {
                let field = self.named(Kind::Field, label).await?;
                for candidate in field.find_all(fantoccini::Locator::Css("option")).await? {
                    // Not `text()`: the options of a closed box are not shown.
                    if one_line(&candidate.prop("label").await?.unwrap_or_default()) == option {
                        candidate.click().await?;
                        return Ok(());
                    }
                }
                Err(Not::Yet("there is no such option".to_owned()))
            })
            .await;
        }
    }

    /// Chooses the radio button, or ticks the check box, with this label.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("choose {label:?}"));
        async move { step.until(async || self.set(label, true).await).await }
    }

    /// Unticks the check box with this label.
    #[track_caller]
    pub(crate) fn untick(&self, label: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("untick {label:?}"));
        async move { step.until(async || self.set(label, false).await).await }
    }

    /// Gives a file to the file input with this label.
    #[track_caller]
    pub(crate) fn attach(&self, label: &str, file: &std::path::Path) -> impl Future<Output = ()> {
        let step = self.step(format!("attach a file to {label:?}"));
        async move {
            step.until(async || Ok(self.named(Kind::Field, label).await?.send_keys(file.to_str().unwrap()).await?))
                .await;
        }
    }

    /// Presses keys where the focus is: `Tab`, `Shift+Tab`, `Enter`, `Escape`, `Space`, `ArrowDown`, `Control+a`, `x`.
    pub(crate) async fn press(&self, keys: &str) {
        let held: Vec<char> = keys.split('+').map(key).collect();
        let down = held.iter().map(|value| KeyAction::Down { value: *value });
        let up = held.iter().rev().map(|value| KeyAction::Up { value: *value });
        self.keys(down.chain(up)).await;
    }

    /// Types text where the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        let pressed = text.chars().flat_map(|value| [KeyAction::Down { value }, KeyAction::Up { value }]);
        self.keys(pressed).await;
    }

    /// Presses Tab until the focus is on the thing with this name, as one without a mouse gets there.
    #[track_caller]
    pub(crate) fn tab_to(&self, name: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let mut passed = Vec::new();
            while passed.len() < 100 {
                self.press("Tab").await;
                let focused = self.focused().await;
                if focused.split_once(' ').is_some_and(|(_, n)| n == format!("{name:?}")) {
                    return;
                }
                passed.push(focused);
            }
            panic!("{at}: Tab never comes to {name:?}; it came to {}", passed.join(", "));
        }
    }

    /// Presses the mouse button on what a CSS selector finds, moves, and lets go: from one place in it to another, in parts of
    /// its width and height.
    #[track_caller]
    pub(crate) fn drag(&self, selector: &str, from: (f64, f64), to: (f64, f64)) -> impl Future<Output = ()> {
        let step = self.step(format!("drag in {selector}"));
        async move {
            step.until(async || {
                let element = serde_json::to_value(self.css(selector).await?).unwrap();
                let script = "arguments[0].scrollIntoView({ block: 'center' }); \
                    const r = arguments[0].getBoundingClientRect(); return [r.left, r.top, r.width, r.height]";
                let place = self.client().execute(script, vec![element]).await?;
                let side = |n: usize| place[n].as_f64().unwrap();
                let at = |(x, y): (f64, f64)| (side(0) + side(2) * x, side(1) + side(3) * y);
                let go = |(x, y): (f64, f64)| PointerAction::MoveTo { duration: Some(Duration::from_millis(50)), x, y };
                let drag = MouseActions::new("mouse".to_owned())
                    .then(go(at(from)))
                    .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                    .then(go(at(to)))
                    .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
                Ok(self.client().perform_actions(drag).await?)
            })
            .await;
        }
    }

    async fn keys(&self, actions: impl Iterator<Item = KeyAction>) {
        let none = KeyActions::new("keyboard".to_owned()).pause(Duration::ZERO);
        let all = actions.fold(none, |keys, action| keys.then(action));
        self.client().perform_actions(all).await.unwrap();
    }

    async fn enter(&self, field: &Element, value: &str) -> Result<(), Not> {
        let kind = field.prop("type").await?.unwrap_or_default();
        if ["date", "time", "datetime-local", "month", "week"].contains(&kind.as_str()) {
            // Its segments take keys in an order that depends on the language; a calendar that is clicked does this.
            let script = "arguments[0].value = arguments[1]; \
                ['input', 'change'].forEach(e => arguments[0].dispatchEvent(new Event(e, { bubbles: true })))";
            let field = serde_json::to_value(field).unwrap();
            self.client().execute(script, vec![field, value.into()]).await?;
            return Ok(());
        }
        field.clear().await?;
        if value.len() < PASTED && !value.contains('\n') {
            return Ok(field.send_keys(value).await?);
        }
        field.click().await?;
        let params = json!({ "text": value });
        self.client().issue_cmd(DevTools { command: "Input.insertText", params }).await?;
        Ok(())
    }

    async fn set(&self, label: &str, wanted: bool) -> Result<(), Not> {
        let choice = self.named(Kind::Choice, label).await?;
        if choice.is_selected().await? != wanted {
            self.click_on(&choice).await?;
        }
        match choice.is_selected().await? {
            now if now == wanted => Ok(()),
            _ => Err(Not::Yet("the click did not change it".to_owned())),
        }
    }

    async fn click_on(&self, element: &Element) -> Result<(), Not> {
        let clicked = element.click().await.map_err(Not::from);
        if let Err(Not::Yet(_)) = &clicked {
            // It may lie under a bar that stays at the window's edge; in the middle it does not.
            let element = serde_json::to_value(element).unwrap();
            self.client().execute("arguments[0].scrollIntoView({ block: 'center' })", vec![element]).await?;
        }
        clicked
    }
}

fn key(name: &str) -> char {
    let key = match name {
        "Tab" => Key::Tab,
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "Backspace" => Key::Backspace,
        "Delete" => Key::Delete,
        "Home" => Key::Home,
        "End" => Key::End,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "ArrowLeft" => Key::Left,
        "ArrowRight" => Key::Right,
        "Shift" => Key::Shift,
        "Control" => Key::Control,
        "Alt" => Key::Alt,
        "Space" => return ' ',
        other => {
            let mut letters = other.chars();
            return letters.next().filter(|_| letters.next().is_none()).unwrap_or_else(|| panic!("no key {other:?}"));
        }
    };
    char::from(key)
}
