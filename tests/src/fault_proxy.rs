//! A proxy before the emulator that breaks single requests on demand: it swallows an answer (the request was carried out), delays
//! it, resets the connection before the request is carried out, or throttles. It reads HTTP/1.1 requests with a content length, as
//! the SDKs send them, and carries one request a connection.

mod chances;
mod http;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use self::chances::{Chances, Dice};
use self::http::{Service, alone, operation, read_request, resource, service, throttled, write};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out, and its answer never arrives.
    Swallow,
    /// It is carried out this much later.
    Delay(Duration),
    /// The connection is aborted; nothing is carried out.
    Reset,
    /// It is refused as too much at once.
    Throttle,
}

/// Which requests a fault strikes.
#[derive(Clone, Debug)]
pub struct Rule {
    pub fault: Fault,
    /// `UpdateItem`, `SendMessage` …; any, if absent.
    pub operation: Option<String>,
    /// The table or queue, by the end of its name; any, if absent.
    pub resource: Option<String>,
    /// How many requests it strikes.
    pub count: usize,
}

/// A request as the proxy saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub operation: String,
    pub resource: String,
    /// The name of a conditional write, and of what puts records into a queue.
    pub write: Option<String>,
    pub struck: Option<Fault>,
}

#[derive(Debug, Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    by_chance: Mutex<Option<(Chances, Dice)>>,
    /// How many more answers of each write are lost, by its name.
    lost: Mutex<HashMap<String, u32>>,
    seen: Mutex<Vec<Seen>>,
}

/// A proxy that listens; it ends when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FaultProxy {
    /// Starts one on a free port before `upstream`.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_at(0, upstream).await
    }

    /// Starts one on a port of this machine.
    pub async fn start_at(port: u16, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::<State>::default();
        let shared = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                // A connection that breaks is the client's to notice.
                tokio::spawn(async move { carry(client, upstream, &state).await.ok() });
            }
        });
        Ok(Self { url, state, server })
    }

    /// Sets a rule. Of several that fit, the first strikes.
    pub fn set(&self, rule: Rule) {
        lock(&self.state.rules).push(rule);
    }

    /// Ends all rules; whether any of them had not struck as often as it should have.
    pub fn clear(&self) -> bool {
        let mut rules = lock(&self.state.rules);
        let left = rules.iter().any(|rule| rule.count > 0);
        rules.clear();
        left
    }

    /// Sets which faults strike by chance from now on, beside the rules.
    pub fn by_chance(&self, chances: Chances, dice: Dice) {
        *lock(&self.state.by_chance) = Some((chances, dice));
    }

    /// What was carried since the last time this was asked, in order.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *lock(&self.state.seen))
    }

    /// The same without forgetting it.
    pub fn seen_so_far(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one request.
async fn carry(mut client: TcpStream, upstream: SocketAddr, state: &State) -> io::Result<()> {
    let Some(request) = read_request(&mut client).await? else { return Ok(()) };
    let (service, operation, resource) = (service(&request), operation(&request), resource(&request));
    let write = write(&request, service);
    let struck = strike(state, &operation, &resource)
        .or_else(|| strike_each(state, write.as_deref()))
        .or_else(|| strike_by_chance(state, service));
    lock(&state.seen).push(Seen { operation, resource, write, struck });
    match struck {
        Some(Fault::Reset) => {
            client.set_zero_linger()?;
            return Ok(());
        }
        Some(Fault::Throttle) => return client.write_all(throttled(service).as_bytes()).await,
        Some(Fault::Delay(pause)) => tokio::time::sleep(pause).await,
        Some(Fault::Swallow) | None => {}
    }
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&alone(&request)).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if struck == Some(Fault::Swallow) {
        return Ok(());
    }
    client.write_all(&answer).await?;
    client.shutdown().await
}

fn strike(state: &State, operation: &str, resource: &str) -> Option<Fault> {
    let mut rules = lock(&state.rules);
    let fits = |rule: &&mut Rule| {
        rule.count > 0
            && rule.operation.as_deref().is_none_or(|wanted| wanted == operation)
            && rule.resource.as_deref().is_none_or(|wanted| resource.ends_with(wanted))
    };
    let rule = rules.iter_mut().find(fits)?;
    rule.count -= 1;
    Some(rule.fault)
}

/// Loses the first answers of each write.
fn strike_each(state: &State, write: Option<&str>) -> Option<Fault> {
    let most = lock(&state.by_chance).as_ref()?.0.each_write;
    let mut lost = lock(&state.lost);
    let lost = lost.entry(write?.to_owned()).or_default();
    if *lost >= most {
        return None;
    }
    *lost += 1;
    Some(Fault::Swallow)
}

fn strike_by_chance(state: &State, service: Service) -> Option<Fault> {
    let mut by_chance = lock(&state.by_chance);
    let (chances, dice) = by_chance.as_mut()?;
    chances.strike(dice, service)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every request with the same.
    async fn upstream() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                read_request(&mut client).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            }
        });
        address
    }

    async fn ask(proxy: &FaultProxy) -> String {
        let mut client = TcpStream::connect(proxy.url.trim_start_matches("http://")).await.unwrap();
        let body = r#"{"TableName":"stack-messages"}"#;
        let request = format!(
            "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.UpdateItem\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // An aborted connection is an error, which is an answer that did not come.
        client.read_to_end(&mut answer).await.ok();
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn faults_strike_the_requests_they_name_as_often_as_they_say() {
        let proxy = FaultProxy::start(upstream().await).await.unwrap();
        let rule = |fault, operation: &str| Rule {
            fault,
            operation: Some(operation.to_owned()),
            resource: Some("messages".to_owned()),
            count: 1,
        };
        for (fault, expected) in [
            (Fault::Swallow, ""),
            (Fault::Reset, ""),
            (Fault::Throttle, "HTTP/1.1 400 Bad Request"),
            (Fault::Delay(Duration::from_millis(5)), "HTTP/1.1 200 OK"),
        ] {
            proxy.set(rule(Fault::Reset, "PutItem"));
            proxy.set(rule(fault, "UpdateItem"));
            assert_eq!(ask(&proxy).await, expected, "{fault:?}");
            assert_eq!(ask(&proxy).await, "HTTP/1.1 200 OK", "{fault:?} struck once");
            let seen: Vec<_> = proxy.take_seen().iter().map(|seen| seen.struck).collect();
            assert_eq!(seen, [Some(fault), None]);
            assert!(proxy.clear(), "nothing was put");
        }
    }
}
