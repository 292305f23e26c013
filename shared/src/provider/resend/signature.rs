//! Whether a request comes from Resend: Svix, that is Standard Webhooks.
//!
//! Source: the Standard Webhooks specification (`standardwebhooks` makes the signature) and Resend's "Verify Webhooks
//! Requests", whose header names start with `svix-`; the specification's own `webhook-` names are accepted too. The
//! header lists signatures; any `v1` one that matches will do, other versions are passed over.

use aws_lc_rs::constant_time;
use http::HeaderMap;
use jiff::Timestamp;
use standardwebhooks::Webhook;

use super::super::BadSignature;
use super::super::call::header;

/// How old or how far ahead a request may be, in seconds, so that a recorded one cannot be sent again later.
const TOLERANCE: u64 = 300;

/// Checks a request against every active secret, and answers its id: the same for every repetition of one event.
/// A secret that cannot be read, or is empty, proves nothing and is passed over.
pub fn verify<'a, S: AsRef<str>>(
    headers: &'a HeaderMap,
    body: &[u8],
    secrets: impl IntoIterator<Item = S>,
    now: Timestamp,
) -> Result<&'a str, BadSignature> {
    let id = either(headers, "svix-id", "webhook-id").ok_or(BadSignature("no id header"))?;
    let timestamp =
        either(headers, "svix-timestamp", "webhook-timestamp").ok_or(BadSignature("no timestamp header"))?;
    let signatures =
        either(headers, "svix-signature", "webhook-signature").ok_or(BadSignature("no signature header"))?;
    let timestamp: i64 = timestamp.parse().map_err(|_| BadSignature("the timestamp is not a number"))?;
    if now.as_second().abs_diff(timestamp) > TOLERANCE {
        return Err(BadSignature("too old, or from the future"));
    }
    let proven = secrets.into_iter().any(|secret| {
        let expected = usable(secret.as_ref()).and_then(|webhook| webhook.sign(id, timestamp, body).ok());
        expected.is_some_and(|expected| signatures.split(' ').any(|given| same(given, &expected)))
    });
    if proven { Ok(id) } else { Err(BadSignature("the signature does not match")) }
}

fn either<'a>(headers: &'a HeaderMap, ours: &str, standard: &str) -> Option<&'a str> {
    header(headers, ours).or_else(|| header(headers, standard)).filter(|value| !value.is_empty())
}

fn usable(secret: &str) -> Option<Webhook> {
    let key = secret.strip_prefix("whsec_").unwrap_or(secret);
    if key.is_empty() { None } else { Webhook::new(key).ok() }
}

/// `expected` is `v1,<base64>`, so only a `v1` signature can be the same.
fn same(given: &str, expected: &str) -> bool {
    constant_time::verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Published in the tests of the Svix and Standard Webhooks libraries.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNED: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn headers(prefix: &str, timestamp: &str, signature: &str) -> HeaderMap {
        [("id", ID), ("timestamp", timestamp), ("signature", signature)]
            .iter()
            .map(|(name, value)| (format!("{prefix}-{name}").parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn at(offset: i64) -> Timestamp {
        Timestamp::from_second(AT + offset).unwrap()
    }

    fn check(signature: &str, body: &[u8], secrets: &[&str], offset: i64) -> bool {
        verify(&headers("svix", &AT.to_string(), signature), body, secrets, at(offset)).is_ok()
    }

    #[test]
    fn the_published_signature_is_accepted_under_either_name() {
        for prefix in ["svix", "webhook"] {
            let headers = headers(prefix, &AT.to_string(), SIGNED);
            assert_eq!(verify(&headers, BODY, [SECRET], at(0)), Ok(ID), "{prefix}");
        }
    }

    #[test]
    fn five_minutes_is_the_limit_on_either_side() {
        for (offset, expected) in [(299, true), (-299, true), (301, false), (-301, false)] {
            assert_eq!(check(SIGNED, BODY, &[SECRET], offset), expected, "{offset}");
        }
    }

    #[test]
    fn any_v1_signature_of_the_list_will_do() {
        assert!(check(&format!("v1,AAAA {SIGNED}"), BODY, &[SECRET], 0));
        assert!(check(&format!("v1a,AAAA {SIGNED} v1,BBBB"), BODY, &[SECRET], 0));
        assert!(!check(&SIGNED.replace("v1,", "v1a,"), BODY, &[SECRET], 0));
        assert!(!check(&SIGNED.replace("v1,", "v2,"), BODY, &[SECRET], 0));
        assert!(!check(&SIGNED.replace("v1,", ""), BODY, &[SECRET], 0));
    }

    #[test]
    fn both_secrets_of_a_rotation_are_accepted_and_an_empty_one_never() {
        assert!(check(SIGNED, BODY, &[OTHER, SECRET], 0));
        assert!(check(SIGNED, BODY, &[SECRET, OTHER], 0));
        assert!(check(SIGNED, BODY, &["whsec_!", SECRET], 0));
        assert!(!check(SIGNED, BODY, &[OTHER], 0));
        assert!(!check(SIGNED, BODY, &[], 0));
        let unkeyed = Webhook::from_bytes(Vec::new()).unwrap().sign(ID, AT, BODY).unwrap();
        assert!(!check(&unkeyed, BODY, &["", "whsec_"], 0));
    }

    #[test]
    fn any_change_is_refused() {
        assert!(!check(SIGNED, br#"{"email":"evil@example.com","username":"test_user"}"#, &[SECRET], 0));
        assert!(!check(SIGNED, b"\xff", &[SECRET], 0));
        for bad in ["", "v1", "v1,", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkx="] {
            assert!(!check(bad, BODY, &[SECRET], 0), "{bad}");
        }
        let moved = headers("svix", &(AT + 1).to_string(), SIGNED);
        assert!(verify(&moved, BODY, [SECRET], at(0)).is_err());
        assert!(verify(&headers("svix", "now", SIGNED), BODY, [SECRET], at(0)).is_err());
        assert!(verify(&headers("svix", "-9223372036854775808", SIGNED), BODY, [SECRET], at(0)).is_err());
        let mut renamed = headers("svix", &AT.to_string(), SIGNED);
        renamed.insert("svix-id", "msg_other".parse().unwrap());
        assert!(verify(&renamed, BODY, [SECRET], at(0)).is_err());
        assert_eq!(verify(&HeaderMap::new(), BODY, [SECRET], at(0)), Err(BadSignature("no id header")));
    }
}
