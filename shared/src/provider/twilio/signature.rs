//! Whether a request comes from Twilio: `X-Twilio-Signature`.
//!
//! Source: Twilio's "Webhooks security" page and its SDKs' request validators, whose published answers are the tests.
//! The signed text is the full public URL; a form adds each name and value, decoded, in the order of the sorted set of
//! pairs (all of them: Twilio adds parameters without notice). A JSON body is signed by its hash in the URL
//! (`bodySHA256`). The key is an auth token and the code HMAC-SHA1, unless the settings header (public beta) names a
//! shared key and HMAC-SHA256.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{constant_time, digest, hmac};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, header::CONTENT_TYPE};

use super::super::BadSignature;
use super::super::call::header;
use super::super::webhook_keys::TwilioKeys;

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// Everything a webhook may be signed with at present: auth tokens, and shared keys by their id.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    pub auth_tokens: Vec<String>,
    pub shared: BTreeMap<String, String>,
}

impl Keys {
    /// The keys of all active versions of the secret, the current one first, so that a rotation drops no callback.
    pub fn of<'a>(versions: impl IntoIterator<Item = &'a TwilioKeys>) -> Self {
        let mut keys = Self::default();
        for version in versions {
            keys.auth_tokens.extend(version.auth_tokens.iter().cloned());
            for (id, secret) in &version.shared_keys {
                keys.shared.entry(id.clone()).or_insert_with(|| secret.clone());
            }
        }
        keys
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys[…]")
    }
}

/// Checks a request against `url`, the URL Twilio was given: the public base URL, the raw path and the raw query.
pub fn verify(url: &str, headers: &HeaderMap, body: &[u8], keys: &Keys) -> Result<(), BadSignature> {
    let signature = header(headers, SIGNATURE).ok_or(BadSignature("no signature header"))?;
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| BadSignature("the signature is not base64"))?;
    let keys = signing_keys(headers, keys)?;
    let url = url.split_once('#').map_or(url, |(url, _fragment)| url);
    let signed = |pairs: &str| {
        candidates(url).iter().any(|url| {
            let text = format!("{url}{pairs}");
            keys.iter().any(|key| hmac::verify(key, text.as_bytes(), &signature).is_ok())
        })
    };
    let is_form = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded"));
    let covered = if is_form && signed(&form_text(body)) {
        true
    } else {
        // A body that neither the pairs nor the hash cover is nobody's: a GET's signature must not vouch for it.
        (body.is_empty() || hash_matches(url, body)) && signed("")
    };
    if covered { Ok(()) } else { Err(BadSignature("the signature does not match")) }
}

/// The keys the headers allow: without the settings header every auth token, else the one shared key it names.
/// An empty secret signs nothing: anyone could.
fn signing_keys(headers: &HeaderMap, keys: &Keys) -> Result<Vec<hmac::Key>, BadSignature> {
    let mut algorithm = "HMAC_SHA1";
    let mut key_id = None;
    if let Some(settings) = headers.get(SETTINGS) {
        let settings = settings.to_str().map_err(|_| BadSignature("the settings header is not text"))?;
        for (name, value) in settings.split(',').filter_map(|pair| pair.split_once('=')) {
            match name.trim() {
                "algorithm" => algorithm = value.trim(),
                "key" => key_id = Some(value.trim()),
                _ => {}
            }
        }
    }
    let keys: Vec<hmac::Key> = match (algorithm, key_id) {
        ("HMAC_SHA1", None) => {
            let tokens = keys.auth_tokens.iter().filter(|token| !token.is_empty());
            tokens.map(|token| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes())).collect()
        }
        ("HMAC_SHA256", Some(id)) => {
            let secret = keys.shared.get(id).filter(|secret| !secret.is_empty());
            secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).into_iter().collect()
        }
        _ => return Err(BadSignature("an unknown algorithm")),
    };
    if keys.is_empty() { Err(BadSignature("an unknown key")) } else { Ok(keys) }
}

/// The sorted set of pairs, name and value run together; an empty value leaves its name.
fn form_text(body: &[u8]) -> String {
    let pairs: BTreeSet<_> = form_urlencoded::parse(body).collect();
    pairs.iter().flat_map(|(name, value)| [name.as_ref(), value.as_ref()]).collect()
}

/// Whether the URL's `bodySHA256` is the hash of the raw body.
fn hash_matches(url: &str, body: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some((_, claimed)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256") else {
        return false;
    };
    let hash = digest::digest(&digest::SHA256, body);
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    constant_time::verify_slices_are_equal(claimed.to_ascii_lowercase().as_bytes(), hex.as_bytes()).is_ok()
}

/// The spellings of the URL Twilio may have signed: as it is, in WHATWG normal form, and with the query re-encoded as
/// `querystring` does (Twilio's own SDK tries these, "since signature generation on the back end is inconsistent"),
/// each without its port and with it, where a missing port is the scheme's own.
fn candidates(url: &str) -> BTreeSet<String> {
    let normal = reqwest::Url::parse(url).map_or_else(|_| url.to_owned(), String::from);
    let legacy =
        url.split_once('?').map_or_else(|| url.to_owned(), |(url, query)| format!("{url}?{}", re_encoded(query)));
    [url, &normal, &legacy].into_iter().flat_map(port_variants).collect()
}

fn port_variants(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    // Without a path a form's first name could pass for the port; the addresses of our webhooks have one.
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if !path.starts_with('/') {
        return vec![url.to_owned()];
    }
    let port_at = authority.rfind(':').filter(|at| authority[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    let (host, port) = port_at.map_or((authority, ""), |at| (&authority[..at], &authority[at + 1..]));
    let standard = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let port = if port.is_empty() { standard } else { port };
    vec![format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}

/// A query as `querystring.stringify(querystring.parse(…))` writes it: decoded, same names brought together, encoded
/// like `encodeURIComponent`.
fn re_encoded(query: &str) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    let pairs = groups.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs.map(|(name, value)| format!("{}={}", component(name), component(value))).collect::<Vec<_>>().join("&")
}

fn component(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(byte);
    text.bytes().map(|byte| if kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests;
