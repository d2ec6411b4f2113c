//! A door before a receiver: whoever comes is let in at once, and waits there until it opens.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to a port of this machine.
pub(crate) struct Gate {
    port: u16,
    opened: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Gate {
    /// A closed one.
    pub(crate) async fn before(receiver: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (opened, door) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut links = tokio::task::JoinSet::new();
            while let Ok((mut outer, _)) = listener.accept().await {
                let mut door = door.clone();
                links.spawn(async move {
                    door.wait_for(|open| *open).await.ok()?;
                    let mut inner = TcpStream::connect(("127.0.0.1", receiver)).await.ok()?;
                    tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
                });
            }
        });
        Self { port, opened, task }
    }

    /// The connection point, as one types it.
    pub(crate) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Lets everybody through who has come and who will come.
    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}
