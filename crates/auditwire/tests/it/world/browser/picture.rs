//! Pictures of pages, for documents and for people who look at a failure.

use std::path::Path;

use super::Browser;
use super::png::Picture;

impl Browser {
    /// What the window shows, as PNG.
    pub(crate) async fn screenshot(&self, path: &Path) {
        std::fs::write(path, self.client().screenshot().await.unwrap()).unwrap();
    }

    /// The whole page, also what lies below the window.
    pub(crate) async fn whole_page(&self) -> Picture {
        // A picture has no scroll bars, so the room that a page keeps for them would be an empty strip.
        self.execute("document.documentElement.style.scrollbarGutter = 'auto'").await;
        let height = self.execute("return document.documentElement.scrollHeight").await;
        let height = u32::try_from(height.as_u64().unwrap()).unwrap().max(self.options.height);
        self.resize(self.options.width, height).await;
        let picture = self.client().screenshot().await.unwrap();
        self.resize(self.options.width, self.options.height).await;
        self.execute("document.documentElement.style.scrollbarGutter = ''").await;
        Picture::read(&picture)
    }

    /// Writes the whole page to `$AUDITWIRE_SCREENSHOTS/NAME.png`, which `cargo xtask screenshots` sets; else does nothing.
    pub(crate) async fn screenshot_page(&self, name: &str) {
        if let Some(folder) = std::env::var_os("AUDITWIRE_SCREENSHOTS") {
            let path = Path::new(&folder).join(name).with_extension("png");
            std::fs::write(path, self.whole_page().await.write()).unwrap();
        }
    }
}
