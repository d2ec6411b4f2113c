//! The charts of a connection's page: pictures that need no script. Stretches in which nothing is known are hatched, not zero.

use auditwire_engine::history::{History, Point};
use auditwire_model::{Position, Timestamp};

use crate::console::time::Calendar;
use crate::console::words::Words;

/// The drawing's own units, stretched to the width of the page: one stretch of time is so wide, and the highest value so high.
const WIDTH: usize = 10;
const HEIGHT: f64 = 60.0;
/// Most labels of the axis: they must fit on a telephone.
const TICKS: i64 = 5;

/// One chart.
pub(super) struct Chart {
    /// For the ids of its parts.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What the chart shows, in a sentence.
    pub(super) told: String,
    /// The values at the top and at the bottom.
    pub(super) top: String,
    pub(super) bottom: String,
    /// Outlines of what is known.
    pub(super) areas: Vec<Area>,
    /// Where nothing is known.
    pub(super) gaps: Vec<Gap>,
    pub(super) ticks: Vec<Label>,
    /// Width of the drawing in its own units.
    pub(super) width: usize,
}

/// A run of stretches of which something is known.
pub(super) struct Area {
    /// SVG path of the line, and of what lies under it.
    pub(super) line: String,
    pub(super) fill: String,
}

pub(super) struct Gap {
    pub(super) x: usize,
    pub(super) width: usize,
}

pub(super) struct Label {
    /// In percent of the width.
    pub(super) x: String,
    pub(super) text: String,
}

/// A row of the table that says the same.
pub(super) struct Row {
    pub(super) from: String,
    pub(super) acknowledged: String,
    pub(super) rate: String,
    pub(super) position: String,
    pub(super) age: String,
    pub(super) backlog: String,
}

/// What each chart shows of a stretch; nothing when nothing is known.
struct Measures<'a> {
    words: Words,
    calendar: &'a Calendar,
    now: Timestamp,
}

impl Measures<'_> {
    /// Events acknowledged per second, on the average.
    fn rate(&self, point: &Point) -> f64 {
        let seconds = point.to.min(self.now).since(point.from).as_secs_f64().max(1.0);
        point.counted.acknowledged as f64 / seconds
    }

    fn per_second(&self, rate: f64) -> String {
        let shown = if rate > 0.0 && rate < 0.05 { "<0.1".to_owned() } else { self.words.roughly(rate) };
        self.words.with("siem-rate-value", "rate", shown)
    }

    fn number(&self, n: f64) -> String {
        // Counts come from whole numbers.
        self.words.number(format!("{n:.0}").parse().unwrap_or(0))
    }

    fn age(&self, ms: f64) -> String {
        let seconds = (ms / 1000.0).clamp(0.0, 1e9);
        let short = if seconds > 0.0 && seconds < 1.0 { "<" } else { "" };
        let span = self.calendar.span(std::time::Duration::from_secs_f64(if short.is_empty() { seconds } else { 1.0 }));
        format!("{short}{span}")
    }
}

/// The four charts.
pub(super) fn charts(history: &History, words: Words, calendar: &Calendar) -> Vec<Chart> {
    let measures = Measures { words, calendar, now: calendar.now() };
    let positions = positions(&history.points);
    let known = |value: &dyn Fn(usize, &Point) -> Option<f64>| -> Vec<Option<f64>> {
        let points = history.points.iter().enumerate();
        points.map(|(i, point)| if point.known { value(i, point) } else { None }).collect()
    };
    let draw = |id, key: &str, values: Vec<Option<f64>>, from_zero, written: &dyn Fn(f64) -> String| {
        Drawing { history, words, calendar, values, from_zero }.chart(id, key, written)
    };
    vec![
        draw("rate", "delivery-rate", known(&|_, p| Some(measures.rate(p))), true, &|n| measures.per_second(n)),
        draw(
            "position",
            "delivery-position",
            known(&|i, _| positions.get(i).copied().flatten().map(|position| position.0 as f64)),
            false,
            &|n| measures.number(n),
        ),
        draw("age", "delivery-age", known(&|_, p| p.age_ms.map(|ms| ms as f64)), true, &|n| measures.age(n)),
        draw("backlog", "delivery-backlog", known(&|_, p| p.backlog.map(|n| n as f64)), true, &|n| measures.number(n)),
    ]
}

/// How far it had come at the end of each stretch: as far as before where nothing was written.
fn positions(points: &[Point]) -> Vec<Option<Position>> {
    let mut last = None;
    let known = points.iter().map(|point| {
        last = point.settled.or(last);
        last
    });
    known.collect()
}

struct Drawing<'a> {
    history: &'a History,
    words: Words,
    calendar: &'a Calendar,
    values: Vec<Option<f64>>,
    /// The axis begins at zero; else at the least value.
    from_zero: bool,
}

impl Drawing<'_> {
    fn chart(&self, id: &'static str, key: &str, written: &dyn Fn(f64) -> String) -> Chart {
        let known = || self.values.iter().flatten().copied();
        let most = known().fold(f64::NEG_INFINITY, f64::max);
        let least = known().fold(f64::INFINITY, f64::min);
        let (least, most) = if most.is_finite() { (least, most) } else { (0.0, 0.0) };
        let floor = if self.from_zero { 0.0 } else { least };
        let newest = self.values.iter().rev().find_map(|value| *value);
        let title = self.words.t(key);
        let told = match newest {
            None => self.words.t("delivery-nothing-known"),
            Some(newest) => self.words.with_all(
                "delivery-told",
                &[("least", written(least)), ("most", written(most)), ("now", written(newest))],
            ),
        };
        Chart {
            id,
            title,
            told,
            top: written(most),
            bottom: if most > floor { written(floor) } else { String::new() },
            areas: self.areas(floor, most),
            gaps: self.gaps(),
            ticks: self.ticks(),
            width: self.values.len() * WIDTH,
        }
    }

    /// Steps, because each value stands for its whole stretch.
    fn areas(&self, floor: f64, most: f64) -> Vec<Area> {
        let span = if most > floor { most - floor } else { 1.0 };
        let y = |value: f64| format!("{:.1}", HEIGHT - (value - floor) / span * HEIGHT);
        let mut areas = Vec::new();
        let places: Vec<(usize, f64)> =
            self.values.iter().enumerate().filter_map(|(i, value)| Some((i, (*value)?))).collect();
        for run in places.chunk_by(|a, b| a.0 + 1 == b.0) {
            let mut line = String::new();
            for (i, value) in run {
                let begins = if line.is_empty() { 'M' } else { 'L' };
                line.push_str(&format!("{begins}{} {y}H{}", i * WIDTH, (i + 1) * WIDTH, y = y(*value)));
            }
            let first = run.first().map_or(0, |(i, _)| *i);
            let fill = format!("{line}V{HEIGHT}H{}Z", first * WIDTH);
            areas.push(Area { line, fill });
        }
        areas
    }

    fn gaps(&self) -> Vec<Gap> {
        let places: Vec<usize> =
            (0..self.values.len()).filter(|i| self.values.get(*i).is_some_and(Option::is_none)).collect();
        let runs = places.chunk_by(|a, b| a + 1 == *b);
        runs.map(|run| Gap { x: run.first().map_or(0, |i| i * WIDTH), width: run.len() * WIDTH }).collect()
    }

    fn ticks(&self) -> Vec<Label> {
        let ends = self.history.points.first().zip(self.history.points.last());
        let (from, to) = ends.map_or((Timestamp::EPOCH, Timestamp::EPOCH), |(first, last)| (first.from, last.to));
        let width = to.since(from).as_secs_f64().max(1.0);
        let share = |at: Timestamp| at.since(from).as_secs_f64() / width * 100.0;
        let ticks = self.calendar.ticks(from, to, TICKS).into_iter().map(|tick| (share(tick.at), tick.label));
        let inside = ticks.filter(|(x, _)| (4.0..96.0).contains(x));
        inside.map(|(x, text)| Label { x: format!("{x:.2}%"), text }).collect()
    }
}

/// The same as a table: stretches of which something is known, newest first.
pub(super) fn table(history: &History, words: Words, calendar: &Calendar) -> Vec<Row> {
    let measures = Measures { words, calendar, now: calendar.now() };
    let positions = positions(&history.points);
    let known = history.points.iter().zip(positions).filter(|(point, _)| point.known);
    let row = |(point, position): (&Point, Option<Position>)| Row {
        from: minutes(calendar.when(point.from).local),
        acknowledged: words.number(point.counted.acknowledged),
        rate: measures.per_second(measures.rate(point)),
        position: position.map_or_else(|| "–".to_owned(), |position| words.number(position.0)),
        age: point.age_ms.map_or_else(|| "–".to_owned(), |ms| measures.age(ms as f64)),
        backlog: point.backlog.map_or_else(|| "–".to_owned(), |n| words.number(n)),
    };
    let mut rows: Vec<Row> = known.map(row).collect();
    rows.reverse();
    rows
}

/// Without seconds: stretches begin at whole minutes.
fn minutes(mut local: String) -> String {
    local.truncate("2026-11-22 14:03".len());
    local
}

#[cfg(test)]
mod tests {
    use auditwire_engine::history::Range;
    use auditwire_engine::records::Totals;
    use auditwire_model::clock::ManualClock;

    use super::*;
    use crate::console::time::zone;
    use crate::console::words::Language;

    /// 144 stretches of which those of `known` are known, each with as many events as its number.
    fn history(known: impl Fn(usize) -> bool) -> History {
        let begin = Timestamp::parse("2026-11-21T10:00:00Z").expect("a time");
        let at = |i: usize| begin.saturating_add_nanos(i64::try_from(i).expect("fits") * 600_000_000_000);
        let point = |i: usize| Point {
            from: at(i),
            to: at(i + 1),
            known: known(i),
            counted: Totals { acknowledged: if known(i) { i as u64 * 600 } else { 0 }, ..Totals::default() },
            backlog: known(i).then_some(i as u64),
            age_ms: known(i).then_some(i as u64 * 1000),
            settled: (known(i) && i.is_multiple_of(2)).then_some(Position(1000 + i as u64)),
        };
        let points = (0..144).map(point).collect();
        History { range: Range::Day, points, totals: Totals::default(), changes: Vec::new(), more_changes: 0 }
    }

    fn drawn(known: impl Fn(usize) -> bool) -> Vec<Chart> {
        let clock = ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").expect("a time"));
        let words = Words(Language::English);
        charts(&history(known), words, &Calendar::new(zone("UTC").expect("a zone"), &clock, words))
    }

    #[test]
    fn what_is_not_known_is_a_gap_and_not_zero() {
        let charts = drawn(|i| (10..20).contains(&i) || i >= 140);
        for chart in &charts {
            assert_eq!((chart.areas.len(), chart.gaps.len(), chart.width), (2, 2, 1440), "{}", chart.id);
            let gaps: Vec<_> = chart.gaps.iter().map(|gap| (gap.x, gap.width)).collect();
            assert_eq!(gaps, [(0, 100), (200, 1200)]);
            assert!(chart.areas[0].line.starts_with("M100 ") && chart.areas[0].fill.ends_with("H100Z"));
        }
        let [rate, position, age, backlog] = charts.as_slice() else { panic!("four") };
        assert_eq!((&*rate.top, &*rate.bottom), ("143/s", "0/s"));
        assert!(rate.told.contains("143/s"), "{}", rate.told);
        assert_eq!(
            (&*position.top, &*position.bottom),
            ("1,142", "1,010"),
            "an axis of positions does not begin at zero"
        );
        assert_eq!((&*age.top, &*backlog.top), ("2 min.", "143"));
        assert!(backlog.areas[1].line.starts_with("M1400 1.3H1410"), "{}", backlog.areas[1].line);
    }

    #[test]
    fn nothing_known_says_so_and_nothing_happening_is_flat() {
        for chart in drawn(|_| false) {
            assert!(chart.areas.is_empty() && chart.told.contains("not sending"), "{}", chart.told);
        }
        let clock = ManualClock::new(Timestamp::EPOCH);
        let words = Words(Language::English);
        let calendar = Calendar::new(zone("UTC").expect("a zone"), &clock, words);
        let measures = Measures { words, calendar: &calendar, now: Timestamp::EPOCH };
        assert_eq!([0.0, 3.0, 1999.0].map(|ms| measures.age(ms)), ["0 sec.", "<1 sec.", "1 sec."]);
        let flat = &drawn(|i| i == 0)[0];
        assert_eq!((&*flat.top, &*flat.bottom, &*flat.areas[0].line), ("0/s", "", "M0 60.0H10"));
    }
}
