//! `[telemetry]`: how the process talks about itself.

use std::num::NonZeroU32;

use auditwire_server::Access;

use super::raw::Raw;

/// `[telemetry]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TelemetryConfig {
    /// How a log line looks.
    pub(crate) format: LogFormat,
    /// Filter directives.
    pub(crate) level: String,
    /// Which requests have a line.
    pub(crate) access: Access,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Reads the section.
pub(super) fn telemetry(raw: &mut Raw) -> Option<TelemetryConfig> {
    let format = raw.parsed("telemetry", "format", |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("write \"text\" or \"json\"".into()),
    });
    let level = raw.parsed("telemetry", "level", |text| {
        let parsed = tracing_subscriber::EnvFilter::builder().parse(text);
        parsed.map(|_| text.to_owned()).map_err(|e| format!("write a level such as \"info\", or directives: {e}"))
    });
    let one_of = raw.size("telemetry", "access_sample", 1, 1_000_000_000);
    let one_of = one_of.and_then(|n| u32::try_from(n).ok()).and_then(NonZeroU32::new);
    let access = raw.parsed("telemetry", "access", |text| match text {
        "changes" => Ok(Access::Changes),
        "all" => Ok(Access::All),
        "sample" => Ok(Access::Sample(one_of.unwrap_or(NonZeroU32::MIN))),
        _ => Err("write \"changes\", \"all\" or \"sample\"".into()),
    });
    one_of?;
    Some(TelemetryConfig { format: format?, level: level?, access: access? })
}
