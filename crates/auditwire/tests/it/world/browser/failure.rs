//! What a failed test leaves behind: the picture and the text of each page that was open, and what the browser said.

use std::path::{Path, PathBuf};

use super::command::Log;
use super::driver::Driver;

/// Where failed tests leave their pages.
pub(crate) fn folder() -> PathBuf {
    // Cargo's own folder for tests lies in the target directory.
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser-failures")
}

/// Writes `target/browser-failures/TEST.png` and `.html`, and says so.
pub(super) fn keep(driver: &Driver) {
    let Some((url, session)) = driver.address() else { return };
    // The test's own runtime is unwinding. A thread with a runtime of its own can still ask the browser.
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async { tokio::time::timeout(LIMIT, ask(&url, &session)).await.ok().flatten() })
    });
    match asked.join() {
        Ok(Some(page)) => page.write(),
        _ => println!("--- the browser no longer answers; its log ---\n{}", driver.log()),
    }
}

/// A browser that does not answer must not hide the failure that brought us here.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

struct Page {
    url: String,
    html: String,
    picture: Vec<u8>,
    console: Vec<String>,
}

async fn ask(driver: &str, session: &str) -> Option<Page> {
    let client = Driver::attach(driver, session).await?;
    let console = client.issue_cmd(Log("browser")).await.ok()?;
    let line = |entry: &serde_json::Value| Some(entry["message"].as_str()?.to_owned());
    Some(Page {
        url: client.current_url().await.ok()?.to_string(),
        html: client.source().await.ok()?,
        picture: client.screenshot().await.ok()?,
        console: console.as_array()?.iter().filter_map(line).collect(),
    })
}

impl Page {
    fn write(&self) {
        let folder = folder();
        let _ = std::fs::create_dir_all(&folder);
        let path = free(&folder.join(test()));
        for (extension, bytes) in [("png", self.picture.as_slice()), ("html", self.html.as_bytes())] {
            let _ = std::fs::write(path.with_extension(extension), bytes);
        }
        println!("--- the page, {} ---\n{}.png and .html", self.url, path.with_extension("").display());
        for line in &self.console {
            println!("console: {line}");
        }
    }
}

/// The running test, as libtest names its thread.
fn test() -> String {
    std::thread::current().name().unwrap_or("test").replace("::", "-")
}

/// A test with two browsers leaves two pages; those of earlier runs are written over.
fn free(path: &Path) -> PathBuf {
    static WRITTEN: std::sync::Mutex<Vec<PathBuf>> = std::sync::Mutex::new(Vec::new());
    let mut written = WRITTEN.lock().unwrap();
    let numbered = |n: usize| if n == 1 { path.to_owned() } else { PathBuf::from(format!("{}-{n}", path.display())) };
    let free = (1..).map(numbered).find(|p| !written.contains(p)).unwrap();
    written.push(free.clone());
    free
}
