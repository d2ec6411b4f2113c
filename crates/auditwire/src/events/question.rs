//! What the verbs over events ask: the same words for all of them, and a wrong query shown with its place.

use clap::Args;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::client::Client;
use crate::connections::show::text;
use crate::failure::{Failure, Result};
use crate::terminal::escape;

/// What a problem calls the query: of a question, and of a connection's filter.
const QUERY_FIELDS: [&str; 2] = ["q", "filter.query"];
/// Characters of a query that are shown around the place of a mistake.
const AROUND: usize = 60;

/// Which events.
#[derive(Debug, Clone, Args)]
pub(crate) struct QuestionArgs {
    /// Which events, in the search language; several arguments are joined with blanks. Without it: all.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Only events that happened at or after this time: RFC 3339, or relative like now-15m.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only events that happened before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only events of this plane.
    #[arg(long, value_parser = ["control", "data"])]
    plane: Option<String>,
}

impl QuestionArgs {
    /// The query as one text.
    pub(crate) fn query(&self) -> String {
        self.query.join(" ")
    }

    /// Adds the parameters that were given.
    pub(crate) fn ask(&self, request: RequestBuilder) -> RequestBuilder {
        let query = self.query();
        let given =
            [("q", Some(&query).filter(|q| !q.is_empty())), ("from", self.from.as_ref()), ("to", self.to.as_ref())];
        let given = given.into_iter().chain([("plane", self.plane.as_ref())]);
        request.query(&given.filter_map(|(name, value)| Some((name, value?))).collect::<Vec<_>>())
    }
}

/// Sends a request that carries a query. A refusal that blames a place of the query shows the place.
///
/// # Errors
/// See [`Client::send`].
pub(crate) async fn send(client: &Client, request: RequestBuilder, query: &str) -> Result<Response> {
    match client.send_or_problem(request).await? {
        Ok(response) => Ok(response),
        Err((failure, problem)) => Err(Failure { message: explained(failure.message, query, &problem), ..failure }),
    }
}

/// The refusal, and under it the query with a mark under what is wrong.
fn explained(message: String, query: &str, problem: &Value) -> String {
    let number = |key: &str| problem[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let Some(position) = number("position").filter(|_| QUERY_FIELDS.contains(&text(problem, "field"))) else {
        return message;
    };
    let characters: Vec<char> = query.chars().collect();
    let position = position.min(characters.len());
    let (begin, end) = (position.saturating_sub(AROUND), (position + AROUND).min(characters.len()));
    let shown = |from: usize, to: usize| {
        let part: String = characters.get(from..to).unwrap_or_default().iter().collect();
        escape(&part).into_owned()
    };
    let before = if begin > 0 { format!("…{}", shown(begin, position)) } else { shown(0, position) };
    let after = if end < characters.len() { "…" } else { "" };
    let wrong_to = (position + number("length").unwrap_or(1)).min(end);
    let marks = shown(position, wrong_to).chars().count().max(1);
    format!(
        "{message}\n  {before}{}{after}\n  {}{}",
        shown(position, end),
        " ".repeat(before.chars().count()),
        "^".repeat(marks)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mistake_is_marked_under_the_query() {
        let problem = |position: usize, length: usize| json!({"field": "q", "position": position, "length": length});
        let shown = |query: &str, position, length| explained("no".to_owned(), query, &problem(position, length));
        assert_eq!(shown("a = b colour = c", 6, 6), "no\n  a = b colour = c\n        ^^^^^^");
        assert_eq!(shown("вход = ", 7, 0), "no\n  вход = \n         ^");
        assert_eq!(shown("a\n(", 2, 1), "no\n  a\\n(\n     ^");
        assert_eq!(shown("a", 99, 99), "no\n  a\n   ^");
        let long = format!("{}({}", "x".repeat(100), "y".repeat(100));
        let lines: Vec<String> = shown(&long, 100, 1).lines().map(str::to_owned).collect();
        assert_eq!(lines[1], format!("  …{}({}…", "x".repeat(60), "y".repeat(59)));
        assert_eq!(lines[2].chars().position(|c| c == '^'), lines[1].chars().position(|c| c == '('));
        assert_eq!(explained("no".to_owned(), "a", &json!({"field": "from"})), "no");
    }
}
