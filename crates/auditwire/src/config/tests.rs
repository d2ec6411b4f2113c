//! Each mistake is told with its key, and all of them at once.

use auditwire_engine::export::ExportSettings;
use auditwire_engine::search::SearchSettings;

use auditwire_server::Access;

use super::*;

fn load(file: &str, environment: &[(&str, &str)], overrides: &Overrides) -> Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auditwire.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Config::load(Some(&path), environment, overrides)
}

fn problem(file: &str, environment: &[(&str, &str)]) -> String {
    let failure = load(file, environment, &Vec::new()).unwrap_err();
    assert_eq!(failure.code, USAGE);
    failure.message
}

#[test]
fn the_defaults_are_the_products() {
    let config = Config::load(None, [], &Vec::new()).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:8514".parse().unwrap());
    assert_eq!(config.server.limits, auditwire_server::HttpLimits::default());
    assert_eq!(config.data, PathBuf::from("auditwire-data"));
    assert_eq!(config.reserve_bytes, 64 << 20);
    assert_eq!(config.event, EventLimits::default());
    let (ours, engines) = (config.log.settings(), LogSettings::default());
    assert_eq!(format!("{ours:?}"), format!("{engines:?}"));
    let defaults = (SearchSettings::default(), ExportSettings::default());
    assert_eq!(format!("{:?}", config.search.settings()), format!("{defaults:?}"));
    assert_eq!(
        config.telemetry,
        TelemetryConfig { format: LogFormat::Text, level: "info".into(), access: Access::Changes }
    );
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_file() {
    let file =
        "[server]\nlisten = '127.0.0.1:1'\nhostnames = ['a']\n[data]\ndir = 'file'\n[log]\ntail_bytes_max = 2097152\n";
    let environment = [
        ("AUDITWIRE_SERVER__LISTEN", "127.0.0.1:2"),
        ("AUDITWIRE_SERVER__HOSTNAMES", "b, c"),
        ("AUDITWIRE_URL", "http://elsewhere"),
        ("PATH", "/bin"),
    ];
    let config = load(file, &environment, &vec![("server", "listen", "127.0.0.1:3".into())]).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.hostnames, ["b", "c"].map(|name| name.parse().unwrap()));
    assert_eq!(config.data, PathBuf::from("file"));
    assert_eq!(config.log.tail_bytes_max, 2 << 20);
}

#[test]
fn unknown_names_are_refused_with_a_hint_wherever_they_come_from() {
    assert!(problem("[server]\nlisen = 'x'", &[]).contains("server.lisen"));
    assert!(problem("[server]\nlisen = 'x'", &[]).contains("did you mean listen?"));
    assert!(problem("[retention]\ndays = 1", &[]).contains("retention"));
    assert!(problem("[serve]\n", &[]).contains("did you mean server?"));
    assert!(problem("top = 1", &[]).contains("top"));
    assert!(problem("", &[("AUDITWIRE_LOG__TAIL", "1")]).contains("AUDITWIRE_LOG__TAIL"));
}

#[test]
fn a_variable_that_names_no_setting_is_refused_with_the_name_that_was_meant() {
    let cases = [
        ("AUDITWIRE_LOG_SEAL_EVENTS", "did you mean AUDITWIRE_LOG__SEAL_EVENTS?"),
        ("AUDITWIRE_SERVER_LISTEN", "did you mean AUDITWIRE_SERVER__LISTEN?"),
        ("AUDITWIRE_log_seal_events", "did you mean AUDITWIRE_LOG__SEAL_EVENTS?"),
        ("AUDITWIRE_TOKNE", "did you mean AUDITWIRE_TOKEN?"),
        ("AUDITWIRE_KEY", "did you mean AUDITWIRE_KEYS?"),
        ("AUDITWIRE_PORT", "two underscores"),
        ("AUDITWIRE_", "two underscores"),
    ];
    for (name, hint) in cases {
        let message = problem("", &[(name, "1")]);
        assert!(message.contains(&format!("{name} (the environment)")) && message.contains(hint), "{message}");
    }
    let fine = ["AUDITWIRE_URL", "AUDITWIRE_TOKEN", "AUDITWIRE_PROJECT", "AUDITWIRE_CA", "AUDITWIRE_KEYS"];
    for name in fine.into_iter().chain(["AUDITWIRE_TEST_ANALYSTS", "AUDITWIRE_SERVICE_HOST", "AUDITWIRES", "auditwire"])
    {
        assert!(load("", &[(name, "1")], &Vec::new()).is_ok(), "{name}");
    }
}

#[test]
fn every_wrong_value_names_its_key() {
    let cases = [
        ("[server]\nlisten = 'here'", "server.listen"),
        ("[server]\nlisten = 8514", "server.listen"),
        ("[server]\nlisten = '0.0.0.0:8514'", "behind_proxy"),
        ("[server]\ntls_cert = 'a.pem'", "server.tls_key"),
        ("[server]\ntls_key = 'a.pem'", "server.tls_cert"),
        ("[server]\nbehind_proxy = ['10.0.0.0/99']", "10.0.0.0/99"),
        ("[server]\nbehind_proxy = [1]", "server.behind_proxy"),
        ("[server]\nbehind_proxy = ['0.0.0.0/0']", "0.0.0.0/0 is too wide"),
        ("[server]\nbehind_proxy = ['10.0.0.1', '::/0']", "::/0 is too wide"),
        ("[server]\nhostnames = ['a b']", "server.hostnames"),
        ("[server]\nhostnames = ['user@audit.example']", "server.hostnames"),
        ("[server]\nhostnames = ['audit.example:port']", "server.hostnames"),
        ("[server]\nconnections_max = 1", "server.connections_max"),
        ("[server]\nnewcomers_per_address_max = 0", "server.newcomers_per_address_max"),
        ("[server]\nintake_bodies_bytes_max = '1 MiB'", "server.intake_bodies_bytes_max"),
        ("[server]\nfirst_request_max = '0 s'", "server.first_request_max"),
        ("[server]\nnewcomer_max = '2 h'", "server.newcomer_max"),
        ("[server]\nbody_slack = 'long'", "server.body_slack"),
        ("[server]\nanonymous_body_slack = ''", "server.anonymous_body_slack"),
        ("[server]\nstalled_max = '1 d'", "server.stalled_max"),
        ("[data]\ndir = ''", "data.dir"),
        ("[log]\ngroup_bytes_max = '4 MB'", "log.group_bytes_max"),
        ("[search]\ntime_max = '1 d'", "search.time_max"),
        ("[search]\nexports_max = 0", "search.exports_max"),
        ("[log]\ngroup_bytes_max = 1", "outside"),
        ("[log]\ngroup_events_max = 0", "log.group_events_max"),
        ("[log]\ntail_bytes_max = -1", "log.tail_bytes_max"),
        ("[log]\nqueue_bytes_max = 1.5", "log.queue_bytes_max"),
        ("[log]\nduplicate_window = '1 h'", "at least"),
        ("[log]\nduplicate_window = '1 week'", "log.duplicate_window"),
        ("[log]\nduplicate_events = 10", "log.duplicate_events"),
        ("[log]\nseal_after = '1 s'", "log.seal_after"),
        ("[retention]\nage = '1 h'", "retention.age"),
        ("[retention]\nbytes = '5'", "retention.bytes"),
        ("[retention]\nbytes = 'much'", "retention.bytes"),
        ("[retention]\nage = '3 d'", "below floor_age"),
        ("[retention]\nfloor_age = '366 d'", "below floor_age"),
        ("[retention]\nbytes = '1 MiB'\nfloor_bytes = '2 MiB'", "below floor_bytes"),
        ("[retention]\nfloor_age = '7'", "retention.floor_age"),
        ("[retention]\nfloor_bytes = '7'", "retention.floor_bytes"),
        ("[retention]\nreduction_delay = ''", "retention.reduction_delay"),
        ("[retention]\nreduction_delay = '91 d'", "90 d"),
        ("[retention]\nclock_agreed = '25 h'", "1 d"),
        ("[retention]\nclock_beyond = '10 s'", "retention.clock_beyond"),
        ("[quota]\nbytes_per_day = '1 KiB'", "quota.bytes_per_day"),
        ("[quota]\nstored_bytes = 'much'", "quota.stored_bytes"),
        ("[retention]\nfloor_bytes = '1 GiB'\n[quota]\nstored_bytes = '1 GiB'", "not above retention.floor_bytes"),
        ("[data]\nreserve_bytes = 'much'", "data.reserve_bytes"),
        ("[event]\nevent_bytes_max = '1 B'", "event.event_bytes_max"),
        ("[event]\njson_depth_max = 1000", "event.json_depth_max"),
        ("[delivery]\nhostname = 'a b'", "delivery.hostname"),
        ("[delivery]\nallow = 'nowhere'", "delivery.allow"),
        ("[delivery]\ndeny = ['nowhere']", "delivery.deny"),
        ("[telemetry]\nformat = 'xml'", "telemetry.format"),
        ("[telemetry]\nlevel = 'a=b=c'", "telemetry.level"),
        ("[telemetry]\naccess = 'some'", "telemetry.access"),
        ("[telemetry]\naccess = 'sample'\naccess_sample = 0", "telemetry.access_sample"),
        ("not toml", "is not TOML"),
    ];
    for (file, expected) in cases {
        let message = problem(file, &[]);
        assert!(message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn all_problems_are_told_together() {
    let message = problem(
        "[server]\nlisten = 'x'\nnope = 1\n[log]\ntail_bytes_max = 'much'\n[telemetry]\nformat = 'xml'",
        &[("AUDITWIRE_EVENT__LABELS_MAX", "0")],
    );
    assert!(message.contains("5 problems"), "{message}");
    for key in ["server.listen", "server.nope", "log.tail_bytes_max", "telemetry.format", "event.labels_max"] {
        assert!(message.contains(key), "{key}: {message}");
    }
}

#[test]
fn a_public_address_is_fine_with_tls_or_behind_a_proxy() {
    let tls = "[server]\nlisten = '0.0.0.0:443'\ntls_cert = 'c'\ntls_key = 'k'";
    assert!(load(tls, &[], &Vec::new()).unwrap().server.tls.is_some());
    let proxy = "[server]\nlisten = '[::]:80'\nbehind_proxy = ['10.0.0.1']";
    let networks = load(proxy, &[], &Vec::new()).unwrap().server.behind_proxy;
    assert_eq!(networks, ["10.0.0.1/32".parse::<IpNet>().unwrap()]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let failure = Config::load(Some(Path::new("/nowhere/a.toml")), [], &Vec::new()).unwrap_err();
    assert!(failure.message.contains("/nowhere/a.toml"), "{}", failure.message);
}

#[test]
fn an_empty_variable_is_not_set_whatever_its_key() {
    let plain = Config::load(None, [], &Vec::new()).unwrap();
    for (section, keys) in &DEFAULTS.parse::<toml::Table>().unwrap() {
        for key in keys.as_table().unwrap().keys() {
            let name = format!("AUDITWIRE_{section}__{key}").to_uppercase();
            let config = Config::load(None, [(OsString::from(&name), OsString::new())], &Vec::new());
            assert_eq!(config.unwrap_or_else(|failure| panic!("{name}: {}", failure.message)), plain, "{name}");
        }
    }
    let file = "[log]\nseal_after = '20 m'\n[server]\nhostnames = ['a']\n";
    let empty =
        [("AUDITWIRE_LOG__SEAL_AFTER", ""), ("AUDITWIRE_SERVER__HOSTNAMES", ""), ("AUDITWIRE_LOG__TAILS_MAX", "")];
    let config = load(file, &empty, &Vec::new()).unwrap();
    assert_eq!(config.log.seal_after, Duration::from_secs(1200), "the file's value stays");
    assert_eq!(config.server.hostnames.len(), 1);
    assert!(problem("", &[("AUDITWIRE_LOG__SEAL_AFTR", "")]).contains("seal_after"), "a slip is still one");
}
