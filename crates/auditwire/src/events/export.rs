//! `auditwire events export`: all matching events as a file. The file gets its name when it is complete.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::{Method, Response};
use serde_json::json;
use tempfile::NamedTempFile;

use super::progress::{Progress, size};
use super::question::{QuestionArgs, send};
use crate::client::Client;
use crate::failure::{Failure, Result, chain};
use crate::terminal::{self, escape};

const FORMATS: [&str; 4] = ["tsv", "csv", "jsonl", "parquet"];

/// Arguments of `events export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    question: QuestionArgs,
    /// What the file holds; when absent, what its name ends in says it, else jsonl.
    #[arg(long, value_parser = FORMATS)]
    format: Option<String>,
    /// Where to write; - is stdout. A file of this name is replaced when the new one is complete.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// In which order of registration: newest first (desc) or oldest first (asc).
    #[arg(long, default_value = "desc", value_parser = ["desc", "asc"])]
    order: String,
    /// At most so many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Leave cells of TSV and CSV as they are that a spreadsheet would run as a formula.
    #[arg(long)]
    raw: bool,
}

impl ExportArgs {
    fn format(&self) -> &str {
        let ending = self.output.extension().and_then(|ending| ending.to_str());
        let known = ending.and_then(|ending| FORMATS.into_iter().find(|format| *format == ending));
        self.format.as_deref().or(known).unwrap_or("jsonl")
    }

    fn file(&self) -> Option<&Path> {
        Some(self.output.as_path()).filter(|path| *path != Path::new("-"))
    }
}

/// Writes the export. Nothing is left behind when it ends early.
pub(super) async fn run(client: &Client, args: &ExportArgs, json: bool) -> Result {
    let format = args.format();
    if args.file().is_none() && format == "parquet" && io::stdout().is_terminal() {
        return Err(Failure::usage("a Parquet file is nothing to read on a terminal; give --output FILE"));
    }
    let mut target = Target::open(args.file())?;
    let request = args.question.ask(client.request(Method::GET, &["events", "export"]));
    let mut request = request.query(&[("format", format), ("order", &args.order)]);
    if let Some(limit) = args.limit {
        request = request.query(&[("limit", limit)]);
    }
    if args.raw {
        request = request.query(&[("raw", "true")]);
    }
    let response = send(client, request, &args.question.query()).await?;
    let mut progress = Progress::begin(format, &response);
    let ended = tokio::select! {
        ended = copy(response, &mut target, &mut progress) => ended,
        () = interrupted() => Err(Failure::new("interrupted")),
    };
    progress.clear();
    if let Err(failure) = ended {
        // Who reads our output and stops (`| head`) has what it wants.
        if failure.message.is_empty() {
            return Err(failure);
        }
        let left = match args.file() {
            Some(path) => format!("nothing was written to {}", path.display()),
            None => "what was written is not all of it".to_owned(),
        };
        let had = progress.had();
        return Err(Failure {
            message: format!("the export ended early, after {had}: {}; {left}", failure.message),
            ..failure
        });
    }
    target.complete()?;
    let Some(path) = args.file() else { return Ok(()) };
    if json {
        let file = path.display().to_string();
        return Ok(terminal::json(
            &json!({"file": file, "format": format, "events": progress.rows_of_whole(), "bytes": progress.bytes}),
        )?);
    }
    let shown = path.display().to_string();
    Ok(terminal::line(format!("{}: {}{}", escape(&shown), progress.told_of_whole(), size(progress.bytes)))?)
}

async fn copy(mut response: Response, target: &mut Target, progress: &mut Progress) -> Result {
    while let Some(piece) = response.chunk().await.map_err(|e| Failure::new(broken(&e)))? {
        target.write(&piece)?;
        progress.add(&piece);
    }
    Ok(())
}

fn broken(error: &reqwest::Error) -> String {
    format!("the service broke it off ({}); the Event log says why", chain(error))
}

/// Resolves when somebody wants the process to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Where the bytes go.
enum Target {
    Stdout,
    /// A file beside the wanted one, which it replaces when it is complete.
    File {
        file: NamedTempFile,
        path: PathBuf,
    },
}

impl Target {
    fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a folder; name the file", path.display())));
        }
        let file = NamedTempFile::with_prefix_in(".auditwire-export-", folder)
            .map_err(|e| Failure::usage(format!("no file can be made in {}: {e}", folder.display())))?;
        Ok(Self::File { file, path: path.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result {
        match self {
            Self::Stdout => Ok(io::stdout().lock().write_all(bytes)?),
            Self::File { file, path } => {
                let failed = |e| Failure::caused_by(format!("{} cannot be written", path.display()), &e);
                file.write_all(bytes).map_err(failed)
            }
        }
    }

    fn complete(self) -> Result {
        match self {
            Self::Stdout => Ok(io::stdout().lock().flush()?),
            Self::File { file, path } => {
                let failed = |e: io::Error| Failure::caused_by(format!("{} cannot be written", path.display()), &e);
                file.as_file().sync_all().map_err(failed)?;
                file.persist(&path).map_err(|e| failed(e.error))?;
                Ok(())
            }
        }
    }
}
