//! What the command line says.

use std::path::PathBuf;

use crate::Result;

pub(crate) const USAGE: &str = "\
faults VERB --service PATH [--seed N] [--count N] [--lanes N] [--rate N] [--transport tcp|tls|both]

  deaths   --count receivers die under load, in --lanes projects at a time; kinds and moments are chosen by the seed
  kill     the service is killed under load --count times and started again; now and then a receiver dies with it
  switches the active connection is switched --count times between two receivers
  blackhole  --count times every packet to the receiver is lost, in a network namespace (root)
  stopped  --count times a process is stopped while another one, on the same store, makes another connection active
  projects --count projects, each with an active connection to a receiver socket of its own, in one process
  slow     a receiver reads 100 bytes/s for --count seconds
  short    a few of everything, as CI runs it

  --rate is the load: events per second in each lane.
";

/// A run.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) verb: String,
    pub(crate) service: PathBuf,
    pub(crate) seed: u64,
    pub(crate) count: usize,
    pub(crate) lanes: usize,
    pub(crate) rate: u32,
    pub(crate) transport: String,
}

impl Options {
    pub(crate) fn read(args: &[String]) -> Result<Self> {
        let (verb, mut rest) = args.split_first().ok_or(USAGE)?;
        let mut options = Self {
            verb: verb.clone(),
            service: PathBuf::new(),
            seed: fresh_seed(),
            count: 0,
            lanes: 30,
            rate: 200,
            transport: "both".to_owned(),
        };
        while let [name, others @ ..] = rest {
            let [value, others @ ..] = others else { return Err(format!("{name} wants a value\n\n{USAGE}").into()) };
            match name.as_str() {
                "--service" => options.service = value.into(),
                "--seed" => options.seed = value.parse()?,
                "--count" => options.count = value.parse()?,
                "--lanes" => options.lanes = value.parse::<usize>()?.max(1),
                "--rate" => options.rate = value.parse::<u32>()?.max(1),
                "--transport" if ["tcp", "tls", "both"].contains(&value.as_str()) => {
                    options.transport.clone_from(value)
                }
                _ => return Err(USAGE.into()),
            }
            rest = others;
        }
        if options.service.as_os_str().is_empty() {
            return Err(format!("--service is wanted\n\n{USAGE}").into());
        }
        Ok(options)
    }

    /// A part of the short form.
    pub(crate) fn short(&self, verb: &str, count: usize, transport: &str) -> Self {
        Self { verb: verb.to_owned(), count, lanes: 8, rate: 200, transport: transport.to_owned(), ..self.clone() }
    }

    /// How many, if nothing was said.
    pub(crate) fn count_or(&self, default: usize) -> usize {
        if self.count == 0 { default } else { self.count }
    }

    /// The command that chooses the same again.
    pub(crate) fn again(&self) -> String {
        let Self { verb, seed, count, lanes, rate, transport, .. } = self;
        format!(
            "cargo xtask faults {verb} --seed {seed} --count {count} --lanes {lanes} --rate {rate} --transport {transport}"
        )
    }
}

fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Short enough to be typed.
    std::hash::RandomState::new().build_hasher().finish() % 1_000_000
}
