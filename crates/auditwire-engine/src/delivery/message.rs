//! Events become messages, and filters decide on them: the one place that does both for senders, replays, previews and checks.
//! An event at which either panics is no message and nothing that is kept back: it is set aside with the reason `internal`,
//! and what comes behind it goes on.

use arrow_array::{BooleanArray, RecordBatch};
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::event::{EventView, rows};
use auditwire_model::query::{Expr, evaluate};
use auditwire_model::wire::{RenderContext, Rendered, Renderer};

use super::failure::INTERNAL;
use crate::tasks::{Panicked, Task, Tasks};

/// Makes the messages of one connection's revision.
#[derive(Debug, Clone)]
pub(crate) struct Messages {
    renderer: Renderer,
    tasks: Tasks,
}

/// What of a batch passes a filter.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) selected: BooleanArray,
    /// Rows on which the filter could not decide; they count as selected.
    pub(crate) undecided: Vec<usize>,
}

impl Messages {
    pub(crate) fn new(spec: &ConnectionSpec, context: &RenderContext, tasks: &Tasks) -> Self {
        Self { renderer: Renderer::new(spec, context), tasks: tasks.clone() }
    }

    /// The same for a replay.
    pub(crate) fn for_replay(self, id: &str) -> Self {
        Self { renderer: self.renderer.for_replay(id), ..self }
    }

    /// Appends the message for `event` to `out`, without a frame, as [`Renderer::render`] does.
    ///
    /// # Errors
    /// Why there is none, for people; `out` is then as it was.
    pub(crate) fn write(&self, event: &EventView<'_>, n: u64, out: &mut Vec<u8>) -> Result<Rendered, String> {
        let start = out.len();
        let made = self.tasks.caught_here(Task::Message, || {
            self.tasks.reach("message", event.action);
            self.renderer.render(event, n, out)
        });
        match made {
            Ok(made) => made.map_err(|why| why.to_string()),
            Err(panicked) => {
                out.truncate(start);
                Err(defect(panicked))
            }
        }
    }

    /// What of a batch passes `filter`.
    pub(crate) fn decide(&self, filter: &Expr, batch: &RecordBatch) -> Decided {
        let decide = |batch: &RecordBatch| {
            self.tasks.caught_here(Task::Message, || {
                rows(batch).for_each(|event| self.tasks.reach("filter", event.action));
                evaluate(filter, batch)
            })
        };
        if let Ok(selected) = decide(batch) {
            return Decided { selected, undecided: Vec::new() };
        }
        // One event of it, or some: each is asked for alone.
        let mut undecided = Vec::new();
        let passes = |row| match decide(&batch.slice(row, 1)) {
            Ok(selected) => selected.value(0),
            Err(_) => {
                undecided.push(row);
                true
            }
        };
        let selected = (0..batch.num_rows()).map(passes).map(Some).collect();
        Decided { selected, undecided }
    }
}

/// The reason of an event that met a defect.
fn defect(panicked: Panicked) -> String {
    format!("{INTERNAL}: {panicked}")
}

/// The reason of an event on which its filter could not decide.
pub(crate) fn undecided() -> String {
    format!("{INTERNAL}: the connection's filter could not be decided on it; the service's log says where")
}
