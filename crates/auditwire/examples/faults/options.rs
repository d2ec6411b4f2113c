//! What the command line says.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::Result;
use crate::lane::Siem;

pub(crate) const USAGE: &str = "\
faults VERB --service PATH [--seed N] [--count N] [--lanes N] [--rate N] [--transport tcp|tls|both]
       [--overlap-bytes N] [--overlap-seconds N] [--faketime PATH] [--only MISHAP]

  deaths   --count receivers die under load, in --lanes projects at a time; kinds and moments are chosen by the seed. Those in the dark
           need a network namespace (root)
  kill     the service is killed under load --count times and started again; now and then a receiver dies with it
  switches the active connection is switched --count times between two receivers
  blackhole  --count times every packet to the receiver is lost, in a network namespace (root)
  dropped  --count receivers die in the dark: every packet is lost before and while they do (root)
  proxy    --count deaths behind a proxy and of a proxy; without --overlap-seconds those behind it may lose events, and are counted
  stopped  --count times a process is stopped while another one, on the same store, makes another connection active
  fresh    --count receivers, and the service with some of them, die while fresh events overtake the backlog of an outage of a minute
  operator --count mishaps of whoever operates the service under load, chosen by the seed: stores put back, deleted and older, clocks
           that jump (--faketime), locks deleted, folders that vanish, volumes that fill up (root)
  projects --count projects, each with an active connection to a receiver socket of its own, in one process
  slow     a receiver reads 100 bytes/s for --count seconds
  short    a few of everything, as CI runs it

  --rate is the load: events per second in each lane. --overlap-bytes and --overlap-seconds are the connections' options; with
  --overlap-bytes 0 a run of deaths must fail, which proves that it can.
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
    pub(crate) overlap_bytes: Option<u64>,
    pub(crate) overlap_seconds: Option<u32>,
    /// Where libfaketime lies.
    pub(crate) faketime: Option<PathBuf>,
    /// The only mishap.
    pub(crate) only: Option<String>,
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
            overlap_bytes: None,
            overlap_seconds: None,
            faketime: None,
            only: None,
        };
        while let [name, others @ ..] = rest {
            let [value, others @ ..] = others else { return Err(format!("{name} wants a value\n\n{USAGE}").into()) };
            match name.as_str() {
                "--service" => options.service = value.into(),
                "--seed" => options.seed = value.parse()?,
                "--count" => options.count = value.parse()?,
                "--lanes" => options.lanes = value.parse::<usize>()?.max(1),
                "--rate" => options.rate = value.parse::<u32>()?.max(1),
                "--overlap-bytes" => options.overlap_bytes = Some(value.parse()?),
                "--only" => options.only = Some(value.clone()),
                "--faketime" => options.faketime = Some(value.into()),
                "--overlap-seconds" => options.overlap_seconds = Some(value.parse()?),
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
        Self { verb: verb.to_owned(), count, lanes: 16, rate: 100, transport: transport.to_owned(), ..self.clone() }
    }

    /// How many, if nothing was said.
    pub(crate) fn count_or(&self, default: usize) -> usize {
        if self.count == 0 { default } else { self.count }
    }

    /// The command that chooses the same again.
    pub(crate) fn again(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        format!("faults {}", words.join(" "))
    }

    /// These options as arguments.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![self.verb.clone().into(), "--service".into(), self.service.clone().into()];
        let mut add = |name: &str, value: String| words.extend([OsString::from(name), value.into()]);
        add("--seed", self.seed.to_string());
        add("--count", self.count.to_string());
        add("--lanes", self.lanes.to_string());
        add("--rate", self.rate.to_string());
        add("--transport", self.transport.clone());
        if let Some(bytes) = self.overlap_bytes {
            add("--overlap-bytes", bytes.to_string());
        }
        if let Some(seconds) = self.overlap_seconds {
            add("--overlap-seconds", seconds.to_string());
        }
        if let Some(only) = &self.only {
            words.extend([OsString::from("--only"), only.into()]);
        }
        if let Some(faketime) = &self.faketime {
            words.extend([OsString::from("--faketime"), faketime.into()]);
        }
        words
    }

    /// What connections of this run are; `certificate` makes one TLS.
    pub(crate) fn siem(&self, certificate: Option<&String>) -> Siem {
        let (overlap_bytes, overlap_seconds) = (self.overlap_bytes, self.overlap_seconds);
        Siem { certificate: certificate.cloned(), overlap_bytes, overlap_seconds, ..Siem::default() }
    }

    /// Whether the `k`th lane of a run speaks TLS.
    pub(crate) fn is_tls(&self, k: usize) -> bool {
        self.transport == "tls" || self.transport == "both" && k % 2 == 1
    }
}

fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Short enough to be typed.
    std::hash::RandomState::new().build_hasher().finish() % 1_000_000
}
