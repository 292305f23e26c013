//! A stand-in for Twilio, SendGrid and Resend on one port of 127.0.0.1.
//!
//! It takes the requests a client sends to the real providers, checks them as strictly, answers in the same shapes,
//! moves each message through its statuses and calls the client back, signed. It keeps everything in memory, counts
//! what truly arrived, and breaks on demand. It shares no code with what it tests: a mistake in a signature or a
//! shape must not be made twice in the same way.
//!
//! Where to read: `twilio`, `sendgrid` and `resend` have the same files, one folder each; `store` is the state,
//! `callbacks` the way out, `faults` what goes wrong, `control` the endpoints under `/_sim` and the page at `/`.
//! Numbers and addresses that fail on purpose are listed in the `magic` file of each provider; calls are the folder
//! `twilio/calls`, with numbers of its own, and WhatsApp templates the file `twilio/content`.
//!
//! Settings of the program, from the environment:
//!
//! | name | |
//! |---|---|
//! | `SIMULATOR_PORT` | port on 127.0.0.1 |
//! | `SIM_CALLBACK_BASE` | where SendGrid and Resend events and inbound messages go |
//! | `SIM_TWILIO_ACCOUNT_SID`, `SIM_TWILIO_AUTH_TOKEN` | accepted credentials; the token signs callbacks |
//! | `SIM_SENDGRID_API_KEY`, `SIM_SENDGRID_SIGNING_KEY` | accepted key; base64 PKCS#8 P-256 key that signs events |
//! | `SIM_RESEND_API_KEY`, `SIM_RESEND_WEBHOOK_SECRET` | accepted key; `whsec_…` that signs events |
//! | `SIM_STEP_MS` | mean time between two statuses (100) |
//! | `SIM_RETRY_MS` | first pause before a refused SendGrid or Resend callback is tried again (250, doubling) |
//! | `SIM_RESEND_RATE` | Resend requests per second before 429 (100000) |
//! | `SIM_STRICT` | 0 to ignore unknown parameters instead of refusing them |
//! | `SIM_SEED` | a number that makes jitter and fault rates repeatable |

mod app;
mod callbacks;
mod chance;
mod config;
mod connection;
mod control;
mod faults;
mod ids;
mod keys;
mod resend;
mod router;
mod sendgrid;
mod store;
mod twilio;

use std::{io, net::Ipv4Addr};

use tokio::{net::TcpListener, task::JoinHandle};

use self::{
    app::App,
    connection::{Line, Listener},
};
pub use self::{
    config::Config,
    keys::{GeneratedKeys, generate as generate_keys},
};

/// Why the simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("port {port} on 127.0.0.1 is taken by another process")]
    PortTaken { port: u16 },
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen { port: u16, source: io::Error },
    #[error("{0}")]
    Config(String),
}

/// A simulator that listens; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub url: String,
    server: JoinHandle<()>,
}

impl Running {
    /// Returns only when the server has failed.
    pub async fn wait(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Starts a simulator on the current runtime.
///
/// # Errors
/// When the port is taken or a key in the configuration cannot be read.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let port = config.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            StartError::PortTaken { port }
        } else {
            StartError::Listen { port, source }
        }
    })?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
    let app = App::new(config).map_err(StartError::Config)?;
    let service = router::router(app).into_make_service_with_connect_info::<Line>();
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(Listener(listener), service).await {
            tracing::error!(%error, "server.failed");
        }
    });
    Ok(Running { url: format!("http://{address}"), server })
}
