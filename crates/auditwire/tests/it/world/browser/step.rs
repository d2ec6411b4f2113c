//! One step of a test: it is tried until it succeeds or its limit is over, and then says where in the test it stands.

use std::panic::Location;
use std::time::{Duration, Instant};

use fantoccini::Client;
use fantoccini::error::CmdError;

/// What is to be done, and the line that asks for it.
pub(super) struct Step {
    what: String,
    at: &'static Location<'static>,
    client: Client,
    patience: Duration,
}

/// Why an attempt did not succeed.
pub(super) enum Not {
    /// It may succeed when the page has changed.
    Yet(String),
    /// It never will.
    Ever(String),
}

impl From<CmdError> for Not {
    fn from(error: CmdError) -> Self {
        // Pages change while we look at them: an element was replaced or hidden or lies under another one, or the page that an
        // answer would have come from is gone, for which the driver has no one word.
        const PASSING: [&str; 7] = [
            "stale element reference",
            "no such element",
            "element not interactable",
            "element click intercepted",
            "detached shadow root",
            "javascript error",
            "unknown error",
        ];
        let CmdError::Standard(told) = &error else { return Self::Ever(first_line(&error)) };
        // A page that cannot be loaded at all is an unknown error too.
        if PASSING.contains(&told.error().as_str()) && !told.message.contains("net::ERR") {
            Self::Yet(first_line(&error))
        } else {
            Self::Ever(first_line(&error))
        }
    }
}

impl Step {
    #[track_caller]
    pub(super) fn new(client: &Client, patience: Duration, what: String) -> Self {
        Self { what, at: Location::caller(), client: client.clone(), patience }
    }

    /// Tries until it succeeds.
    pub(super) async fn until<T>(self, mut attempt: impl AsyncFnMut() -> Result<T, Not>) -> T {
        let began = Instant::now();
        loop {
            let (why, hope) = match attempt().await {
                Ok(value) => return value,
                Err(Not::Yet(why)) => (why, true),
                Err(Not::Ever(why)) => (why, false),
            };
            if !hope || began.elapsed() > self.patience {
                let page = self.client.current_url().await.map_or_else(|e| e.to_string(), |url| url.to_string());
                let within = if hope { format!(" (waited {:?})", self.patience) } else { String::new() };
                panic!("{}: {}: {why}{within}\non {page}", self.at, self.what);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

fn first_line(error: &CmdError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
