//! What one comparison means for one text, by the type of its field.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;

use super::expr::Op;
use super::fold::Needle;

/// How a field's values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As text.
    Text,
    /// As numbers when both sides are integers, else as text.
    Number,
    /// `=` compares addresses and takes a CIDR as "inside"; the rest is text.
    Address,
}

/// A comparison of texts, made ready for many of them. `<>` is not among them: it is the negation of `=`.
#[derive(Debug)]
pub(super) enum TextTest<'v> {
    Equal(&'v str),
    Address(IpAddr),
    Inside(IpNet),
    Contains(Box<Needle>),
    Order { op: Op, value: &'v str, integer: Option<Integer<'v>> },
}

impl<'v> TextTest<'v> {
    pub(super) fn new(op: Op, value: &'v str, kind: Kind) -> Self {
        match op {
            Op::Contains => Self::Contains(Box::new(Needle::new(value))),
            Op::Equal | Op::NotEqual if kind == Kind::Address => {
                let address = value.parse().map(|address: IpAddr| Self::Address(address.to_canonical()));
                let network = || value.parse().map(Self::Inside);
                address.or_else(|_| network()).unwrap_or(Self::Equal(value))
            }
            Op::Equal | Op::NotEqual => Self::Equal(value),
            Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
                let integer = if kind == Kind::Number { Integer::parse(value) } else { None };
                Self::Order { op, value, integer }
            }
        }
    }

    /// True if `text` passes. `buffer` is scratch space.
    pub(super) fn passes(&self, text: &str, buffer: &mut String) -> bool {
        match self {
            Self::Equal(value) => text == *value,
            Self::Address(address) => text.parse().is_ok_and(|given: IpAddr| given.to_canonical() == *address),
            Self::Inside(network) => text
                .parse()
                .is_ok_and(|given: IpAddr| network.contains(&given) || network.contains(&given.to_canonical())),
            Self::Contains(needle) => needle.is_in(text, buffer),
            Self::Order { op, value, integer } => {
                let numbers = integer.as_ref().and_then(|integer| Some((Integer::parse(text)?, integer)));
                let order = numbers.map_or_else(|| text.cmp(value), |(given, integer)| given.cmp(integer));
                holds(*op, order)
            }
        }
    }
}

/// True if `left op right` holds when `left` compares to `right` like this. `:` never does: it is no order.
pub(super) fn holds(op: Op, order: Ordering) -> bool {
    match op {
        Op::Equal => order.is_eq(),
        Op::NotEqual => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        Op::Contains => false,
    }
}

/// An integer of any length: an optional minus and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer<'t> {
    negative: bool,
    /// Without leading zeros; empty for zero.
    digits: &'t str,
}

impl<'t> Integer<'t> {
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        Some(Self { negative: negative && !digits.is_empty(), digits })
    }

    /// As a number; what is too large stays beyond every position.
    pub(super) fn saturating(self) -> i128 {
        let size = if self.digits.is_empty() { 0 } else { self.digits.parse().unwrap_or(i128::MAX) };
        if self.negative { -size } else { size }
    }
}

impl Ord for Integer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |one: &Self, two: &Self| one.digits.len().cmp(&two.digits.len()).then(one.digits.cmp(two.digits));
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Integer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passes(text: &str, op: Op, value: &str, kind: Kind) -> bool {
        TextTest::new(op, value, kind).passes(text, &mut String::new())
    }

    #[test]
    fn addresses_compare_as_addresses() {
        for (text, value) in [
            ("2001:db8::5", "2001:0DB8:0:0::5"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("10.0.0.7", "::ffff:10.0.0.7"),
            ("10.0.0.7", "10.0.0.0/8"),
            ("10.0.0.7", "10.1.2.3/8"),
            ("::ffff:10.0.0.7", "10.0.0.0/8"),
            ("::ffff:10.0.0.7", "::ffff:0:0/96"),
            ("2001:db8::5", "2001:db8::/32"),
            ("0.0.0.0", "0.0.0.0/0"),
            ("vm-1", "vm-1"),
            ("10.0.0.300", "10.0.0.300"),
        ] {
            assert!(passes(text, Op::Equal, value, Kind::Address), "{text} {value}");
        }
        for (text, value) in [
            ("10.0.0.70", "10.0.0.7"),
            ("11.0.0.1", "10.0.0.0/8"),
            ("::1", "0.0.0.0/0"),
            ("VM-1", "vm-1"),
            ("", "0.0.0.0/0"),
        ] {
            assert!(!passes(text, Op::Equal, value, Kind::Address), "{text} {value}");
        }
        assert!(!passes("10.0.0.7", Op::Equal, "10.0.0.0/8", Kind::Text));
        assert!(passes("10.0.0.7", Op::Contains, "10.0", Kind::Address));
    }

    #[test]
    fn equality_is_textual() {
        assert!(!passes("0404", Op::Equal, "404", Kind::Number));
        assert!(!passes("A", Op::Equal, "a", Kind::Text));
    }

    #[test]
    fn order_is_numeric_only_between_integers() {
        assert!(passes("99", Op::Less, "404", Kind::Number));
        assert!(!passes("99", Op::Less, "404", Kind::Text));
        assert!(passes("42P01", Op::Greater, "400", Kind::Number));
        assert!(passes("9", Op::Greater, "40a", Kind::Number));
        assert!(passes("-1", Op::Less, "0", Kind::Number));
        assert!(passes("007", Op::LessOrEqual, "7", Kind::Number));
        assert!(passes("7", Op::GreaterOrEqual, "-0", Kind::Number));
        assert!(passes("123456789012345678901234567890", Op::Greater, "99", Kind::Number));
    }

    proptest! {
        #[test]
        fn integers_order_like_numbers(one in any::<i64>(), other in any::<i64>(), zeros in 0_usize..3) {
            let padded = |number: i64| format!("{}{}{}", if number < 0 { "-" } else { "" }, "0".repeat(zeros), number.unsigned_abs());
            let (left, right) = (padded(one), other.to_string());
            prop_assert_eq!(Integer::parse(&left).unwrap().cmp(&Integer::parse(&right).unwrap()), one.cmp(&other));
        }
    }
}
