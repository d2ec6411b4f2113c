//! `auditwire connections list --all-projects`: every project's connections, those that are not well first.

use serde_json::Value;

use super::{Output, now, table};
use crate::client::Client;
use crate::failure::Result;
use crate::terminal;

/// Connections asked for at once.
const PAGE: &str = "200";

/// Prints all pages; for programs each page as the API gave it.
pub(super) async fn list(client: &Client, status: Option<&str>, text: Option<&str>, out: Output) -> Result {
    let mut connections = Vec::new();
    let mut cursor = None::<String>;
    let totals = loop {
        let given = [("status", status), ("text", text), ("cursor", cursor.as_deref()), ("limit", Some(PAGE))];
        let query: Vec<(&str, &str)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let page = client.get_global(&["connections"], &query).await?;
        if out.json {
            terminal::json(&page)?;
        } else {
            connections.extend(page["connections"].as_array().cloned().unwrap_or_default());
        }
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break page["totals"].clone();
        }
    };
    if out.json {
        return Ok(());
    }
    terminal::line(summary(&totals))?;
    if connections.is_empty() {
        return Ok(terminal::line("no connection is like that")?);
    }
    Ok(table::of_all(&connections, now(), out.screen).iter().try_for_each(terminal::line)?)
}

/// Of all projects, also when only some connections are asked for.
fn summary(totals: &Value) -> String {
    let count = |status: &str| format!("{} {status}", terminal::grouped(totals[status].as_u64().unwrap_or(0)));
    ["failing", "degraded", "active", "inactive"].map(count).join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_line_counts() {
        let totals = json!({"failing": 3, "degraded": 0, "active": 1_200, "inactive": 12});
        assert_eq!(summary(&totals), "3 failing, 0 degraded, 1,200 active, 12 inactive");
    }
}
