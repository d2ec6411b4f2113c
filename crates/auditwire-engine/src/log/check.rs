//! The store is read through and held against itself once after the start and once a day: damage that nobody meets by reading
//! is found while a back-up still has what is lost.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::store::StoreError;
use crate::tasks::Task;

const EVERY: Duration = Duration::from_secs(24 * 3600);

/// Starts the task. It ends with the log.
pub(super) fn start(shared: &Arc<Shared>) {
    let (mut closing, mut ended) = (shared.closing.subscribe(), shared.ended.subscribe());
    let (tasks, store) = (shared.tasks.clone(), Arc::clone(&shared.store));
    let again = shared.tasks.clone();
    // Nobody waits for it: it changes nothing.
    drop(tasks.spawn(Task::StoreCheck, async move {
        tokio::select! {
            () = again.again(Task::StoreCheck, || check(Arc::clone(&store))) => {}
            _ = closing.wait_for(|closing| *closing) => {}
            _ = ended.wait_for(Option::is_some) => {}
        }
    }));
}

async fn check(store: Arc<dyn crate::store::Store>) {
    loop {
        match store.check().await {
            // What is wrong was told where every answer of the store is looked at.
            Ok(()) | Err(StoreError::Malformed(_)) => {}
            Err(error) => tracing::warn!(%error, "the store could not be read through; it is tried again in a day"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
