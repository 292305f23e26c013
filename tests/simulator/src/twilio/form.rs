//! A form as Twilio reads it, and what its values must look like.

use http::Uri;

use super::answer::Error;

/// A form, names and values decoded, in the order they came.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The last value of this name; an empty one counts as absent, as with Twilio.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.clone()).collect()
    }

    /// Refuses names outside this list.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Error> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Error::new(20001, format!("Unknown parameter: {name}"))),
        }
    }

    /// The client's own id: the `message` parameter of its status callback.
    pub(super) fn our_id(&self) -> Option<String> {
        let (_, query) = self.get("StatusCallback")?.split_once('?')?;
        let query = query.split('#').next().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name == "message" && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    }

    /// The SID under this name, if well-formed.
    pub(super) fn sid(&self, name: &str, prefix: &str, code: u32, message: &str) -> Result<Option<String>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(sid) if is_sid(sid, prefix) => Ok(Some(sid.to_owned())),
            Some(_) => Err(Error::new(code, message)),
        }
    }
}

/// A SID with this prefix and 32 hex digits.
pub(super) fn is_sid(sid: &str, prefix: &str) -> bool {
    sid.len() == 34 && sid.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `+`, a digit other than 0, and 6 to 14 more.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
    })
}

/// An absolute http or https URL; a fragment carries connection overrides.
pub(super) fn is_url(url: &str) -> bool {
    let url = url.split('#').next().unwrap_or_default();
    url.parse::<Uri>().is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

/// A URL Twilio calls back: at most 4000 characters, no underscore in its host.
pub(super) fn is_callback_url(url: &str) -> bool {
    let host = url.split('#').next().and_then(|url| url.parse::<Uri>().ok());
    url.len() <= 4000 && is_url(url) && host.is_some_and(|uri| !uri.host().unwrap_or_default().contains('_'))
}
