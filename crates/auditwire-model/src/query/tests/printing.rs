//! Printing, and that what is printed reads back as the same.

use proptest::prelude::*;

use super::any::{any_expr, any_text, canonical};
use crate::event::columns;
use crate::event::testing::time;
use crate::query::{Expr, Field, Op, Value, parse};

#[test]
fn prints_as_people_write() {
    let text = |expr: &Expr| expr.to_string();
    let is = |column, value: &str| Expr::Compare(Field::Column(column), Op::Equal, Value::Text(value.to_owned()));
    assert_eq!(text(&Expr::All), "");
    assert_eq!(text(&is(columns::SOURCE_ID, "iam")), "source.id = iam");
    assert_eq!(text(&is(columns::STATUS_CODE, "404")), "status.code = 404");
    for (value, printed) in [
        ("user-signin", "\"user-signin\""),
        ("", "\"\""),
        ("Or", "\"Or\""),
        ("вход", "\"вход\""),
        ("4xx", "\"4xx\""),
        ("a\"b\\c'", "\"a\\\"b\\\\c'\""),
        ("a_1", "a_1"),
    ] {
        assert_eq!(text(&is(columns::ACTION, value)), format!("action = {printed}"));
        assert_eq!(text(&Expr::Word(value.to_owned())), printed);
    }
    let key = Field::ResourceMetadata("authorization.k8s.io/decision".to_owned());
    assert_eq!(key.name(), "resource.metadata.\"authorization.k8s.io/decision\"");
    assert_eq!(text(&Expr::Exists(key)), "resource.metadata.\"authorization.k8s.io/decision\" EXIST");
    let either = Expr::Or(vec![is(columns::PLANE, "data"), is(columns::OUTCOME, "failure")]);
    let both = Expr::And(vec![either.clone(), Expr::Not(Box::new(either)), Expr::Not(Box::new(is(columns::SEQ, "1")))]);
    assert_eq!(
        text(&both),
        "(plane = data OR outcome = failure) AND NOT (plane = data OR outcome = failure) AND NOT seq = 1"
    );
    let since =
        Expr::Compare(Field::Column(columns::TIMESTAMP), Op::GreaterOrEqual, Value::Time(time("2026-11-22T10:00:00Z")));
    assert_eq!(text(&since), "timestamp >= \"2026-11-22T10:00:00Z\"");
}

proptest! {
    #[test]
    fn printed_expressions_read_back(expr in any_expr()) {
        if let Some(expr) = canonical(expr) {
            let printed = expr.to_string();
            // A filter is stored without a now, so no printed text may need one.
            prop_assert_eq!(parse(&printed, None).map(|parsed| parsed.expr), Ok(expr), "{}", printed);
        }
    }

    #[test]
    fn texts_survive_being_printed(text in any_text()) {
        let now = time("2026-11-22T10:00:00Z");
        match parse(&text, Some(now)) {
            Ok(parsed) => {
                let printed = parsed.expr.to_string();
                prop_assert_eq!(parse(&printed, None).map(|parsed| parsed.expr), Ok(parsed.expr), "{} {}", text, printed);
            }
            // Random values do not always fit the type of their parameter.
            Err(error) => prop_assert!(["query_bad_value", "query_bad_operator"].contains(&error.code), "{text} {error:?}"),
        }
    }
}
