//! `auditwire connections quarantine`: what was set aside, sending it again, and clearing the list.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Output, show};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::replay::follow;
use crate::terminal::{self, Column, Table, Tone, grouped};

/// Entries of one page at most, as the service has it.
const PAGE: usize = 200;

/// Shows the newest entries.
pub(super) async fn list(client: &Client, id: &str, limit: usize, out: Output) -> Result {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    let answer = loop {
        let room = limit.saturating_sub(entries.len()).clamp(1, PAGE);
        let question = [("limit", room.to_string()), ("cursor", cursor.clone())];
        let request = client.request(Method::GET, &["connections", id, "quarantine"]).query(&question);
        let mut page: Value = client
            .send(request)
            .await?
            .json()
            .await
            .map_err(|e| Failure::caused_by("the service's answer cannot be read", &e))?;
        entries.extend(page["quarantined"].as_array_mut().map(std::mem::take).unwrap_or_default());
        match page["next"].as_str() {
            Some(next) if entries.len() < limit => next.clone_into(&mut cursor),
            _ => break page,
        }
    };
    if out.json {
        let (total, dropped) = (&answer["total"], &answer["dropped"]);
        return Ok(terminal::json(&json!({ "quarantined": entries, "total": total, "dropped": dropped }))?);
    }
    lines(&entries, &answer, out).iter().try_for_each(terminal::line)?;
    Ok(())
}

fn lines(entries: &[Value], answer: &Value, out: Output) -> Vec<String> {
    let count = |key: &str| answer[key].as_u64().unwrap_or(0);
    let mut lines = Vec::new();
    if !entries.is_empty() {
        let column = |title, max, right| Column { title, max, right };
        let mut table = Table::new(vec![
            column("seq", 12, true),
            column("set aside", 20, false),
            column("action", 24, false),
            column("reason", 200, false),
        ]);
        for entry in entries {
            let cell = |key: &str| (show::text(entry, key).to_owned(), None);
            let action =
                entry["action"].as_str().map_or(("(gone)".to_owned(), Some(Tone::Dim)), |a| (a.to_owned(), None));
            table.row(vec![(entry["seq"].to_string(), None), cell("at"), action, cell("reason")]);
        }
        lines.extend(table.lines(out.screen));
    }
    lines.push(match count("total") {
        0 => "nothing is in quarantine".to_owned(),
        total => format!("{} of {} shown", grouped(entries.len() as u64), grouped(total)),
    });
    if count("dropped") > 0 {
        lines.push(format!("{} older entries made room for newer ones", grouped(count("dropped"))));
    }
    lines
}

/// Sends entries again and follows that to its end; null stands for all.
pub(super) async fn resend(client: &Client, id: &str, seqs: &Value, out: Output) -> Result {
    let begun = client.post(&["connections", id, "quarantine", "resend"], Some(&json!({ "seqs": seqs }))).await?;
    follow(client, begun, out).await
}

/// Takes entries off the list; null stands for all.
pub(super) async fn delete(client: &Client, id: &str, seqs: &Value, out: Output) -> Result {
    let answer = client.post(&["connections", id, "quarantine", "delete"], Some(&json!({ "seqs": seqs }))).await?;
    let count = grouped(answer["deleted"].as_u64().unwrap_or(0));
    out.told(&answer, &format!("{count} entries were taken off the list"))
}
