//! How the operator gets into the console: the link of a start, and the link of the command line.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::process::{Process, Service as Started, auditwire, text};
use crate::world::service::Service;
use crate::world::visitor::Visitor;

const PASSWORD: &str = "a sentence is easier to remember";

fn link_in(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("sign-in.url")).unwrap().trim().to_owned()
}

#[test]
fn without_a_terminal_the_link_is_in_a_private_file_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Started::start(folder.path());
    let link = link_in(folder.path());
    let key = link.strip_prefix(&format!("{}sign-in/link?key=", service.url)).unwrap_or_else(|| panic!("{link}"));
    assert!(key.len() == 64 && key.bytes().all(|c| c.is_ascii_hexdigit()), "{link}");
    let mode = std::fs::metadata(folder.path().join("sign-in.url")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
    assert_eq!(service.process.rest(), Vec::<String>::new(), "the line that scripts read is all");
}

#[test]
fn on_a_terminal_the_link_is_shown_after_the_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let serve = format!("{} serve --listen 127.0.0.1:0 --data data", env!("CARGO_BIN_EXE_auditwire"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--command", &serve, "/dev/null"]).current_dir(folder.path());
    let mut process = Process::start(command);
    // What is logged goes to the same terminal.
    let url = process.after("listening on ").trim().to_owned();
    assert!(process.line().contains("open this link within 30 minutes"));
    assert!(process.line().trim().starts_with(&format!("{url}sign-in/link?key=")));
    assert!(!folder.path().join("data/sign-in.url").exists());
    // The terminal's end would leave the service behind: it has a session of its own.
    let pid = std::fs::read_to_string(folder.path().join("data/lock")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    assert_eq!(process.exit_code(), Some(0));
}

#[tokio::test]
async fn each_start_makes_a_new_link_until_there_is_a_password() {
    let service = Service::start().await;
    let data = service.folder.path().join("data");
    let first = link_in(&data);
    let folder = service.kill();
    let service = Service::start_in(folder, &[], &[]).await;
    let data = service.folder.path().join("data");
    let second = link_in(&data);
    let key = |link: &str| link.split_once("key=").unwrap().1.to_owned();
    let mut visitor = Visitor::new(&service.url);
    let old = visitor.get(&format!("/sign-in/link?key={}", key(&first))).await;
    assert_eq!(old.status, 410, "{}", old.text);

    let page = visitor.get(&second).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(visitor.submit(&page, "/sign-in/link", &[]).await.location, "/account/password");
    assert_eq!(visitor.get(&second).await.status, 410, "it works once");
    let page = visitor.get("/account/password").await;
    let set = visitor.submit(&page, "/account/password", &[("new", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(set.status, 303, "{}", set.text);
    let (_, folder) = service.terminate().await;
    assert!(folder.path().join("data/sign-in.url").exists());

    let service = Service::start_in(folder, &[], &[]).await;
    assert!(!service.folder.path().join("data/sign-in.url").exists(), "nobody needs a link any more");
    // Sessions and the password outlive a restart.
    let mut again = Visitor::new(&service.url);
    let page = again.get("/sign-in").await;
    let action = "/sign-in?language=en";
    let entered = again.submit(&page, action, &[("name", "operator"), ("password", PASSWORD)]).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
}

#[tokio::test]
async fn the_command_line_makes_a_link_for_a_lost_password() {
    let folder = tempfile::tempdir().unwrap();
    let service = Started::start(folder.path());
    let output = service.command(&["sign-in-link"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let link = String::from_utf8(output.stdout).unwrap();
    assert!(link.starts_with(&format!("{}sign-in/link?key=", service.url)) && link.lines().count() == 1, "{link}");
    let mut visitor = Visitor::new(service.url.trim_end_matches('/'));
    assert_eq!(visitor.get(&link_in(folder.path())).await.status, 410, "the newer link ends the one of the start");
    assert_eq!(visitor.get(link.trim()).await.status, 200);
    let made = service.json(&["sign-in-link"]);
    assert!(made["url"].as_str().unwrap().starts_with(&service.url) && made["expires_at"].is_string(), "{made}");

    let output = auditwire(&["sign-in-link", "--url", &service.url]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let output = auditwire(&["sign-in-link", "--url", &service.url]).env("AUDITWIRE_TOKEN", "aw_0").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}
