//! Finding things on a page as a person does: by the name that is seen or read out.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};

use super::command::{Name, Role};
use super::step::{Not, Step};

/// A page, or a part of it. All steps and questions are its methods.
#[derive(Clone)]
pub(crate) struct View {
    client: Client,
    /// XPath of the part; none means the whole page.
    part: Option<String>,
    /// How long each step may wait.
    patience: Duration,
}

/// What kind of thing a name belongs to.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Buttons, links, tabs, menu items, switches and whatever else is clicked.
    Clickable,
    /// Text inputs, text areas and select boxes.
    Field,
    /// Check boxes and radio buttons.
    Choice,
}

impl Kind {
    /// XPath condition on the element itself.
    fn condition(self) -> &'static str {
        match self {
            Self::Clickable => {
                "(self::button or self::a[@href] or self::summary or self::input[@type='submit' or @type='button' \
                 or @type='reset' or @type='checkbox' or @type='radio'] or @role='button' or @role='link' or @role='tab' \
                 or @role='menuitem' or @role='menuitemradio' or @role='menuitemcheckbox' or @role='option' \
                 or @role='switch')"
            }
            Self::Field => {
                "(self::textarea or self::select or self::input[not(@type='hidden' or @type='submit' or @type='button' \
                 or @type='reset' or @type='checkbox' or @type='radio')] or @role='textbox' or @role='combobox')"
            }
            Self::Choice => "(self::input[@type='checkbox' or @type='radio'] or @role='switch')",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Clickable => "button or link",
            Self::Field => "field",
            Self::Choice => "check box or radio button",
        }
    }
}

impl View {
    pub(super) fn whole(client: Client, patience: Duration) -> Self {
        Self { client, part: None, patience }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The row of a table or list in which this text stands as a whole, be it a cell, a link or a label.
    pub(crate) fn row(&self, text: &str) -> Self {
        let text = literal(text);
        let row = "[self::tr or self::li or @role='row'][1]";
        self.narrowed(&[&format!("//*[normalize-space(.)={text} or @aria-label={text}]/ancestor-or-self::*{row}")])
    }

    /// The section, dialog, form, group or other region with this name, be it a label, a heading or a legend.
    pub(crate) fn part(&self, name: &str) -> Self {
        let name = literal(name);
        let region = "(self::section or self::dialog or self::form or self::fieldset or self::nav or self::table \
                      or self::article or self::aside or self::details or @role)";
        let heading = "(self::h1 or self::h2 or self::h3 or self::legend or self::caption or self::summary)";
        self.narrowed(&[
            &format!("//*[{region} and @aria-label={name}]"),
            &format!("//*[{region} and @aria-labelledby=//*[normalize-space(.)={name}]/@id]"),
            &format!("//*[{heading} and normalize-space(.)={name}]/ancestor::*[{region}][1]"),
        ])
    }

    /// The part with this `id`.
    pub(crate) fn id(&self, id: &str) -> Self {
        self.narrowed(&[&format!("//*[@id={}]", literal(id))])
    }

    /// What any of these steps leads to from here.
    fn narrowed(&self, steps: &[&str]) -> Self {
        let from = self.part.as_deref().unwrap_or_default();
        let paths: Vec<String> = steps.iter().map(|step| format!("{from}{step}")).collect();
        Self { part: Some(format!("({})", paths.join(" | "))), ..self.clone() }
    }

    #[track_caller]
    pub(super) fn step(&self, what: String) -> Step {
        Step::new(&self.client, self.patience, what)
    }

    /// Elements by CSS selector.
    pub(super) async fn css_all(&self, selector: &str) -> Result<Vec<Element>, Not> {
        self.all(Locator::Css(selector)).await
    }

    /// The first of them.
    pub(super) async fn css(&self, selector: &str) -> Result<Element, Not> {
        let first = self.css_all(selector).await?.into_iter().next();
        first.ok_or_else(|| Not::Yet(format!("there is no {selector}")))
    }

    /// The one visible thing of this kind with this name.
    pub(super) async fn named(&self, kind: Kind, name: &str) -> Result<Element, Not> {
        let xpath = format!(".//*[{} and {}]", kind.condition(), may_be_named(name));
        let mut found = Vec::new();
        for element in self.all(Locator::XPath(&xpath)).await? {
            if self.is_named(&element, name).await? {
                found.push(element);
            }
        }
        if found.len() > 1 {
            found = shown(found).await?;
        }
        match (found.len(), found.pop()) {
            (1, Some(element)) => Ok(element),
            (0, _) => {
                Err(Not::Yet(format!("no {} has this name; there are: {}", kind.word(), self.names(kind).await?)))
            }
            (several, _) => Err(Not::Yet(format!("{several} of them have this name; say in which row or part it is"))),
        }
    }

    /// The name of an element as it is read out.
    pub(super) async fn name_of(&self, element: &Element) -> Result<String, Not> {
        let name = self.client.issue_cmd(Name(element.element_id())).await?;
        Ok(one_line(name.as_str().unwrap_or_default()))
    }

    /// The role of an element as it is read out.
    pub(super) async fn role_of(&self, element: &Element) -> Result<String, Not> {
        let role = self.client.issue_cmd(Role(element.element_id())).await?;
        Ok(role.as_str().unwrap_or_default().to_owned())
    }

    /// What is read out, or what stands there: both are what a person would call it.
    async fn is_named(&self, element: &Element, name: &str) -> Result<bool, Not> {
        Ok(self.name_of(element).await? == name || one_line(&element.text().await?) == name)
    }

    /// The names that there are, for the message of a step that failed.
    async fn names(&self, kind: Kind) -> Result<String, Not> {
        let mut names = Vec::new();
        let all = self.all(Locator::XPath(&format!(".//*[{}]", kind.condition()))).await?;
        for element in shown(all).await?.iter().take(40) {
            names.push(format!("{:?}", self.name_of(element).await?));
        }
        Ok(names.join(", "))
    }

    async fn all(&self, search: Locator<'_>) -> Result<Vec<Element>, Not> {
        match self.root().await? {
            None => Ok(self.client.find_all(search).await?),
            Some(part) => Ok(part.find_all(search).await?),
        }
    }

    /// The one visible element that is this part; `None` for the whole page.
    pub(super) async fn root(&self) -> Result<Option<Element>, Not> {
        let Some(xpath) = &self.part else { return Ok(None) };
        let mut found = shown(self.client.find_all(Locator::XPath(xpath)).await?).await?;
        match found.len() {
            1 => Ok(found.pop()),
            several => Err(Not::Yet(format!("{several} rows or parts are so: {xpath}"))),
        }
    }
}

async fn shown(elements: Vec<Element>) -> Result<Vec<Element>, Not> {
    let mut shown = Vec::new();
    for element in elements {
        if element.is_displayed().await? {
            shown.push(element);
        }
    }
    Ok(shown)
}

/// XPath condition that lets through all that could have the name; what it really is called, the browser computes.
fn may_be_named(name: &str) -> String {
    let name = literal(name);
    format!(
        "(contains(normalize-space(.),{name}) or contains(@aria-label,{name}) or @aria-labelledby or @value={name} \
         or @title={name} or @placeholder={name} or .//*[contains(@aria-label,{name}) or contains(@alt,{name})] \
         or @id=//label[contains(normalize-space(.),{name})]/@for \
         or ancestor::label[contains(normalize-space(.),{name})])"
    )
}

/// A string in XPath 1.0, which knows no escapes.
pub(super) fn literal(text: &str) -> String {
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    let parts: Vec<String> = text.split('"').map(|part| format!("\"{part}\"")).collect();
    format!("concat({})", parts.join(",'\"',"))
}

/// Text with every run of white space as one blank, as a page shows it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
