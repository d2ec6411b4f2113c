//! Starting and stopping a connection, by the menu of its row and by the buttons over the table.

use super::SUITE;
use super::desk::Desk;
use super::received::Receives;
use super::words::ENGLISH;
use crate::world::browser::Options;
use crate::world::real;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_active_at_a_time_and_nothing_is_missed() {
    let Some(root) = real::root(SUITE) else { return };
    let first = real::rsyslog(&root).await;
    let second = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    for (name, receiver) in [("First", &first), ("Second", &second)] {
        desk.fill(name, &receiver.endpoint("tcp"), "TCP").await;
        desk.create().await;
        desk.passes().await;
        browser.click("Save as inactive").await;
        desk.shows(name, "inactive").await;
    }

    // Start needs exactly one, and says so before and after.
    desk.tick("First").await;
    desk.tick("Second").await;
    browser.wait_text("#selection-hint", "Selected: 2. Start needs exactly one.").await;
    browser.wait("button[data-needs=start]:disabled").await;
    browser.execute("document.querySelector('[data-needs=start]').disabled = false").await;
    desk.with_ticked("Start").await;
    browser.sees("Nothing was started: Start needs exactly one selected connection.").await;
    desk.shows("First", "inactive").await;
    desk.shows("Second", "inactive").await;

    // The check box and the button.
    desk.tick("First").await;
    desk.with_ticked("Start").await;
    desk.activate("First", "From now on").await;
    desk.shows("Second", "inactive").await;
    let ids = desk.post(3).await;
    let start = first.gets(&ids).await[0].seq;

    // The menu; the one that was active stops, and the new one goes on where it was.
    desk.menu("Second", "Start").await;
    browser.sees("First is active and will be stopped.").await;
    assert!(browser.is_chosen("Take over from First").await);
    desk.looks("the form to activate, with a choice of beginnings").await;
    desk.activate("Second", "Take over from First").await;
    browser.sees("Second is active; First was stopped.").await;
    desk.shows("First", "inactive").await;
    assert_eq!(desk.state("First").await, "inactive");
    let taken_over = desk.post(3).await;
    let got = second.gets(&taken_over).await;
    assert!(first.has_none(&taken_over));
    let seqs = |got: &[super::received::Got]| got.iter().map(|got| got.seq).collect::<Vec<_>>();
    let missing: Vec<u64> = (start..seqs(&got)[got.len() - 1])
        .filter(|seq| !seqs(&got).contains(seq) && !seqs(&first.got()).contains(seq))
        .collect();
    assert!(missing.is_empty(), "{missing:?} came to neither");

    // Stopping: the menu, then the button.
    desk.menu("Second", "Stop").await;
    browser.sees("Second is stopped.").await;
    desk.shows("Second", "inactive").await;
    let while_stopped = desk.post(4).await;
    desk.menu("Second", "Start").await;
    desk.activate("Second", "Continue").await;
    second.gets(&while_stopped).await;
    second.gets_all(&desk.service, seqs(&got)[0]).await;
    desk.tick("Second").await;
    desk.with_ticked("Stop").await;
    browser.sees("Second is stopped.").await;
    desk.shows("Second", "inactive").await;
    assert_eq!(desk.state("Second").await, "inactive");
    desk.browser.finish().await;
}
