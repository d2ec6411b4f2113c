//! The command line. Each verb's arguments stand in the file of the verb; this one holds the table.

use std::sync::LazyLock;

use auditwire_server::{BUILD, Build};
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::failure::Result;
use crate::{
    alerts, check, clock_verbs, connections, demo, events, keys, receive, replay, retention, serve, sign_in, store,
    tokens,
};

/// A self-hosted audit service: durable event log in, every event out to your SIEM.
#[derive(Debug, Parser)]
#[command(name = "auditwire", version = VERSION.as_str(), propagate_version = true, max_term_width = 100, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `--version` says of every verb: version, processor and system, profile.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let Build { version, target: (arch, system), profile } = BUILD;
    format!("{version} ({arch}-{system}, {profile})")
});

const AFTER_HELP: &str = "\
First steps:
  auditwire demo                          see the whole thing work, in ten seconds
  auditwire serve --data ./audit          run the service; makes ./audit/operator.token, prints a link to the console
  export AUDITWIRE_TOKEN=\"$(cat ./audit/operator.token)\"
  auditwire connections create --name siem --endpoint siem.example:6514 --transport tls
  auditwire connections activate siem

Environment:
  AUDITWIRE_URL, AUDITWIRE_TOKEN, AUDITWIRE_PROJECT, AUDITWIRE_CA   for all verbs that ask a service
  AUDITWIRE_KEYS, AUDITWIRE_<SECTION>__<KEY>                        for serve
  NO_COLOR                                                          plain output

Exit codes:
  0  done
  1  it failed, or a check did not pass
  2  the command line or the configuration is wrong
  3  another process holds the data directory";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service in the foreground.
    Serve(serve::ServeArgs),
    /// Show the main job: events in over HTTP, through the durable log, out to a syslog receiver.
    Demo(demo::DemoArgs),
    /// Create, check, activate and watch SIEM connections.
    Connections(connections::ConnectionsArgs),
    /// Check whether a SIEM can be reached and takes messages, without storing anything.
    Check(check::CheckArgs),
    /// Search, export and follow the Event log.
    Events(events::EventsArgs),
    /// Send a part of the log again to the active connection.
    Replay(replay::ReplayArgs),
    /// Show what is wrong with a project or its delivery, and set the webhook that is told of it.
    Alerts(alerts::AlertsArgs),
    /// Show what the service believes of its clock, and accept it.
    Clock(clock_verbs::ClockArgs),
    /// List, renew and replace the master keys that secrets are sealed by.
    Keys(keys::KeysArgs),
    /// List, create, rotate and revoke API tokens.
    Tokens(tokens::TokensArgs),
    /// Show and change how long events are kept.
    Retention(retention::RetentionArgs),
    /// Look at the data folder, and mend what a restore from a back-up leaves.
    Store(store::StoreArgs),
    /// Make a link that signs the operator in to the console once, within 30 minutes.
    SignInLink(sign_in::SignInLinkArgs),
    /// Receive syslog, show it and validate it: what a SIEM would get.
    Receive(receive::ReceiveArgs),
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  auditwire completion bash > ~/.local/share/bash-completion/completions/auditwire"
    )]
    Completion {
        /// Which shell.
        shell: Shell,
    },
}

/// Prints a completion script.
pub(crate) fn completion(shell: Shell) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "auditwire", &mut script);
    Ok(crate::terminal::raw(String::from_utf8_lossy(&script))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_verbs_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_tells_its_version() {
        for line in
            ["auditwire -V", "auditwire serve --version", "auditwire connections list -V", "auditwire keys --version"]
        {
            let told = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(told.kind(), clap::error::ErrorKind::DisplayVersion, "{line}");
            assert!(told.to_string().contains(&format!("{} (", BUILD.version)), "{told}");
        }
    }

    #[test]
    fn every_verb_and_argument_explains_itself() {
        fn visit(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
            }
            command.get_subcommands().for_each(|sub| visit(sub, &path));
        }
        visit(&Cli::command(), "");
    }

    #[test]
    fn service_arguments_may_stand_after_the_verb() {
        let line = ["auditwire", "connections", "list", "--json", "--project", "p", "--url", "http://h:1"];
        let Command::Connections(args) = Cli::try_parse_from(line).unwrap().command else { panic!("another verb") };
        assert!(args.client.json);
        assert_eq!((args.client.project.as_str(), args.client.url.as_str()), ("p", "http://h:1"));
    }

    #[test]
    fn mistakes_are_refused() {
        for line in [
            "auditwire connections delete",
            "auditwire connections activate a --start sometime",
            "auditwire connections create --endpoint a:1 --transport carrier-pigeon",
            "auditwire serve --listen",
            "auditwire receive --framing none",
            "auditwire events export",
            "auditwire events export --output a --format xlsx",
            "auditwire events export --output a --limit 0",
            "auditwire events search --order up",
            "auditwire check",
            "auditwire replay start",
            "auditwire replay start siem --rate fast",
            "auditwire alerts webhook set",
            "auditwire tokens create agent",
            "auditwire tokens create agent --scopes everything",
            "auditwire tokens revoke t-1 --revoke-descendants --adopt-descendants",
            "auditwire alerts webhook set https://a --pem-file a --no-pem",
            "auditwire retention set",
            "auditwire retention set --days many",
            "auditwire nothing",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn completion_scripts_know_the_verbs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "auditwire", &mut script);
            assert!(String::from_utf8(script).unwrap().contains("connections"), "{shell}");
        }
    }
}
