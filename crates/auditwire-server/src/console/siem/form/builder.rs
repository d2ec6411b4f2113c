//! Rows of parameter, operator and value that write the text of a query: what most filters need, without knowing the language.

use auditwire_model::query::{Expr, Field, Op, Value, parse};

use crate::console::form::Form;

/// So many rows are read; a query of more is written by hand.
const ROWS_MAX: usize = 32;
/// What the language calls presence; it has no value.
const EXIST: &str = "EXIST";
/// The operators, with the keys of their names.
pub(super) const OPERATORS: [(&str, &str); 8] = [
    ("=", "form-op-equal"),
    ("<>", "form-op-not-equal"),
    (":", "form-op-contains"),
    (">", "form-op-greater"),
    (">=", "form-op-greater-or-equal"),
    ("<", "form-op-less"),
    ("<=", "form-op-less-or-equal"),
    (EXIST, "form-op-exist"),
];

/// One row; all of them hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    pub(super) field: String,
    pub(super) op: String,
    pub(super) value: String,
}

/// The rows of a query, and an empty one to go on; none when it is more than comparisons joined by AND, or wrong.
pub(super) fn rows(query: &str) -> Option<Vec<Row>> {
    let terms = match parse(query, None).ok()?.expr {
        Expr::All => Vec::new(),
        Expr::And(terms) => terms,
        term => vec![term],
    };
    let mut rows: Vec<Row> = terms.into_iter().map(row).collect::<Option<_>>()?;
    if rows.len() > ROWS_MAX {
        return None;
    }
    rows.push(Row { op: "=".to_owned(), ..Row::default() });
    Some(rows)
}

fn row(term: Expr) -> Option<Row> {
    match term {
        Expr::Compare(field, op, value) => {
            let value = match value {
                Value::Text(text) => text,
                Value::Severity(severity) => severity.as_str().to_owned(),
                Value::Time(time) => time.to_string(),
            };
            Some(Row { field: field.to_string(), op: sign(op).to_owned(), value })
        }
        Expr::Exists(field) => Some(Row { field: field.to_string(), op: EXIST.to_owned(), value: String::new() }),
        _ => None,
    }
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Equal => "=",
        Op::NotEqual => "<>",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
        Op::Contains => ":",
    }
}

/// The query that the rows of a form say. What is wrong in one of them is told of the query.
pub(super) fn query(form: &Form) -> String {
    let (fields, ops, values) = (form.all("row_field"), form.all("row_op"), form.all("row_value"));
    let rows = fields.zip(ops).zip(values).take(ROWS_MAX + 1);
    let terms = rows.filter(|((field, _), _)| !field.trim().is_empty()).map(|((field, op), value)| {
        let field = field.trim();
        let name = name(field);
        match OPERATORS.iter().find(|(sign, _)| *sign == op).map_or("=", |(sign, _)| *sign) {
            EXIST => format!("{name} {EXIST}"),
            sign => format!("{name} {sign} {}", Value::Text(value.trim().to_owned())),
        }
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

/// A parameter as the language writes it; also a metadata key that nobody has quoted. What is none stays as it is.
fn name(field: &str) -> String {
    let written = parse(&format!("{field} {EXIST}"), None).map(|parsed| parsed.expr);
    match written {
        Ok(Expr::Exists(field)) => field.to_string(),
        _ => Field::parse(field).map_or_else(|| field.to_owned(), |known| known.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(rows: &[Row]) -> Form {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for Row { field, op, value } in rows {
            body.append_pair("row_field", field).append_pair("row_op", op).append_pair("row_value", value);
        }
        Form::parse(body.finish().as_bytes())
    }

    #[test]
    fn rows_and_their_query_say_the_same() {
        for text in [
            "",
            "action = \"create-vm\"",
            "severity >= ERROR AND source.id <> iam AND message : \"a \\\"b\\\"\"",
            "resource.metadata.\"a/b c\" EXIST AND timestamp > \"2026-11-22T10:00:00Z\"",
        ] {
            let rows = rows(text).expect("are rows");
            assert_eq!(rows.last().map(|row| row.field.as_str()), Some(""));
            assert_eq!(query(&form(&rows)), text);
        }
        for more in ["a word", "action = a OR action = b", "NOT action = a", "action ="] {
            assert_eq!(rows(more), None, "{more}");
        }
    }

    #[test]
    fn what_is_typed_into_a_row_is_a_value() {
        let row = |field: &str, op: &str, value: &str| Row { field: field.into(), op: op.into(), value: value.into() };
        let told = query(&form(&[row(" action ", "=", "x OR y"), row("", "=", "lost"), row("sorce.id", "!", "1")]));
        assert_eq!(told, "action = \"x OR y\" AND sorce.id = 1");
        assert_eq!(query(&Form::default()), "");
    }
}
