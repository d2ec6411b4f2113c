//! A tiny web server with pages whose faults are known, to prove that the harness sees them.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running server. Ended when dropped.
pub(super) struct Fixture {
    /// `http://127.0.0.1:PORT`
    pub(super) url: String,
    heads: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fixture {
    /// On a free port.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            let mut links = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                links.spawn(answer(stream, Arc::clone(&kept)));
            }
        });
        Self { url, heads, task }
    }

    /// A header of the first request for a path.
    pub(super) fn header(&self, path: &str, name: &str) -> String {
        let heads = self.heads.lock().unwrap();
        let head = heads.iter().find(|head| head.starts_with(&format!("GET {path} "))).unwrap();
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap().to_owned()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let visit = {
        let mut heads = heads.lock().unwrap();
        heads.push(head);
        heads.iter().filter(|head| head.split(' ').nth(1) == Some(target.as_str())).count()
    };
    if target == "/cut" {
        return;
    }
    let (status, kind, body) = page(&target, visit);
    let extra = if target == "/report.tsv" { "Content-Disposition: attachment; filename=report.tsv\r\n" } else { "" };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n{extra}\
         Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src *; form-action 'self'\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn page(target: &str, visit: usize) -> (&'static str, &'static str, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = match path {
        "/script.js" => return ("200 OK", "text/javascript", SCRIPT.to_owned()),
        "/style.css" => return ("200 OK", "text/css", ".unseen { outline: none }".to_owned()),
        "/report.tsv" => return ("200 OK", "text/tab-separated-values", "a\tb\n".to_owned()),
        "/good" => "<p id=static>as it was sent</p><p id=told></p><noscript>scripts are off <a href=/sent?noscript>Go on</a></noscript>".to_owned(),
        "/inline" => "<p id=inline>not run</p><script>document.getElementById('inline').textContent = 'run'</script>".to_owned(),
        "/throws" => "<p data-throws>throws</p>".to_owned(),
        "/missing-image" => "<img src=/nowhere.png alt=nothing>".to_owned(),
        "/no-answer" => "<img src=/cut alt=nothing>".to_owned(),
        "/wide" => "<p>narrow</p><table><tr><td>w<td>wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww</table>".to_owned(),
        "/counts" => format!("<p id=count>{visit}</p><a href=/sent?counts>Result</a>"),
        "/unseen-focus" => "<a href=/good>Seen</a> <a href=/good class=unseen>Unseen</a>".to_owned(),
        "/asks" => ASKS.to_owned(),
        "/changes" => CHANGES.to_owned(),
        "/elsewhere" => format!("<img src='{query}/picture.png' alt=elsewhere>"),
        "/inaccessible" => "<img src=/good>".to_owned(),
        "/tall" => format!("<ol>{}</ol>", "<li>one more".repeat(60)),
        "/form" => FORM.to_owned(),
        "/sent" => format!("<p id=query>{query}</p>"),
        _ => return ("404 Not Found", "text/html", "<!doctype html><title>none</title>".to_owned()),
    };
    let refresh = if path == "/counts" { "<noscript><meta http-equiv=refresh content=1></noscript>" } else { "" };
    let page = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>{refresh}<link rel=stylesheet href=/style.css><title>Fixture</title><script src=/script.js defer></script></head>\
         <body><main><h1>Fixture</h1>{body}</main></body></html>"
    );
    ("200 OK", "text/html", page)
}

const SCRIPT: &str = "
const told = document.getElementById('told');
if (told) told.textContent = [
  'width ' + innerWidth,
  'dark ' + matchMedia('(prefers-color-scheme: dark)').matches,
  'zone ' + Intl.DateTimeFormat().resolvedOptions().timeZone,
  'language ' + navigator.language,
].join(', ');
if (document.querySelector('[data-throws]')) throw new Error('thrown on purpose');
const late = document.getElementById('late');
// It is replaced again and again, as a list is that shows a live state.
if (late) setInterval(() => { late.innerHTML = '<button type=button>Live</button>'; }, 500);
const change = document.getElementById('change');
if (change) change.addEventListener('click', () => setTimeout(() => {
  document.getElementById('before').remove();
  document.getElementById('after').hidden = false;
}, 200));
const ask = document.getElementById('ask');
if (ask) ask.addEventListener('click', () => document.querySelector('dialog').showModal());
const copy = document.getElementById('copy');
if (copy) copy.addEventListener('click', () => navigator.clipboard.writeText('curl it'));
if (late) late.addEventListener('click', () => { document.getElementById('clicked').textContent = 'clicked'; });
";

const ASKS: &str = r#"
<button type=button id=ask>Delete</button> <button type=button id=copy autofocus>Copy</button>
<dialog aria-labelledby=question><h2 id=question>Delete it?</h2>
  <form method=dialog><button>Keep</button> <button formmethod=get formaction=/sent name=delete value=yes>Delete</button></form>
</dialog>
<details><summary>More</summary><p>folded away</p></details>
"#;

const CHANGES: &str = r#"
<button type=button id=change aria-label="Change the page">&#9881;</button>
<p id=before class=state>it is as before</p><p id=after class=state hidden>it has changed</p>
"#;

const FORM: &str = r#"
<form action=/sent>
  <label for=name>Name</label> <input id=name name=name>
  <label>Key <textarea name=key rows=3></textarea></label>
  <label for=protocol>Protocol</label> <select id=protocol name=protocol><option>TCP<option>UDP</select>
  <fieldset><legend>Format</legend>
    <label><input type=radio name=format value=raw checked>RAW</label>
    <label><input type=radio name=format value=cef>CEF</label>
  </fieldset>
  <label><input type=checkbox name=bom value=yes checked>Mark</label>
  <label><input type=checkbox name=loud value=yes>Say "loud"</label>
  <label>File <input type=file name=file></label>
  <label>From <input type=datetime-local name=from></label>
  <button hidden>Save</button> <button>Save</button>
</form>
<div id=late></div><p id=clicked>not yet</p>
<table><caption>Connections</caption>
  <tr><th>Name<th>Action
  <tr><td>siem<td><a href="/sent?siem">Open</a>
  <tr><td>siem-2<td><a href="/sent?siem-2">Open</a>
</table>
<a href=/report.tsv download>Download</a>
"#;
