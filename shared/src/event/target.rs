//! Where events may go. A subscriber's URL is somebody's word, and our functions stand where that somebody does not: it
//! must not make them call into a private network (server-side request forgery). So a URL is https, and names a host
//! whose addresses are public. That is looked at twice: when it is registered, for whoever mistyped it, and again with every
//! connection, on the very addresses it is made to, because a name may say something else by then.
//!
//! Sources: OWASP "Server-Side Request Forgery Prevention"; IANA's registries of special-purpose IPv4 and IPv6 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::{Invalid, optional};

/// The longest URL, in bytes, also once it is percent-encoded.
pub const LONGEST: usize = 2_048;
/// How long a name may take to resolve while somebody waits for the answer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// How far we reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by https.
    Public,
    /// Loopback too, and there by http as well: for stacks that run on one machine.
    PublicAndLoopback,
}

impl Reach {
    /// The deployment's setting `EVENTS_REACH`: `public` (also if it is absent) or `loopback`.
    pub fn from_env() -> Result<Self, Invalid> {
        match optional("EVENTS_REACH", "public").as_str() {
            "public" => Ok(Self::Public),
            "loopback" => Ok(Self::PublicAndLoopback),
            _ => Err(Invalid("EVENTS_REACH")),
        }
    }

    /// Whether a connection to this address may be made.
    pub fn allows(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => is_public_v4(v4) || (self == Self::PublicAndLoopback && v4.is_loopback()),
            IpAddr::V6(v6) => is_public_v6(v6) || (self == Self::PublicAndLoopback && v6.is_loopback()),
        }
    }
}

/// Why a URL is not one events can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    #[error("It must be an absolute URL of at most {LONGEST} characters")]
    NoUrl,
    #[error("It must begin with https://")]
    NotHttps,
    #[error("It must not hold a user name or password")]
    Credentials,
    #[error("It must not have a fragment")]
    Fragment,
    #[error("Its host has no address")]
    NoAddress,
    #[error("Its host must have a public address")]
    NotPublic,
}

/// A URL events can go to, as far as its text tells.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

/// A path may hold a token of the subscriber's: only the host is printed.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target[{}]", self.host())
    }
}

impl Target {
    /// Reads a URL. What its host's name resolves to is another question: [`Target::resolve`].
    pub fn read(text: &str, reach: Reach) -> Result<Self, NotATarget> {
        if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(NotATarget::NoUrl);
        }
        let url = Url::parse(text).map_err(|_| NotATarget::NoUrl)?;
        // As it is kept, in ASCII: a letter beyond takes up to twelve characters there.
        if url.as_str().len() > LONGEST {
            return Err(NotATarget::NoUrl);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NotATarget::NoUrl)?;
        let literal = literal(host);
        let at_home = is_local_name(host) || literal.is_some_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if at_home && reach == Reach::PublicAndLoopback => {}
            _ => return Err(NotATarget::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotATarget::Credentials);
        }
        if url.fragment().is_some() {
            return Err(NotATarget::Fragment);
        }
        let allowed = match literal {
            Some(address) => reach.allows(address),
            None => !is_local_name(host) || reach == Reach::PublicAndLoopback,
        };
        if allowed { Ok(Self(url)) } else { Err(NotATarget::NotPublic) }
    }

    /// A URL that was read before and stored.
    pub fn stored(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its host, which says who is called and nothing more.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether its host is an address that may not be called: those are resolved by nobody.
    pub(super) fn is_barred(&self, reach: Reach) -> bool {
        let address = self.0.host_str().and_then(literal);
        address.is_some_and(|address| !reach.allows(address)) || Self::read(self.as_str(), reach).is_err()
    }

    /// Whether its host's name leads somewhere allowed now. All of its addresses must be.
    pub async fn resolve(&self, reach: Reach) -> Result<(), NotATarget> {
        let Some(host) = self.0.host_str() else { return Err(NotATarget::NoUrl) };
        if let Some(address) = literal(host) {
            return if reach.allows(address) { Ok(()) } else { Err(NotATarget::NotPublic) };
        }
        let port = self.0.port_or_known_default().unwrap_or(443);
        let looked_up = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, port))).await;
        let Ok(Ok(addresses)) = looked_up else { return Err(NotATarget::NoAddress) };
        let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
        match addresses.as_slice() {
            [] => Err(NotATarget::NoAddress),
            all if all.iter().all(|address| reach.allows(*address)) => Ok(()),
            _ => Err(NotATarget::NotPublic),
        }
    }
}

/// The names of this machine (RFC 6761 §6.3).
fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// The host as an address, if it is one. (The URL's parser has read `0x7f.1` and the like as addresses too.)
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What a name resolves to, without the addresses we do not call. With none left, no connection is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard(pub(super) Reach);

/// A name led nowhere we call.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name has no address that may be called")]
pub(super) struct Barred;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            // The URL's own port takes the place of 0.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let known = !found.is_empty();
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| reach.allows(address.ip())).collect();
            if known && allowed.is_empty() {
                return Err(Barred.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Guard {
    pub(super) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

/// IANA IPv4 Special-Purpose Address Registry: what is not globally reachable, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 31 && c == 196)
        || (a == 192 && b == 52 && c == 193)
        || (a == 192 && b == 88 && c == 99)
        || (a == 192 && b == 175 && c == 48)
        || (a == 198 && (b == 18 || b == 19))
        || address.is_documentation()
        || a >= 224)
}

/// Of IPv6 only global unicast (2000::/3) without what is reserved in it, and without what carries an IPv4 address in it
/// (6to4, Teredo): those lead elsewhere than they seem to.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global_unicast = a & 0xe000 == 0x2000;
    let special = match a {
        // 2001::/23: protocol assignments, Teredo, ORCHID; 2001:db8::/32: documentation.
        0x2001 => b < 0x0200 || b == 0x0db8,
        0x2002 => true,        // 6to4
        0x2620 => b == 0x004f, // AS112
        0x3fff => b < 0x1000,  // documentation
        _ => false,
    };
    global_unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_none_in_any_spelling() {
        for host in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[::ffff:10.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::1]",
            "[2001:0:a00:1::1]",
            "[2001:db8::1]",
            "[ff02::1]",
            "localhost",
            "LOCALHOST.",
            "api.localhost",
        ] {
            let url = format!("https://{host}/hook");
            assert_eq!(Target::read(&url, Reach::Public), Err(NotATarget::NotPublic), "{url}");
        }
        for host in
            ["8.8.8.8", "100.63.0.1", "172.32.0.1", "[2606:4700::1111]", "hooks.example.com", "xn--bcher-kva.example"]
        {
            assert!(Target::read(&format!("https://{host}:8443/hook?a=b"), Reach::Public).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_local_stack_may_call_itself_and_nothing_else_that_is_private() {
        let reach = Reach::PublicAndLoopback;
        for url in ["http://127.0.0.1:9000/x", "http://localhost:9000/x", "http://[::1]/x", "https://127.0.0.1/x"] {
            assert!(Target::read(url, reach).is_ok(), "{url}");
        }
        for (url, why) in [
            ("http://10.0.0.1/", NotATarget::NotHttps),
            ("https://10.0.0.1/", NotATarget::NotPublic),
            ("https://169.254.169.254/latest", NotATarget::NotPublic),
            ("http://hooks.example.com/", NotATarget::NotHttps),
        ] {
            assert_eq!(Target::read(url, reach), Err(why), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, why) in [
            ("", NotATarget::NoUrl),
            ("hooks.example.com", NotATarget::NoUrl),
            ("https://", NotATarget::NoUrl),
            ("https://hooks.example.com/a b", NotATarget::NoUrl),
            ("ftp://hooks.example.com/", NotATarget::NotHttps),
            ("http://hooks.example.com/", NotATarget::NotHttps),
            ("file:///etc/passwd", NotATarget::NoUrl),
            ("https://me:secret@hooks.example.com/", NotATarget::Credentials),
            ("https://hooks.example.com/#x", NotATarget::Fragment),
        ] {
            assert_eq!(Target::read(url, Reach::Public), Err(why), "{url}");
        }
        let long = format!("https://hooks.example.com/{}", "a".repeat(LONGEST));
        assert_eq!(Target::read(&long, Reach::Public), Err(NotATarget::NoUrl));
    }

    /// What is read is never barred afterwards for the length that it has in the table.
    #[test]
    fn a_url_is_as_long_as_it_is_kept() {
        let path = |letters: usize| format!("https://hooks.example.com/{}", "é".repeat(letters));
        assert_eq!(Target::read(&path(600), Reach::Public), Err(NotATarget::NoUrl), "3,600 bytes are kept of 1,200");
        let longest = Target::read(&path(337), Reach::Public).unwrap();
        assert_eq!(longest.as_str().len(), LONGEST);
        assert!(!Target::stored(longest.as_str()).unwrap().is_barred(Reach::Public));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_resolved() {
        // Past the text, as a name of somebody's own that points to 127.0.0.1 would be.
        let target = Target(Url::parse("https://localhost/hook").unwrap());
        assert_eq!(target.resolve(Reach::Public).await, Err(NotATarget::NotPublic));
        assert_eq!(target.resolve(Reach::PublicAndLoopback).await, Ok(()));
        let resolve = |reach| Guard(reach).resolve("localhost".parse().unwrap());
        assert!(resolve(Reach::Public).await.err().unwrap().is::<Barred>());
        assert!(resolve(Reach::PublicAndLoopback).await.unwrap().next().is_some());
    }

    #[test]
    fn a_path_is_not_printed() {
        let target = Target::read("https://hooks.example.com/token", Reach::Public).unwrap();
        assert_eq!(format!("{target:?}"), "Target[hooks.example.com]");
    }
}
