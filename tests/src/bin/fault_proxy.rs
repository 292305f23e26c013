//! The fault proxy as a program: `fault_proxy PORT UPSTREAM_PORT SEED`. A line of standard input sets the chances
//! (`{"throttle": 0.01, "delay": 0.05, "delay_ms": 300}`) and is answered with how often each fault has struck; it ends with its input.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tests::fault_proxy::{Chances, Dice, Fault, FaultProxy};

type Counts = Arc<Mutex<BTreeMap<String, u64>>>;

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> = std::env::args().skip(1).map(|argument| argument.parse().ok()).collect();
    let ports = numbers.as_deref().and_then(|numbers| {
        let [port, upstream, seed] = numbers else { return None };
        Some((u16::try_from(*port).ok()?, u16::try_from(*upstream).ok()?, *seed))
    });
    let Some((port, upstream, seed)) = ports else {
        eprintln!("usage: fault_proxy PORT UPSTREAM_PORT SEED");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(port, upstream, seed))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fault_proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(port: u16, upstream: u16, seed: u64) -> io::Result<()> {
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
    let proxy = Arc::new(FaultProxy::start_at(port, upstream).await?);
    let counts = Counts::default();
    let counter = tokio::spawn(count(proxy.clone(), counts.clone()));
    let ended = tokio::task::spawn_blocking(move || {
        for (turn, line) in (0..).zip(io::stdin().lines()) {
            let chances: Chances = serde_json::from_str(&line?).map_err(io::Error::other)?;
            proxy.by_chance(chances, Dice::new(seed ^ turn));
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut out = io::stdout().lock();
            writeln!(out, "{}", serde_json::to_string(&counts).map_err(io::Error::other)?)?;
            out.flush()?;
        }
        Ok(())
    });
    let result = ended.await.map_err(io::Error::other)?;
    counter.abort();
    result
}

/// Sums up what the proxy has seen, so that its memory stays small.
async fn count(proxy: Arc<FaultProxy>, counts: Counts) {
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        for seen in proxy.take_seen() {
            let fault = match seen.struck {
                None => "carried",
                Some(Fault::Throttle) => "throttled",
                Some(Fault::Reset) => "reset",
                Some(Fault::Swallow) => "swallowed",
                Some(Fault::Delay(_)) => "delayed",
            };
            *counts.entry(fault.to_owned()).or_default() += 1;
            if let (Some(write), Some(Fault::Swallow)) = (seen.write, seen.struck) {
                *counts.entry(format!("lost answers of {write}")).or_default() += 1;
            }
        }
    }
}
