//! Without file descriptors: told as that by whoever needs one, also where the C library hides it. In a process of its own, because
//! the limit is the process's.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;

use auditwire_model::Timestamp;
use auditwire_model::clock::ManualClock;
use auditwire_model::connection::{Endpoint, Transport};
use auditwire_model::wire::RenderContext;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::fixtures::spec;
use crate::delivery::DeliverySettings;
use crate::delivery::check::{CheckContext, run};
use crate::delivery::guard::AddressGuard;
use crate::delivery::resolve::resolve;

/// Set in the process that runs out of them.
const INSIDE: &str = "AUDITWIRE_TEST_WITHOUT_DESCRIPTORS";
const THIS: &str = "delivery::tests::descriptors::a_process_without_descriptors_says_so";

#[test]
fn a_process_without_descriptors_says_so() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(inside());
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", THIS, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

async fn inside() {
    let settings = DeliverySettings { allow_loopback: true, ..DeliverySettings::default() };
    let guard = AddressGuard::new(&settings);
    let name = Endpoint::parse("localhost:514").unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let render = RenderContext { hostname: "h".to_owned(), instance: "i".to_owned(), project: "default".to_owned() };
    let context = CheckContext::new(&settings, render, clock);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).unwrap();
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    for _ in 0..3 {
        assert_eq!(resolve(&name, &guard).await.unwrap_err().code, "no_descriptors");
    }
    for transport in [Transport::Tcp, Transport::Udp, Transport::Relp] {
        let report = run(&context, &spec(address, transport), None, &|_| ()).await;
        assert_eq!(report.code(), "no_descriptors", "{report:#?}");
    }
    drop(held);
    assert!(resolve(&name, &guard).await.is_ok());
}
