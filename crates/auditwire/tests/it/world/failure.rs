//! What failed, said again behind everything else. Logs of services and receivers come after a panic's own message, and whoever reads
//! only the end of a long output must find it there.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Remembers the message of each panic from now on.
pub(crate) fn remember() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.with_borrow_mut(|last| *last = info.to_string());
            before(info);
        }));
    });
}

/// Prints a log, and behind it what failed on this thread, while it unwinds.
pub(crate) fn tell(whose: &str, log: &str) {
    if std::thread::panicking() {
        println!("--- {whose} ---\n{log}\n--- what failed ---\n{}", LAST.with_borrow(String::clone));
    }
}
