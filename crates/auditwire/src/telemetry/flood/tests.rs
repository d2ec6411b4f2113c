use std::io;
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What is written while `log` runs.
fn written(flood: &Arc<Flood>, log: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines.clone());
    let subscriber = tracing_subscriber::registry().with(layer).with(Dam(Arc::clone(flood)));
    tracing::subscriber::with_default(subscriber, log);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn complain(times: usize, code: &str) {
    for _ in 0..times {
        tracing::warn!(code, request_id = times, "refused");
    }
}

#[test]
fn of_one_cause_the_first_lines_are_written_and_then_their_number() {
    let flood = Arc::new(Flood::default());
    let lines = written(&flood, || {
        complain(4223, "overloaded");
        // Others are not drowned by it: neither of the same place, nor of other places.
        complain(3, "closing");
        tracing::error!("the disk is gone");
        flood.tell(true);
    });
    let of = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((of("code=\"overloaded\""), of("code=\"closing\""), of("the disk is gone")), (10, 3, 1), "{lines:#?}");
    let told = lines.last().unwrap();
    assert!(told.contains("refused: … and 4,213 more like this in the last minute"), "{told}");
    assert!(told.contains("WARN") && told.contains("code=overloaded"), "{told}");
    assert_eq!((lines.len(), flood.suppressed()), (15, 4213));
}

#[test]
fn a_flood_that_goes_on_is_one_line_a_minute_and_one_that_ended_begins_anew() {
    let flood = Arc::new(Flood::default());
    let begun = Instant::now();
    let more = |due: Vec<Told>| due.into_iter().map(|told| told.more).collect::<Vec<_>>();
    let minute = |n: u32| begun + WINDOW * n + Duration::from_secs(1);
    written(&flood, || complain(25, "a"));
    assert_eq!(more(flood.due(begun + WINDOW / 2, false)), [0; 0]);
    assert_eq!(more(flood.due(minute(1), false)), [15]);
    assert_eq!(written(&flood, || complain(25, "a")).len(), 0, "it goes on");
    assert_eq!(more(flood.due(minute(2), false)), [25]);
    assert_eq!(more(flood.due(minute(3), false)), [0; 0]);
    assert_eq!(written(&flood, || complain(25, "a")).len(), 10, "it had ended");
}

#[test]
fn what_was_asked_for_is_not_counted() {
    let flood = Arc::new(Flood::default());
    let lines = written(&flood, || {
        for _ in 0..100 {
            tracing::debug!("request");
            tracing::info!(target: auditwire_server::ACCESS, "request");
        }
    });
    assert_eq!((lines.len(), flood.suppressed()), (200, 0));
}

#[test]
fn causes_that_never_repeat_are_bounded_too() {
    let flood = Arc::new(Flood::default());
    let lines = written(&flood, || (0..10_000).for_each(|n| complain(1, &n.to_string())));
    assert_eq!(lines.len(), CAUSES_MAX + usize::try_from(FIRST).unwrap());
    assert!(flood.lock().values().all(|place| place.causes.len() <= CAUSES_MAX + 1));
}
