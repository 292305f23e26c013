//! `simulator` runs the simulator with settings from the environment; `simulator keys` prints a new signing key pair.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use simulator::{Config, generate_keys, start};
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run().await,
        ["keys"] => print_keys(),
        _ => Err("usage: simulator [keys]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "simulator: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let running = start(Config::from_env()?).await.map_err(|error| error.to_string())?;
    let _ = writeln!(io::stdout(), "simulator: ready on {}", running.url);
    running.wait().await;
    Err("the server stopped".to_owned())
}

fn print_keys() -> Result<(), String> {
    let keys = serde_json::to_string(&generate_keys()?).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{keys}").map_err(|error| error.to_string())
}
