//! Logs and metrics. Logs are JSON lines with dotted field names, the same everywhere (`message.id`, `person.id`,
//! `provider.name`, `duration_ms`), and hold no address and no content. Metrics are CloudWatch embedded metric format on
//! stdout, written at once (a frozen function must not sit on them).

use std::time::SystemTime;

use metrique::ServiceMetrics;
use metrique::emf::Emf;
use metrique::unit_of_work::metrics;
use metrique::writer::{AttachGlobalEntrySink, AttachGlobalEntrySinkExt, FormatExt};
use tracing_subscriber::EnvFilter;

use crate::config::optional;

/// The CloudWatch namespace of every metric.
pub const NAMESPACE: &str = "Switchboard";

/// Keeps metrics flowing; hold it for the life of the process.
#[must_use]
pub struct Telemetry {
    _metrics: metrique::writer::sink::AttachHandle,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telemetry")
    }
}

/// Starts logs and metrics. Once, first thing in `main`.
pub fn start() -> Telemetry {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(EnvFilter::new(directives(&optional("LOG_LEVEL", "info"))))
        .with_writer(std::io::stdout)
        .init();
    let metrics = ServiceMetrics::write_directly_to(
        Emf::builder(NAMESPACE.to_owned(), vec![vec![]]).build().output_to_makewriter(|| std::io::stdout().lock()),
    );
    Telemetry { _metrics: metrics }
}

/// Our own crates: the targets whose lines hold no address and no content, at any level.
const OWN: [&str; 11] = [
    "switchboard",
    "send",
    "bulk",
    "deliver",
    "webhooks",
    "consent",
    "privacy",
    "otp",
    "settings",
    "events",
    "reminders",
];

/// What is logged at a level. Libraries log at `info` at most: below it, HTTP clients write what they send and get.
fn directives(level: &str) -> String {
    match level.trim().to_lowercase().as_str() {
        level @ ("error" | "warn") => level.to_owned(),
        level @ ("debug" | "trace") => {
            let own = OWN.iter().map(|target| format!(",{target}={level}"));
            own.fold("info".to_owned(), |directives, own| directives + &own)
        }
        _ => "info".to_owned(),
    }
}

/// One HTTP request.
#[metrics(emf::dimension_sets = [["Endpoint"], ["Endpoint", "StatusClass"]], rename_all = "PascalCase")]
#[derive(Debug)]
pub struct RequestMetrics {
    #[metrics(timestamp)]
    pub timestamp: SystemTime,
    /// `send_communication`, `twilio_webhook` …
    pub endpoint: &'static str,
    /// `2xx`, `4xx`, `5xx`.
    pub status_class: &'static str,
    pub requests: u64,
    #[metrics(unit = metrique::unit::Millisecond)]
    pub duration: f64,
}

/// One step of one message in `deliver`.
#[metrics(emf::dimension_sets = [["Provider", "Channel"], ["Provider", "Channel", "Outcome"]], rename_all = "PascalCase")]
#[derive(Debug)]
pub struct DeliveryMetrics {
    #[metrics(timestamp)]
    pub timestamp: SystemTime,
    pub provider: &'static str,
    pub channel: &'static str,
    /// `sent`, `retrying`, `uncertain`, `failed`, `blocked` …
    pub outcome: &'static str,
    pub messages: u64,
    /// The provider call alone; absent where none was made.
    #[metrics(unit = metrique::unit::Millisecond)]
    pub provider_call: Option<f64>,
    /// From accept (or the time it was due) to the provider's answer; absent where it was not sent.
    #[metrics(unit = metrique::unit::Millisecond)]
    pub accept_to_provider: Option<f64>,
}

/// A thing that is counted and nothing more.
#[metrics(emf::dimension_sets = [["Event"]], rename_all = "PascalCase")]
#[derive(Debug)]
struct EventMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    event: &'static str,
    count: u64,
}

impl RequestMetrics {
    pub fn emit(self) {
        if let Some(sink) = ServiceMetrics::try_sink() {
            drop(self.append_on_drop(sink));
        }
    }
}

impl DeliveryMetrics {
    pub fn emit(self) {
        if let Some(sink) = ServiceMetrics::try_sink() {
            drop(self.append_on_drop(sink));
        }
    }
}

/// Counts something worth an alarm or a look: `callback_unmatched`, `sweep_requeued` …
pub fn count(event: &'static str, count: u64) {
    if let Some(sink) = ServiceMetrics::try_sink() {
        drop(EventMetrics { timestamp: SystemTime::now(), event, count }.append_on_drop(sink));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::*;

    #[test]
    fn log_level_is_that_of_the_setting() {
        let most = |level: &str| EnvFilter::new(directives(level)).max_level_hint();
        assert_eq!(most("error"), Some(LevelFilter::ERROR));
        assert_eq!(most("warn"), Some(LevelFilter::WARN));
        assert_eq!(most("info"), Some(LevelFilter::INFO));
        assert_eq!(most("DEBUG"), Some(LevelFilter::DEBUG));
        assert_eq!(most("nonsense"), Some(LevelFilter::INFO));
    }

    #[test]
    fn log_level_below_info_is_for_our_own_lines_only() {
        let directives = directives("trace");
        assert!(directives.starts_with("info,") && directives.contains(",deliver=trace"), "{directives}");
        assert!(!directives.contains("hyper") && !directives.contains("aws"), "{directives}");
    }
}
