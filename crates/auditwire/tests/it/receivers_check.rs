//! The connection check against real receivers: both framings at both kinds of input of syslog-ng, and what OpenSSL offers when it
//! is told to offer too little.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::real::{self, Receiver};
use crate::world::service::{CONNECTIONS, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_framing_of_a_syslog_ng_input_is_found_out() {
    let Some(root) = real::root("check") else { return };
    let receiver = real::syslog_ng(&root).await;
    let service = Service::start().await;
    let cases = [
        ("syslog", "tcp", "octet_counting", "ok"),
        ("syslog", "tcp", "lf", "framing_refused"),
        ("syslog-tls", "tls", "octet_counting", "ok"),
        ("syslog-tls", "tls", "lf", "framing_refused"),
        ("network", "tcp", "lf", "ok"),
    ];
    for (input, transport, framing, code) in cases {
        let report = check(&service, &receiver, input, transport, framing).await;
        let last = &report["stages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["code"], code, "{input} with {framing}: {report}");
        assert_eq!((&report["ok"], &report["confirmed"]), (&json!(code == "ok"), &json!(code == "ok")), "{report}");
    }
    // It takes the count for a part of the message and closes nothing: nobody can see that from here, so it is said.
    let report = check(&service, &receiver, "network", "tcp", "octet_counting").await;
    let last = report["stages"].as_array().unwrap().last().unwrap();
    assert!(last["message"].as_str().unwrap().contains("begins with a number"), "{report}");
    let counted = |message: &Value| {
        let text = format!("{}{}", message["PROGRAM"].as_str().unwrap_or_default(), message["MESSAGE"]);
        text.contains("siem-connection-test") && text.contains("<110>1 ")
    };
    receiver.wait(1, counted).await;
}

async fn check(service: &Service, receiver: &Receiver, input: &str, transport: &str, framing: &str) -> Value {
    let mut connection = json!({
        "name": format!("{input} {framing}"), "endpoint": receiver.endpoint(input), "transport": transport,
        "framing": framing,
    });
    if transport == "tls" {
        connection["tls"] = json!({ "pem": receiver.pki.ca });
    }
    service.post(&format!("{CONNECTIONS}/check"), &connection).await.expect(200)
}

/// OpenSSL's own server, ended when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_old_tls_and_one_of_weak_ciphers_are_told_apart() {
    if real::root("check").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pki = crate::world::tls::Pki::new(folder.path());
    let service = Service::start().await;
    let cases: [(&[&str], &str); 4] = [
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "tls_version"),
        (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "tls_version"),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], "tls_cipher"),
        (&["-tls1_3"], "ok"),
    ];
    for (options, code) in cases {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]).args(options);
        command.arg("-cert").arg(pki.path("server.pem")).arg("-key").arg(pki.path("server-key.pem"));
        let _server =
            Server(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        crate::world::eventually("openssl listens", std::time::Duration::from_secs(20), async || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        let connection = json!({
            "name": "openssl", "endpoint": format!("127.0.0.1:{port}"), "transport": "tls", "tls": { "pem": pki.ca },
        });
        let report = service.post(&format!("{CONNECTIONS}/check"), &connection).await.expect(200);
        assert_eq!(report["stages"].as_array().unwrap().last().unwrap()["code"], code, "{options:?}: {report}");
    }
}
