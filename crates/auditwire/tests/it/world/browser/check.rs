//! Whether everyone can use a page: axe-core's rules, the way of the focus, the room on a small screen, the bytes to load.

use std::panic::Location;

use serde_json::{Value, json};

use super::Browser;
use crate::world::given;

/// The rules: WCAG 2.0 to 2.2, A and AA, and what axe calls best practice.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

impl Browser {
    /// What axe finds wrong with the page as it is now, one paragraph per rule.
    ///
    /// Empty where the page's JavaScript is off, and (said aloud) where this run does without axe.
    pub(crate) async fn axe(&self) -> Vec<String> {
        if !self.options.javascript {
            return Vec::new();
        }
        let Some(path) = given("AUDITWIRE_TEST_AXE", "axe-core") else { return Vec::new() };
        // WebDriver's scripts are not the page's: the content policy does not stop them, and needs no hole for them.
        self.execute(&std::fs::read_to_string(path).unwrap()).await;
        let options = json!({ "runOnly": { "type": "tag", "values": TAGS }, "resultTypes": ["violations"] });
        let found = self.execute(&format!("return axe.run(document, {options}).then(r => r.violations)")).await;
        found.as_array().unwrap().iter().map(violation).collect()
    }

    /// Fails the test when axe finds anything wrong with the page as it is now.
    #[track_caller]
    pub(crate) fn assert_accessible(&self, page: &str) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            let found = self.axe().await;
            assert!(found.is_empty(), "{at}: {page} is not accessible ({:?}):\n{}", self.options, found.join("\n"));
        }
    }

    /// Fails the test when the page is wider than the window, and names what reaches out of it.
    #[track_caller]
    pub(crate) fn assert_fits(&self, page: &str) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            let wide = self.execute(WIDER).await;
            assert_eq!(wide, Value::Null, "{at}: {page} is wider than {}", self.options.width);
        }
    }

    /// Presses Tab from the top of the page to its end; gives all that had the focus on the way, as
    /// [`focused`](super::View::focused) tells it. Fails the test where the focus cannot be seen.
    #[track_caller]
    pub(crate) fn tab_stops(&self) -> impl Future<Output = Vec<String>> {
        let at = Location::caller();
        async move {
            self.execute(TO_THE_TOP).await;
            let mut stops = Vec::new();
            loop {
                self.press("Tab").await;
                let focused = self.focused().await;
                if focused == "nothing" {
                    return stops;
                }
                assert_eq!(self.execute(FOCUS_SHOWN).await, true, "{at}: nobody sees that {focused} has the focus");
                stops.push(focused);
                assert!(stops.len() < 1000, "{at}: Tab never comes to the end of the page: {stops:?}");
            }
        }
    }

    /// Bytes that the page and all that it needed took on the network, heads included.
    pub(crate) async fn transferred(&self) -> u64 {
        self.execute(TRANSFERRED).await.as_u64().unwrap()
    }
}

/// What reaches furthest out of the window, unless the page as a whole does not.
const WIDER: &str = "
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > width);
    return wide.slice(0, 5).map(e => e.outerHTML.slice(0, 120));";

/// Blurring would not do: Tab goes on from where the focus was, as on a page with a field that has it from the beginning.
const TO_THE_TOP: &str = "
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');";

/// An outline, a shadow, or something drawn by the element around it.
const FOCUS_SHOWN: &str = "
    const drawn = e => {
        const style = getComputedStyle(e);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
    };
    const focused = document.activeElement;
    return drawn(focused) || drawn(focused.parentElement);";

const TRANSFERRED: &str = "
    const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return loaded.reduce((sum, entry) => sum + entry.transferSize, 0);";

fn violation(found: &Value) -> String {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().replace('\n', "\n      ");
    let mut lines = format!("  {} ({}): {}", text(found, "id"), text(found, "impact"), text(found, "help"));
    for node in found["nodes"].as_array().into_iter().flatten() {
        lines += &format!("\n    {}\n      {}", text(node, "html"), text(node, "failureSummary"));
    }
    lines
}
