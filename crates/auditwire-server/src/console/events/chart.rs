//! The histogram over the table: when the events of the view happened, stacked by severity. A picture that needs no script;
//! each bar is a link to its time, and says its numbers.

use askama::Template;
use auditwire_engine::search::{self, Bucket};
use auditwire_model::{Severity, Timestamp};

use super::range::Range;
use super::view::View;
use crate::api::Problem;
use crate::console::time::Calendar;
use crate::console::urls::Urls;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Height of the tallest bar, in pixels.
const HEIGHT: u64 = 64;
/// Most labels of the axis: they must fit on a telephone.
const TICKS: i64 = 5;

/// Severities that share a colour in the table, by rank, worst first; the class of the stylesheet.
const LEVELS: [(std::ops::RangeInclusive<usize>, &str); 4] =
    [(5..=8, "s5"), (4..=4, "s4"), (2..=3, "s2"), (0..=1, "s0")];

#[derive(Template)]
#[template(path = "events/histogram.html")]
pub(super) struct Chart {
    words: Words,
    bars: Vec<Bar>,
    ticks: Vec<Label>,
    legend: Vec<Level>,
    /// The number that the tallest bar stands for.
    highest: String,
    partial: bool,
    /// What lies behind the last bar.
    later: Option<Later>,
    /// The list without its range, for the script to append `from` and `to`.
    list: String,
}

/// One bucket. Places are in percent of the width, from the top in pixels.
struct Bar {
    from: Timestamp,
    to: Timestamp,
    begins: String,
    ends: String,
    x: String,
    width: String,
    url: String,
    title: String,
    pieces: Vec<Piece>,
}

struct Piece {
    class: &'static str,
    y: String,
    height: String,
}

struct Label {
    x: String,
    text: String,
}

struct Level {
    class: &'static str,
    name: String,
    count: String,
}

/// Events that are dated later than now, by clocks that run ahead. A range counted back from now has them, its picture ends now: one
/// clock that is a year ahead would press everything else into the first bar.
struct Later {
    text: String,
    url: String,
}

impl Chart {
    pub(super) async fn load(by: &InProject, view: &View, bars: usize) -> Result<Self, Problem> {
        let now = view.at.unwrap_or_else(|| by.engine().clock.now());
        let mut question = view.question(now);
        let ends_now = matches!(view.range, Range::Quick(_)) && question.time_from.is_some();
        if ends_now {
            question.time_to = Some(now);
        }
        let found = search::histogram(by.engine(), by.caller(), &by.project.id, &question, bars).await?;
        let mut chart = Self::of(&found.buckets, found.partial, view, by.urls(), &by.calendar(), by.words());
        if ends_now && !found.partial {
            chart.later = Later::load(by, view, now).await?;
        }
        Ok(chart)
    }

    fn of(buckets: &[Bucket], partial: bool, view: &View, urls: Urls<'_>, calendar: &Calendar, words: Words) -> Self {
        let ends = buckets.first().zip(buckets.last()).map(|(first, last)| (first.from, last.to));
        let (from, to) = ends.unwrap_or((Timestamp::EPOCH, Timestamp::EPOCH));
        let axis = Axis { from, to };
        let tallest = buckets.iter().map(|bucket| bucket.counts.iter().sum()).max().unwrap_or(0_u64);
        let bars = buckets.iter().map(|bucket| Bar::of(bucket, tallest, &axis, view, urls, calendar, words));
        let inside = |at: Timestamp| (300..9_700).contains(&axis.share(at));
        let ticks = calendar.ticks(axis.from, axis.to, TICKS).into_iter().filter(|tick| inside(tick.at));
        Self {
            words,
            bars: bars.collect(),
            ticks: ticks.map(|tick| Label { x: percent(axis.share(tick.at)), text: tick.label }).collect(),
            legend: legend(buckets, words),
            highest: words.number(tallest),
            partial,
            later: None,
            list: view.in_range(Range::default()).url(urls),
        }
    }
}

impl Later {
    /// None when there are none.
    async fn load(by: &InProject, view: &View, now: Timestamp) -> Result<Option<Self>, Problem> {
        let range = Range::Between { from: Some(now), to: None };
        let later = view.in_range(range);
        let found = search::count(by.engine(), by.caller(), &by.project.id, &later.question(now)).await?;
        let text = by.words().count("events-later", found.count);
        Ok((found.count > 0).then(|| Self { text, url: later.url(by.urls()) }))
    }
}

/// Where times lie on the axis.
struct Axis {
    from: Timestamp,
    to: Timestamp,
}

impl Axis {
    /// In hundredths of a percent.
    fn share(&self, at: Timestamp) -> i128 {
        let from = i128::from(self.from.as_nanos());
        let width = (i128::from(self.to.as_nanos()) - from).max(1);
        (i128::from(at.as_nanos()) - from) * 10_000 / width
    }
}

impl Bar {
    fn of(
        bucket: &Bucket,
        tallest: u64,
        axis: &Axis,
        view: &View,
        urls: Urls<'_>,
        calendar: &Calendar,
        words: Words,
    ) -> Self {
        let range = Range::Between { from: Some(bucket.from), to: Some(bucket.to) };
        let (begins, ends) = (calendar.when(bucket.from).local, calendar.when(bucket.to).local);
        let total: u64 = bucket.counts.iter().sum();
        let (left, right) = (axis.share(bucket.from), axis.share(bucket.to));
        Self {
            title: format!("{begins} – {ends}: {}", said(bucket, total, words)),
            url: if total > 0 { view.in_range(range).url(urls) } else { String::new() },
            from: bucket.from,
            to: bucket.to,
            begins,
            ends,
            x: percent(left),
            width: percent((right - left).max(1)),
            pieces: pieces(bucket, tallest),
        }
    }
}

/// The worst at the bottom, where heights can be compared. What is there is seen, however few it is.
fn pieces(bucket: &Bucket, tallest: u64) -> Vec<Piece> {
    let mut top = u128::from(HEIGHT) * 100;
    let mut pieces = Vec::new();
    for (ranks, class) in LEVELS {
        let count: u64 = bucket.counts.get(ranks).unwrap_or_default().iter().sum();
        if count == 0 {
            continue;
        }
        let height = (u128::from(count) * u128::from(HEIGHT) * 100 / u128::from(tallest.max(1))).max(100).min(top);
        top -= height;
        pieces.push(Piece { class, y: pixels(top), height: pixels(height) });
    }
    pieces
}

/// `1,234 events (ERROR 3, INFO 1,231)`.
fn said(bucket: &Bucket, total: u64, words: Words) -> String {
    let found = words.count("events-count", total);
    let named = Severity::ALL.into_iter().rev().zip(bucket.counts.iter().rev()).filter(|(_, count)| **count > 0);
    let parts: Vec<String> =
        named.map(|(severity, count)| format!("{} {}", severity.as_str(), words.number(*count))).collect();
    if parts.is_empty() { found } else { format!("{found} ({})", parts.join(", ")) }
}

/// What the colours mean, and how many events have them.
fn legend(buckets: &[Bucket], words: Words) -> Vec<Level> {
    let names = ["events-level-error", "events-level-warning", "events-level-info", "events-level-debug"];
    let levels = LEVELS.into_iter().zip(names).map(|((ranks, class), key)| {
        let each = buckets.iter().flat_map(|bucket| bucket.counts.get(ranks.clone()).unwrap_or_default());
        (class, key, each.sum::<u64>())
    });
    let levels = levels.filter(|(.., count)| *count > 0);
    levels.map(|(class, key, count)| Level { class, name: words.t(key), count: words.number(count) }).collect()
}

fn percent(hundredths: i128) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn pixels(hundredths: u128) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_on_each_other_and_fit() {
        let mut counts = [0; 9];
        (counts[8], counts[5], counts[4], counts[2], counts[0]) = (1, 1, 1, 1_000_000, 7);
        let bucket = Bucket { from: Timestamp::EPOCH, to: Timestamp::EPOCH, counts };
        let shown = pieces(&bucket, 1_000_010);
        let classes: Vec<_> = shown.iter().map(|piece| piece.class).collect();
        assert_eq!(classes, ["s5", "s4", "s2", "s0"]);
        let mut bottom = HEIGHT as f64;
        for piece in &shown {
            let (y, height): (f64, f64) = (piece.y.parse().expect("a number"), piece.height.parse().expect("a number"));
            assert!((y + height - bottom).abs() < 0.001 && y >= 0.0, "{y} {height}");
            bottom = y;
        }
        assert!(pieces(&Bucket { counts: [0; 9], ..bucket }, 5).is_empty());
    }

    #[test]
    fn times_lie_where_they_belong() {
        let time = |text: &str| Timestamp::parse(text).expect("a time");
        let axis = Axis { from: time("1970-01-01T00:00:00Z"), to: time("2262-01-01T00:00:00Z") };
        assert_eq!((percent(axis.share(axis.from)), percent(axis.share(axis.to))), ("0.00%".into(), "100.00%".into()));
        let none = Axis { from: axis.from, to: axis.from };
        assert_eq!(none.share(axis.from), 0);
    }
}
