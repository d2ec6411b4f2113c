//! What a browser leaves behind: pictures when they are wanted, no processes, no files.

use std::path::Path;
use std::time::Duration;

use super::fixture::Fixture;
use super::{SUITE, open, panic_of};
use crate::world::browser::{self, Options, Picture};
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_shows_the_whole_page() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/tall").await;
    let page = browser.whole_page().await;
    assert!(page.width == 1280 && page.height > 1000, "60 lines are {} × {} pixels", page.width, page.height);
    assert!(Picture::read(&page.write()) == page, "a page with few colours loses nothing");
    let path = browser.folder().join("window.png");
    browser.screenshot(&path).await;
    let window = Picture::read(&std::fs::read(path).unwrap());
    assert_eq!((window.width, window.height), (1280, 800));
    assert_eq!(browser.execute("return [innerWidth, innerHeight]").await, serde_json::json!([1280, 800]));
    browser.finish().await;
}

#[test]
fn a_picture_keeps_its_rare_colours() {
    // A thousand greys and a thousand greens many times, and one red.
    let grey = |n: u32| [n, n, n].map(|c| u8::try_from(c % 256).unwrap());
    let mut pixels: Vec<[u8; 3]> = (0..100_000).map(grey).collect();
    pixels.extend((0..100_000_u32).map(|n| [0, u8::try_from(n % 251).unwrap(), u8::try_from(n % 4).unwrap()]));
    pixels[77] = [200, 30, 40];
    let picture = Picture { width: 1000, height: 200, pixels };
    let again = Picture::read(&picture.write());
    assert_eq!((again.width, again.height, again.pixels[77]), (1000, 200, [200, 30, 40]));
    let far = picture.pixels.iter().zip(&again.pixels).map(|(a, b)| (0..3).map(|i| a[i].abs_diff(b[i])).max().unwrap());
    assert!(far.max().unwrap() <= 6, "no colour moves far");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_browser_leaves_nothing() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    let folder = browser.folder().to_owned();
    assert!(processes(&folder) > 2, "the browser and its renderers name their folder");
    browser.finish().await;
    nothing_is_left(&folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_must_be_finished() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    let folder = browser.folder().to_owned();
    let complaint = panic_of(async { drop(browser) }).await;
    assert!(complaint.contains("browser.finish().await"), "{complaint}");
    nothing_is_left(&folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_test_leaves_the_page_and_nothing_else() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let fixture = Fixture::start().await;
    let url = fixture.url.clone();
    let (sender, folder) = std::sync::mpsc::channel();
    // A test as libtest runs it: on a thread with its name, and with a runtime of its own.
    let run = move || {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
            let browser = chromium.open(&url, Options::default()).await;
            sender.send(browser.folder().to_owned()).unwrap();
            browser.goto("/throws").await;
            browser.finish().await;
        });
    };
    let thread = std::thread::Builder::new().name("harness::left_behind".to_owned()).spawn(run).unwrap();
    let panic = tokio::task::spawn_blocking(|| thread.join()).await.unwrap().expect_err("the page throws");
    assert!(panic.downcast::<String>().unwrap().contains("thrown on purpose"));
    let left = browser::failures();
    let png = std::fs::read(left.join("harness-left_behind.png")).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    assert!(std::fs::read_to_string(left.join("harness-left_behind.html")).unwrap().contains("data-throws"));
    nothing_is_left(&folder.recv().unwrap()).await;
}

/// Living processes that name this folder on their command line.
fn processes(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let commands = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    commands.filter_map(|path| std::fs::read(path).ok()).filter(|c| String::from_utf8_lossy(c).contains(folder)).count()
}

async fn nothing_is_left(folder: &Path) {
    eventually("no process of the browser is left", Duration::from_secs(10), async || {
        (processes(folder) == 0).then_some(())
    })
    .await;
    assert!(!folder.exists(), "{}", folder.display());
}
