//! Events that cannot become a message, as the operator of a connection meets them: the stream goes on, they are listed with
//! their reason, and cleared.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{auditwire, text};
use crate::world::eventually;
use crate::world::service::{EVENTS, Service};
use crate::world::sink::Sink;

fn run(service: &Service, arguments: &[&str]) -> Output {
    let mut command = auditwire(&["connections", "quarantine", "narrow"]);
    command.args(arguments).env("AUDITWIRE_URL", &service.url).env("AUDITWIRE_TOKEN", &service.token);
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fits_nowhere_is_set_aside_and_the_stream_goes_on() {
    let sink = Sink::stream(None).await;
    let service = Service::start().await;
    // The header alone takes most of what the smallest limit allows.
    let id = service
        .create(&json!({
            "name": "narrow", "endpoint": format!("127.0.0.1:{}", sink.port), "transport": "tcp",
            "options": { "max_bytes": 480, "hostname": "h".repeat(200), "app_name": "a".repeat(48) },
            "filter": { "kind": "query", "query": "source.id = test" },
        }))
        .await;
    service.activate(&id, "now").await;
    let event = |id: String| json!({ "action": "create-vm", "event_id": id, "source": { "id": "test" } });
    let large = |n: u32| event(format!("{n}-{}", "x".repeat(120)));
    let batch = json!([event("first".into()), large(1), large(2), event("last".into()), large(3)]);
    service.post(EVENTS, &batch).await.expect(200);

    let run = |arguments: &[&str]| run(&service, arguments);
    let listed = eventually("three are set aside", Duration::from_secs(20), async || {
        let listed: Value = serde_json::from_str(&stdout(&run(&["--json"]))).unwrap();
        (listed["total"] == 3).then_some(listed)
    })
    .await;
    let entries = listed["quarantined"].as_array().unwrap();
    let seqs: Vec<u64> = entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|newer, older| newer > older), "{listed}");
    for entry in entries {
        assert_eq!(entry["action"], "create-vm");
        assert!(entry["reason"].as_str().unwrap().contains("allows 480"), "{entry}");
    }
    eventually("those that fit have come", Duration::from_secs(20), async || {
        let messages = sink.messages().concat();
        (messages.contains("first") && messages.contains("last")).then_some(())
    })
    .await;

    let shown = stdout(&run(&["--limit", "2"]));
    assert!(shown.contains("create-vm") && shown.contains("2 of 3 shown"), "{shown}");
    // Nothing was mended: it stays, and says so.
    let again = stdout(&run(&["--resend", &seqs[1].to_string()]));
    assert!(again.contains("done") && again.contains("(1 could not become a message)"), "{again}");
    assert!(stdout(&run(&[])).contains("3 of 3 shown"));
    assert_eq!(stdout(&run(&["--delete", &format!("{},{}", seqs[0], seqs[2])])), "2 entries were taken off the list\n");
    assert!(stdout(&run(&[])).contains("1 of 1 shown"));
    assert_eq!(stdout(&run(&["--delete-all"])), "1 entries were taken off the list\n");
    assert_eq!(stdout(&run(&[])), "nothing is in quarantine\n");
    let both = run(&["--delete", "1", "--delete-all"]);
    assert_eq!(both.status.code(), Some(2), "{}", text(&both));
}
