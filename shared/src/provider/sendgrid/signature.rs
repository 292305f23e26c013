//! Whether a request comes from SendGrid: the signed Event Webhook.
//!
//! Source: "Getting Started with the Event Webhook Security Features", and SendGrid's SDKs, whose published answers are
//! the tests. The timestamp header's text and the raw body (real ones end in CRLF) are signed together: ECDSA over
//! P-256 with SHA-256. Age alone is no reason to refuse: SendGrid repeats an event for 24 hours, and repetitions are
//! told by their event id.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderMap;

use super::super::BadSignature;
use super::super::call::header;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Checks a request against every active key (base64 of a DER SubjectPublicKeyInfo). A key that cannot be read proves
/// nothing and is passed over.
pub fn verify<K: AsRef<str>>(
    headers: &HeaderMap,
    body: &[u8],
    public_keys: impl IntoIterator<Item = K>,
) -> Result<(), BadSignature> {
    let signature = header(headers, SIGNATURE).ok_or(BadSignature("no signature header"))?;
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| BadSignature("the signature is not base64"))?;
    let timestamp = header(headers, TIMESTAMP).ok_or(BadSignature("no timestamp header"))?;
    let signed = [timestamp.as_bytes(), body].concat();
    let proven = public_keys.into_iter().any(|key| {
        BASE64_STANDARD
            .decode(key.as_ref().trim())
            .ok()
            .and_then(|der| ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).ok())
            .is_some_and(|key| key.verify_sig(&signed, &signature).is_ok())
    });
    if proven { Ok(()) } else { Err(BadSignature("the signature does not match")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Published in the tests of sendgrid-go, sendgrid-python and sendgrid-nodejs.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    const SIGNED: &str =
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
    const AT: &str = "1600112502";
    const BODY: &str = concat!(
        r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","#,
        r#""sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
        r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
        r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
        "\r\n"
    );
    const OTHER_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==";

    // The one with several events, from sendgrid-nodejs.
    const KEY_OF_SEVERAL: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcIx/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q==";
    const SIGNED_SEVERAL: &str =
        "MEYCIQC/I4o6vCgqRYrTljjoVWB/GRWNtxeePlLMHr3x9ETeRQIhAIpV+03nREPTTHWSW0wIOA0EoMPdcNgXa70yCaqDJlu5";
    const SEVERAL: &str = concat!(
        r#"[{"email":"invalid@gmail.com","event":"processed","send_at":0,"#,
        r#""sg_event_id":"cHJvY2Vzc2VkLTE5OTQyMTEyLXFOd0JMZ1BRUWpXNkRKdktRd1NBYnctMA","#,
        r#""sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","#,
        r#""smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","timestamp":1619651146},"#,
        "\r\n",
        r#"{"email":"invalid@gmail.com","event":"bounce","ip":"167.89.101.76","reason":"552 5.2.2 The email account "#,
        r#"that you tried to reach is over quota and inactive. Please direct the recipient to "#,
        r#"https://support.google.com/mail/?p=OverQuotaPerm c17si1130468pgv.34 - gsmtp","#,
        r#""sg_event_id":"Ym91bmNlLTAtMTk5NDIxMTItcU53QkxnUFFRalc2REp2S1F3U0Fidy0w","#,
        r#""sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","#,
        r#""smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","status":"5.2.2","#,
        r#""timestamp":1619651147,"tls":1,"type":"blocked"}]"#,
        "\r\n"
    );

    fn headers(timestamp: &str, signature: &str) -> HeaderMap {
        [(SIGNATURE, signature), (TIMESTAMP, timestamp)]
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_published_payloads_are_accepted() {
        assert_eq!(verify(&headers(AT, SIGNED), BODY.as_bytes(), [KEY]), Ok(()));
        assert_eq!(verify(&headers("1619651159", SIGNED_SEVERAL), SEVERAL.as_bytes(), [KEY_OF_SEVERAL]), Ok(()));
    }

    #[test]
    fn both_keys_of_a_rotation_are_accepted() {
        let headers = headers(AT, SIGNED);
        assert_eq!(verify(&headers, BODY.as_bytes(), [OTHER_KEY, KEY]), Ok(()));
        assert_eq!(verify(&headers, BODY.as_bytes(), [KEY, OTHER_KEY]), Ok(()));
        assert_eq!(verify(&headers, BODY.as_bytes(), ["not a key", "", KEY]), Ok(()));
    }

    #[test]
    fn any_change_is_refused() {
        let check = |at: &str, signature: &str, body: &str, key: &str| {
            verify(&headers(at, signature), body.as_bytes(), [key]).is_ok()
        };
        assert!(!check(AT, SIGNED, BODY, OTHER_KEY));
        assert!(!check("1600112503", SIGNED, BODY, KEY));
        assert!(!check(AT, SIGNED, BODY.trim_end(), KEY), "the CRLF is signed");
        assert!(!check(AT, SIGNED, &BODY.replace("dropped", "delivered"), KEY));
        assert!(!check(
            AT,
            "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0=",
            BODY,
            KEY
        ));
        assert!(!check(AT, "", BODY, KEY));
        assert!(!check(AT, "not base64", BODY, KEY));
        assert!(!check(AT, SIGNED, BODY, "not a key"));
        assert!(verify(&headers(AT, SIGNED), BODY.as_bytes(), [""; 0]).is_err(), "no key, no proof");
        assert_eq!(verify(&HeaderMap::new(), BODY.as_bytes(), [KEY]), Err(BadSignature("no signature header")));
    }
}
