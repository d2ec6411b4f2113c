//! A question under way: its place among the project's questions, its scan, and its time.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use auditwire_model::ProjectId;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, timeout_at};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::{Damage, Mapped, Scan};
use crate::permits::Permit;

/// When a place among the questions may be free again.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// A scan whose batches are made into `T`s. Dropping it ends the scan and gives the place back.
pub(crate) struct Asking<T> {
    pieces: BoxStream<'static, Result<Mapped<T>>>,
    deadline: Instant,
    in_time: bool,
    damage: Vec<Damage>,
    _permit: Option<Permit>,
}

impl<T: Send + 'static> Asking<T> {
    /// Begins scans, one after the other; `make` sees every batch of matching rows, on the threads that decode.
    ///
    /// # Errors
    /// `too_many_searches`.
    pub(crate) async fn begin(
        engine: &Engine,
        project: &ProjectId,
        scans: Vec<Scan>,
        make: impl Fn(RecordBatch) -> T + Send + Sync + 'static,
    ) -> Result<Self> {
        let settings = &engine.settings.search;
        // What waits for a place uses up its own time.
        let deadline = Instant::now() + settings.time_max;
        let permit = engine.shared.searches.take(project, settings.place_wait).await.ok_or_else(too_many)?;
        Ok(Self::over(one_after_the_other(engine, scans, make), deadline, Some(permit)))
    }

    /// The same over a scan that has begun.
    pub(crate) fn over(
        pieces: BoxStream<'static, Result<Mapped<T>>>,
        deadline: Instant,
        permit: Option<Permit>,
    ) -> Self {
        Self { pieces, deadline, in_time: true, damage: Vec::new(), _permit: permit }
    }

    /// The next piece; `None` at the end of the scan or of the time.
    pub(crate) async fn next(&mut self) -> Result<Option<Mapped<T>>> {
        let next = async {
            // A scan that always has its next piece ready must end in time too.
            if Instant::now() >= self.deadline {
                None
            } else {
                timeout_at(self.deadline, self.pieces.next()).await.ok()
            }
        };
        let Some(piece) = next.await else {
            self.in_time = false;
            return Ok(None);
        };
        let piece = piece.transpose()?;
        self.damage.extend(piece.iter().filter_map(|piece| piece.damage.clone()));
        Ok(piece)
    }

    /// False once the time ran out.
    pub(crate) fn in_time(&self) -> bool {
        self.in_time
    }

    /// Whether everything that was asked for has been looked at; known after the last piece.
    pub(crate) fn whole(&self) -> bool {
        self.in_time && self.damage.is_empty()
    }

    /// What could not be read so far.
    pub(crate) fn into_damage(self) -> Vec<Damage> {
        self.damage
    }
}

/// Scans whose batches are made into `T`s.
pub(crate) fn one_after_the_other<T: Send + 'static>(
    engine: &Engine,
    scans: Vec<Scan>,
    make: impl Fn(RecordBatch) -> T + Send + Sync + 'static,
) -> BoxStream<'static, Result<Mapped<T>>> {
    let (log, make) = (engine.log.clone(), Arc::new(make));
    stream::iter(scans).flat_map(move |scan| log.scan_map(scan, Arc::clone(&make) as _)).boxed()
}

fn too_many() -> Error {
    let detail = "too many searches of this project are under way; try again later";
    Error::new(Kind::Busy, "too_many_searches", detail).retry_after(PLACE_WAIT)
}
