//! Allow-lists: the senders a request may name, and the hosts a call may take its instructions from.

use std::collections::BTreeSet;

use http::Uri;

use crate::config::optional;

/// The senders a request may name as `from`. Without `from` the provider's configured sender is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Senders(BTreeSet<String>);

impl Senders {
    /// Reads `ALLOWED_SENDERS`: phone numbers, short codes, sender ids, e-mail addresses and `@domains`, with commas.
    pub fn from_env() -> Self {
        Self::parse(&optional("ALLOWED_SENDERS", ""))
    }

    pub fn parse(text: &str) -> Self {
        Self(entries(text))
    }

    /// Whether this sender is listed, itself or by its domain.
    pub fn admit(&self, from: &str) -> bool {
        let from = from.trim().to_lowercase();
        let domain = from.rsplit_once('@').map(|(_, domain)| format!("@{domain}"));
        self.0.contains(&from) || domain.is_some_and(|domain| self.0.contains(&domain))
    }
}

/// The hosts a call may take its instructions (TwiML) from: ours, and those that are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallHosts(BTreeSet<String>);

impl CallHosts {
    /// Reads `ALLOWED_CALL_HOSTS`, host names with commas; the host of our own address is always one of them.
    pub fn from_env(public_url: &str) -> Self {
        Self::parse(&optional("ALLOWED_CALL_HOSTS", ""), public_url)
    }

    pub fn parse(text: &str, public_url: &str) -> Self {
        let own = public_url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_lowercase));
        let mut hosts = entries(text);
        hosts.extend(own);
        Self(hosts)
    }

    /// Whether the URL's host is listed. A URL that names a user is not admitted: readers disagree about its host.
    pub fn admit(&self, url: &str) -> bool {
        let Ok(uri) = url.parse::<Uri>() else { return false };
        let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        !named && !url.contains('\\') && uri.host().is_some_and(|host| self.0.contains(&host.to_lowercase()))
    }
}

fn entries(text: &str) -> BTreeSet<String> {
    text.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_is_admitted_by_itself_or_its_domain() {
        let senders = Senders::parse("+15005550006, Acme, hello@a.example, @b.example");
        for from in ["+15005550006", "acme", "hello@a.example", "Anybody@B.example"] {
            assert!(senders.admit(from), "{from}");
        }
        for from in ["", "+15005550007", "other@a.example", "x@notb.example", "x@b.example.evil.example", "@"] {
            assert!(!senders.admit(from), "{from}");
        }
        assert!(!Senders::default().admit(""));
    }

    #[test]
    fn call_host_is_compared_whole() {
        let hosts = CallHosts::parse("twiml.example", "https://api.example/base");
        for url in
            ["https://twiml.example/a", "https://TWIML.example:8443/", "https://api.example/twilio/voice-response"]
        {
            assert!(hosts.admit(url), "{url}");
        }
        for url in [
            "https://evil.example/twiml.example",
            "https://twiml.example.evil.example/",
            "https://twiml.example@evil.example/",
            "https://evil.example@twiml.example/",
            "https://twiml.example\\@evil.example/",
            "https://eviltwiml.example/",
            "/twilio/voice-response",
            "",
        ] {
            assert!(!hosts.admit(url), "{url}");
        }
    }
}
