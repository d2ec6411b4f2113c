//! A question under way: its place among the project's questions, its scan, and its time.

use std::time::Duration;

use arrow_array::RecordBatch;
use auditwire_model::{Position, ProjectId};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::{Scan, Scanned};
use crate::permits::Permit;

/// When a place among the questions may be free again.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// A scan whose pieces are made into `T`s. Dropping it ends the scan and gives the place back.
pub(crate) struct Asking<T> {
    pieces: BoxStream<'static, Result<Piece<T>>>,
    deadline: Instant,
    whole: bool,
    _permit: Option<Permit>,
}

/// What was made of a piece of the scan, and how far the scan has come with it.
pub(crate) struct Piece<T> {
    pub(crate) value: T,
    pub(crate) through: Position,
}

impl<T: Send + 'static> Asking<T> {
    /// Begins a scan; `make` sees every piece with matching rows.
    ///
    /// # Errors
    /// `too_many_searches`.
    pub(crate) async fn begin(
        engine: &Engine,
        project: &ProjectId,
        scan: Scan,
        make: impl Fn(RecordBatch) -> T + Send + Sync + 'static,
    ) -> Result<Self> {
        let settings = &engine.settings.search;
        // What waits for a place uses up its own time.
        let deadline = Instant::now() + settings.time_max;
        let permit = engine.shared.searches.take(project, settings.place_wait).await.ok_or_else(too_many)?;
        Ok(Self::over(engine.log.scan(scan), deadline, Some(permit), make))
    }

    /// The same over a scan that has begun.
    pub(crate) fn over(
        scan: BoxStream<'static, Result<Scanned>>,
        deadline: Instant,
        permit: Option<Permit>,
        make: impl Fn(RecordBatch) -> T + Send + Sync + 'static,
    ) -> Self {
        let pieces = scan.map(move |scanned| {
            let scanned = scanned?;
            Ok(Piece { value: make(scanned.batch), through: scanned.through })
        });
        Self { pieces: pieces.boxed(), deadline, whole: true, _permit: permit }
    }

    /// The next piece; `None` at the end of the scan or of the time.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece<T>>> {
        if Instant::now() >= self.deadline {
            self.whole = false;
            return Ok(None);
        }
        match timeout_at(self.deadline, self.pieces.next()).await {
            Ok(piece) => piece.transpose(),
            Err(_) => {
                self.whole = false;
                Ok(None)
            }
        }
    }

    /// Whether everything that was asked for has been looked at; known after the last piece.
    pub(crate) fn whole(&self) -> bool {
        self.whole
    }
}

fn too_many() -> Error {
    let detail = "too many searches of this project are under way; try again later";
    Error::new(Kind::Busy, "too_many_searches", detail).retry_after(PLACE_WAIT)
}
