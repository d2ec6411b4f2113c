//! What a person sees. Questions that begin with a wish (`sees`, `wait`, `absent`) wait for it; the others answer at once.

use fantoccini::Locator;
use serde_json::Value;

use super::find::{Kind, View, one_line};
use super::step::Not;
use super::{Browser, driver};

impl View {
    /// Waits until this text is seen. The options of a select box count as seen, the values of fields do not.
    #[track_caller]
    pub(crate) fn sees(&self, text: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("see {text:?}"));
        async move {
            step.until(async || match self.words().await? {
                words if words.contains(text) => Ok(()),
                words => Err(Not::Yet(format!("what is seen is {words:?}"))),
            })
            .await;
        }
    }

    /// Waits until this text is not seen.
    #[track_caller]
    pub(crate) fn sees_no(&self, text: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("no longer see {text:?}"));
        async move {
            step.until(async || match self.words().await? {
                words if words.contains(text) => Err(Not::Yet(format!("what is seen is {words:?}"))),
                _ => Ok(()),
            })
            .await;
        }
    }

    /// Waits until a CSS selector finds something that is shown.
    #[track_caller]
    pub(crate) fn wait(&self, selector: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("wait for {selector}"));
        async move {
            step.until(async || match self.css(selector).await?.is_displayed().await? {
                true => Ok(()),
                false => Err(Not::Yet("it is not shown".to_owned())),
            })
            .await;
        }
    }

    /// Waits until the text of what a CSS selector finds contains this; gives the text.
    #[track_caller]
    pub(crate) fn wait_text(&self, selector: &str, part: &str) -> impl Future<Output = String> {
        let step = self.step(format!("wait for {part:?} in {selector}"));
        async move {
            step.until(async || match one_line(&self.css(selector).await?.text().await?) {
                text if text.contains(part) => Ok(text),
                text => Err(Not::Yet(format!("its text is {text:?}"))),
            })
            .await
        }
    }

    /// Waits until a CSS selector finds nothing that is shown.
    #[track_caller]
    pub(crate) fn absent(&self, selector: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("wait until {selector} is gone"));
        async move {
            step.until(async || {
                for element in self.css_all(selector).await? {
                    if element.is_displayed().await? {
                        return Err(Not::Yet(format!("it is there: {:?}", one_line(&element.text().await?))));
                    }
                }
                Ok(())
            })
            .await;
        }
    }

    /// The text of the first thing that a CSS selector finds; waits until there is one.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> impl Future<Output = String> {
        let step = self.step(format!("read {selector}"));
        async move { step.until(async || Ok(one_line(&self.css(selector).await?.text().await?))).await }
    }

    /// The texts of all that a CSS selector finds now.
    #[track_caller]
    pub(crate) fn texts(&self, selector: &str) -> impl Future<Output = Vec<String>> {
        let step = self.step(format!("read all {selector}"));
        async move {
            step.until(async || {
                let mut texts = Vec::new();
                for element in self.css_all(selector).await? {
                    texts.push(one_line(&element.text().await?));
                }
                Ok(texts)
            })
            .await
        }
    }

    /// An attribute of the first thing that a CSS selector finds; waits until there is such a thing.
    #[track_caller]
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> impl Future<Output = Option<String>> {
        let step = self.step(format!("read {name} of {selector}"));
        async move { step.until(async || Ok(self.css(selector).await?.attr(name).await?)).await }
    }

    /// The value of the field with this label.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> impl Future<Output = String> {
        let step = self.step(format!("read the field {label:?}"));
        async move {
            step.until(async || Ok(self.named(Kind::Field, label).await?.prop("value").await?.unwrap_or_default()))
                .await
        }
    }

    /// Whether the check box or radio button with this label is chosen.
    #[track_caller]
    pub(crate) fn is_chosen(&self, label: &str) -> impl Future<Output = bool> {
        let step = self.step(format!("read {label:?}"));
        async move { step.until(async || Ok(self.named(Kind::Choice, label).await?.is_selected().await?)).await }
    }

    /// What has the focus, as it is read out: `button "Save"`; `nothing` when it is the page itself.
    #[track_caller]
    pub(crate) fn focused(&self) -> impl Future<Output = String> {
        let step = self.step("find what has the focus".to_owned());
        async move {
            step.until(async || {
                let element = self.client().active_element().await?;
                if element.tag_name().await? == "body" {
                    return Ok("nothing".to_owned());
                }
                Ok(format!("{} {:?}", self.role_of(&element).await?, self.name_of(&element).await?))
            })
            .await
        }
    }

    /// Everything that is seen here, as one line.
    async fn words(&self) -> Result<String, Not> {
        let element = match self.root().await? {
            Some(part) => part,
            None => self.client().find(Locator::Css("body")).await?,
        };
        // Not `text()`: WebDriver counts what stands in a `<noscript>` as hidden even where scripts are off.
        Ok(one_line(&element.prop("innerText").await?.unwrap_or_default()))
    }
}

impl Browser {
    /// Waits until the address, without the origin, begins with this and its page is whole, script and all; gives the address.
    #[track_caller]
    pub(crate) fn comes_to(&self, path: &str) -> impl Future<Output = String> {
        let step = self.step(format!("come to {path}"));
        async move {
            step.until(async || match self.path_now().await? {
                now if now.starts_with(path) => match self.client().execute(WHOLE, Vec::new()).await? {
                    Value::Bool(true) => Ok(now),
                    _ => Err(Not::Yet(format!("{now} is still being loaded"))),
                },
                now => Err(Not::Yet(format!("it is {now}"))),
            })
            .await
        }
    }

    /// The address without the origin: path, query and fragment.
    #[track_caller]
    pub(crate) fn path(&self) -> impl Future<Output = String> {
        let step = self.step("read the address".to_owned());
        async move { step.until(async || self.path_now().await).await }
    }

    /// The page as it is now.
    #[track_caller]
    pub(crate) fn html(&self) -> impl Future<Output = String> {
        let step = self.step("read the page".to_owned());
        async move { step.until(async || Ok(self.client().source().await?)).await }
    }

    /// The title of the page.
    #[track_caller]
    pub(crate) fn title(&self) -> impl Future<Output = String> {
        let step = self.step("read the title".to_owned());
        async move { step.until(async || Ok(self.client().title().await?)).await }
    }

    /// Runs a function body in the page, also where the page's own scripts are off.
    pub(crate) async fn execute(&self, script: &str) -> Value {
        self.client().execute(script, Vec::new()).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// The value of a cookie that the page's origin has set.
    pub(crate) async fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.client().get_all_cookies().await.unwrap();
        cookies.iter().find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// Forgets all cookies, as a person does who signs out by force.
    pub(crate) async fn forget_cookies(&self) {
        self.client().delete_all_cookies().await.unwrap();
    }

    /// What the page's "copy" put on the clipboard.
    pub(crate) async fn clipboard(&self) -> String {
        let text = self.execute("return navigator.clipboard.readText()").await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until a file has been downloaded; gives its name and its bytes, and takes it away.
    #[track_caller]
    pub(crate) fn downloaded(&self) -> impl Future<Output = (String, Vec<u8>)> {
        let step = self.step("wait for a download".to_owned());
        async move { step.until(async || driver::take_download(&self.driver.downloads()).map_err(Not::Yet)).await }
    }

    async fn path_now(&self) -> Result<String, Not> {
        let url = self.client().current_url().await?.to_string();
        Ok(url.strip_prefix(&self.origin).unwrap_or(&url).to_owned())
    }
}

/// Scripts with `defer` have not run before that.
const WHOLE: &str = "return document.readyState === 'complete'";
