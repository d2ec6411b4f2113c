//! What the command line says without a service.

use crate::process::{auditwire, text};

#[test]
fn a_wrong_command_line_or_configuration_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("a.toml");
    std::fs::write(&config, "[server]\nlisen = 'x'\n[nope]\na = 1\n").unwrap();
    let output = auditwire(&["serve", "--config", config.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for part in ["2 problems", "did you mean listen?", "nope"] {
        assert!(text(&output).contains(part), "{part} in {}", text(&output));
    }
    let output =
        auditwire(&["serve", "--listen", "0.0.0.0:0", "--data", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("tls_cert"), "{}", text(&output));
    assert_eq!(auditwire(&["nothing"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn the_printed_defaults_are_a_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let printed = auditwire(&["serve", "--print-default-config"]).output().unwrap();
    assert!(printed.status.success());
    let config = folder.path().join("a.toml");
    std::fs::write(&config, [&printed.stdout[..], b"\n[extra]\nx = 1\n"].concat()).unwrap();
    let output = auditwire(&["serve", "--config", config.to_str().unwrap()]).output().unwrap();
    assert!(text(&output).contains("a problem:") && text(&output).contains("extra"), "{}", text(&output));
}

#[test]
fn without_a_token_or_a_service_it_says_what_to_do() {
    let output = auditwire(&["connections", "list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("AUDITWIRE_TOKEN"), "{}", text(&output));
    let output =
        auditwire(&["events", "tail", "--url", "http://127.0.0.1:1"]).env("AUDITWIRE_TOKEN", "aw_0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("is `auditwire serve` running there?"), "{}", text(&output));
}
