//! The harness itself: each claim that the other suites rest on is proved on a page whose faults are known.

mod ends;
mod fixture;
mod options;
mod steps;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use self::fixture::Fixture;
use crate::world::browser::{self, Browser, Options};

const SUITE: &str = "the browser harness";

/// The fixture in a browser with these options.
async fn open(options: Options) -> Option<(Fixture, Browser)> {
    let chromium = browser::chromium(SUITE)?;
    let fixture = Fixture::start().await;
    let browser = chromium.open(&fixture.url, options).await;
    Some((fixture, browser))
}

/// The message with which this fails, which it must.
async fn panic_of(future: impl Future<Output = ()>) -> String {
    let mut future = Box::pin(future);
    let panic =
        std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => panic!("it did not fail"),
            Err(panic) => Poll::Ready(panic),
        });
    match panic.await.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    }
}
