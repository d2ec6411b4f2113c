//! Times of receipt that came from a wrong clock. Events keep what was written; when somebody says that the clock is right now,
//! a correction is stored for each project whose events are ahead, and from then on they count as received at that moment:
//! for the order of what comes after, and for what ends.

use std::collections::HashMap;

use auditwire_model::{Position, ProjectId, Timestamp};

use crate::error::Result;
use crate::records::{Correction, CorrectionRecord, Document};
use crate::store::{Change, Effect, Expect, Record, RecordKey, RecordKind};

/// The corrections of all projects.
#[derive(Debug, Default)]
pub(crate) struct Corrections(HashMap<ProjectId, Vec<Correction>>);

impl Corrections {
    /// Reads what is stored. One that cannot be read is passed over: its events stay longer.
    pub(crate) fn read(records: &[Record]) -> Self {
        let mut corrections = Self::default();
        for record in records {
            match (CorrectionRecord::decode(record), &record.key.project) {
                (Ok(read), Some(project)) => corrections.add(project, read.into_current()),
                (Err(error), _) => tracing::error!(%error, "a correction of the clock is passed over"),
                (Ok(_), None) => {}
            }
        }
        corrections
    }

    pub(crate) fn add(&mut self, project: &ProjectId, correction: Correction) {
        self.0.entry(project.clone()).or_default().push(correction);
    }

    /// When an event counts as received.
    pub(crate) fn received(&self, project: &ProjectId, at: Position, received: Timestamp) -> Timestamp {
        let known = self.0.get(project).map(Vec::as_slice).unwrap_or_default();
        known.iter().filter(|correction| at <= correction.through).fold(received, |at, known| at.min(known.to))
    }
}

/// The change that stores it.
pub(crate) fn put(project: &ProjectId, correction: Correction) -> Result<Change> {
    // Positions are never given twice, so this is a new one, or the same again.
    let key = RecordKey::of(RecordKind::ClockCorrection, project, format!("{:020}", correction.through.0));
    Ok(Change { key, expect: Expect::Any, effect: Effect::Put(CorrectionRecord::from(correction).encode()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos).unwrap()
    }

    #[test]
    fn what_came_before_counts_as_received_then_and_what_comes_after_as_it_was() {
        let (mut corrections, project) = (Corrections::default(), ProjectId::default_project());
        let of = |corrections: &Corrections, at, received| {
            corrections.received(&project, Position(at), time(received)).as_nanos()
        };
        assert_eq!(of(&corrections, 5, 900), 900);
        corrections.add(&project, Correction { through: Position(10), from: time(900), to: time(100) });
        assert_eq!([of(&corrections, 5, 50), of(&corrections, 10, 900), of(&corrections, 11, 900)], [50, 100, 900]);
        corrections.add(&project, Correction { through: Position(20), from: time(800), to: time(90) });
        assert_eq!([of(&corrections, 5, 900), of(&corrections, 20, 800), of(&corrections, 21, 800)], [90, 90, 800]);
        assert_eq!(corrections.received(&ProjectId::system(), Position(5), time(900)), time(900));
    }
}
