//! axe-core, the checker of accessibility, run in the page.

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
    pub(crate) async fn assert_accessible(&self, page: &str) {
        let found = self.axe().await;
        assert!(found.is_empty(), "{page} is not accessible ({:?}):\n{}", self.options, found.join("\n"));
    }
}

fn violation(found: &Value) -> String {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().replace('\n', "\n      ");
    let mut lines = format!("  {} ({}): {}", text(found, "id"), text(found, "impact"), text(found, "help"));
    for node in found["nodes"].as_array().into_iter().flatten() {
        lines += &format!("\n    {}\n      {}", text(node, "html"), text(node, "failureSummary"));
    }
    lines
}
