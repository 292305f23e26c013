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
    let filter = EnvFilter::try_new(optional("LOG_LEVEL", "info")).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter.add_directive(tracing::level_filters::LevelFilter::INFO.into()))
        .with_writer(std::io::stdout)
        .init();
    let metrics = ServiceMetrics::write_directly_to(
        Emf::builder(NAMESPACE.to_owned(), vec![vec![]]).build().output_to_makewriter(|| std::io::stdout().lock()),
    );
    Telemetry { _metrics: metrics }
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
