//! The course of one check: runs stages one after the other, measures them, and ends with the first that fails.

use std::net::SocketAddr;
use std::time::Duration;

use auditwire_model::connection::{Host, Transport};
use tokio::time::Instant;

use super::{CheckReport, Observer, Stage, StageReport, Subject};
use crate::delivery::failure::LinkFailure;
use crate::delivery::resolve::resolve;
use crate::tasks::Panicked;

/// The course has ended with a failed stage, which is recorded.
#[derive(Debug)]
pub(super) struct Ended;

/// Stages so far, and the time that is left.
pub(super) struct Course<'a> {
    deadline: Instant,
    observer: Observer<'a>,
    stages: Vec<StageReport>,
    confirmed: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(total: Duration, observer: Observer<'a>) -> Self {
        Self { deadline: Instant::now() + total, observer, stages: Vec::new(), confirmed: false }
    }

    /// Runs one stage within the time that is left. `work` gives what the next stages need and what to tell.
    pub(super) async fn stage<T>(
        &mut self,
        stage: Stage,
        work: impl Future<Output = Result<(T, String), LinkFailure>>,
    ) -> Result<T, Ended> {
        let begun = Instant::now();
        let result = tokio::time::timeout_at(self.deadline, work).await.unwrap_or_else(|_| Err(out_of_time(stage)));
        let took = begun.elapsed();
        match result {
            Ok((value, message)) => {
                self.end(StageReport::passed(stage, took, message));
                Ok(value)
            }
            Err(failure) => {
                self.end(StageReport::failed(stage, took, failure));
                Err(Ended)
            }
        }
    }

    /// Address and resolve: from the connection point to addresses that may be connected to. A literal address is judged
    /// in the first stage, a name's in the second, when they are known.
    pub(super) async fn addresses(&mut self, subject: Subject<'_>) -> Result<Vec<SocketAddr>, Ended> {
        let (endpoint, guard) = (&subject.spec.endpoint, &subject.context.guard);
        let literal = matches!(endpoint.host, Host::Address(_));
        self.stage(Stage::Address, async {
            if literal {
                resolve(endpoint, guard).await?;
                return Ok(((), "The address is allowed.".to_owned()));
            }
            Ok(((), "The connection point is a name; its addresses are judged next.".to_owned()))
        })
        .await?;
        self.stage(Stage::Resolve, async {
            let found = resolve(endpoint, guard).await?;
            let message = match (literal, found.len()) {
                (true, _) => "An address needs no resolution.".to_owned(),
                (false, 1) => "The name has one address, which is allowed.".to_owned(),
                (false, count) => format!("The name has {count} addresses, all of them allowed."),
            };
            Ok((found, message))
        })
        .await
    }

    /// The peer has confirmed.
    pub(super) fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// A stage in which nothing can be done: it passes, with a code that says what it cannot find out.
    pub(super) fn doubt(&mut self, stage: Stage, doubt: LinkFailure) {
        self.end(StageReport::doubtful(stage, Duration::ZERO, doubt));
    }

    fn end(&mut self, stage: StageReport) {
        (self.observer)(&stage);
        self.stages.push(stage);
    }

    /// The stage that was under way met a defect.
    pub(super) fn broken_off(&mut self, transport: Transport, panicked: Panicked) {
        let next =
            Stage::all_of(transport).into_iter().find(|stage| self.stages.iter().all(|done| done.stage != *stage));
        let failure = LinkFailure::of_defect(panicked);
        self.end(StageReport::failed(next.unwrap_or(Stage::Acknowledge), Duration::ZERO, failure));
    }

    pub(super) fn report(self) -> CheckReport {
        let ok = !self.stages.is_empty() && self.stages.iter().all(|stage| stage.ok);
        let confirmed = ok && self.confirmed;
        CheckReport { ok, confirmed, revision: None, stages: self.stages, warnings: Vec::new() }
    }
}

fn out_of_time(stage: Stage) -> LinkFailure {
    let code = match stage {
        Stage::Address | Stage::Resolve => "name_server_failed",
        Stage::Connect => "connect_timeout",
        Stage::Tls => "tls_timeout",
        Stage::Send | Stage::Watch | Stage::Acknowledge => "not_acknowledged",
    };
    LinkFailure::new(code, "The time for the whole check was over.")
}
