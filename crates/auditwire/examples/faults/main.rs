//! The fault harness: the real service, real receivers in processes of their own, real sockets, and deaths chosen by seed.
//!
//! It proves what `docs/delivery.md` says. Run it with `cargo xtask faults`; a broken promise ends it with an error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]
#![expect(clippy::disallowed_methods, reason = "it chooses moments in real time")]

mod blackhole;
mod child;
mod deaths;
mod dropped;
mod fresh;
#[path = "../bench/http.rs"]
#[expect(dead_code, reason = "the benchmark uses all of it")]
mod http;
mod kill;
mod lane;
mod ledger;
mod load;
mod netns;
mod operator;
mod options;
mod plan;
mod projects;
mod proxy;
mod receiver;
mod service;
mod slow;
mod sockets;
mod stopped;
mod switches;
mod tls;
mod verdict;
mod wait;

use options::Options;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&args) {
        eprintln!("faults: {error}");
        std::process::exit(1);
    }
}

fn run(args: &[String]) -> Result<()> {
    if args.first().is_some_and(|verb| verb == "receiver") {
        return receiver::run(args.get(1..).unwrap_or_default());
    }
    if args.first().is_some_and(|verb| verb == "receivers") {
        return receiver::run_many(args.get(1..).unwrap_or_default());
    }
    if args.first().is_some_and(|verb| verb == "forward") {
        return proxy::forward(args.get(1..).unwrap_or_default());
    }
    if args.first().is_none_or(|verb| verb == "help") {
        println!("{}", options::USAGE);
        return Ok(());
    }
    let options = Options::read(args)?;
    println!("seed {}; the same run again: {}", options.seed, options.again());
    match options.verb.as_str() {
        "deaths" => deaths::run(&options),
        "kill" => kill::run(&options),
        "switches" => switches::run(&options),
        "fresh" => fresh::run(&options),
        "blackhole" => blackhole::run(&options),
        "dropped" => dropped::run(&options),
        "proxy" => proxy::run(&options),
        "stopped" => stopped::run(&options),
        "operator" => operator::run(&options),
        "projects" => projects::run(&options),
        "slow" => slow::run(&options, 100),
        "short" => std::thread::scope(|scope| {
            // Its outage of a minute passes beside the others.
            let fresh = scope.spawn(|| fresh::run(&options.short("fresh", 3, "tls")));
            // So do the half minutes in which alerts are looked at.
            let operator = scope.spawn(|| operator::run(&options.short("operator", 11, "tcp")));
            deaths::run(&options.short("deaths", 23, "both"))?;
            kill::run(&options.short("kill", 3, "both"))?;
            switches::run(&options.short("switches", 3, "both"))?;
            dropped::run(&options.short("dropped", 8, "both"))?;
            proxy::run(&options.short("proxy", 8, "tcp"))?;
            blackhole::run(&options.short("blackhole", 1, "tcp"))?;
            stopped::run(&options.short("stopped", 1, "tcp"))?;
            projects::run(&options.short("projects", 40, "tcp"))?;
            slow::run(&options.short("slow", 8, "tcp"), 2000)?;
            operator.join().map_err(|_| "a thread died")??;
            fresh.join().map_err(|_| "a thread died")?
        }),
        _ => Err(options::USAGE.into()),
    }
}
