//! Tokens of links: what a link says, behind a keyed mark over it. A token shows its payload, and nobody without the key makes or
//! changes one.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The length of a mark, in bytes: half of an HMAC-SHA256 is more than anybody can guess (RFC 2104 §5).
const MARK: usize = 16;

/// Returns the token that says `payload`, under the key that makes.
pub fn sign(key: &hmac::Key, payload: &[u8]) -> String {
    let mut token = mark(key, payload);
    token.extend_from_slice(payload);
    URL_SAFE_NO_PAD.encode(token)
}

/// Returns what a token says, if one of these keys made it.
pub fn verify(keys: &[(String, hmac::Key)], token: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (marked, payload) = bytes.split_at_checked(MARK)?;
    let made = |(_, key): &(String, hmac::Key)| {
        aws_lc_rs::constant_time::verify_slices_are_equal(marked, &mark(key, payload)).is_ok()
    };
    keys.iter().find(|key| made(key))?;
    Some(payload.to_vec())
}

fn mark(key: &hmac::Key, payload: &[u8]) -> Vec<u8> {
    hmac::sign(key, payload).as_ref().iter().copied().take(MARK).collect()
}
