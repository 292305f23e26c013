//! Signing, done anew for every try: SendGrid's and Svix's signatures cover the time of the try.

use aws_lc_rs::{hmac, rand::SystemRandom, signature::EcdsaKeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::Outbox;

/// How a callback proves where it comes from.
#[derive(Debug, Clone)]
pub(crate) enum Signing {
    /// The signature is among the headers already: Twilio's covers no time.
    Done,
    /// SendGrid's signed event webhook.
    Sendgrid,
    /// Svix, as Resend uses it; the id stays the same over all tries.
    Svix { id: String },
}

impl Signing {
    /// The headers of one try.
    pub(super) fn headers(&self, outbox: &Outbox, body: &[u8]) -> Vec<(&'static str, String)> {
        let timestamp = Timestamp::now().as_second().to_string();
        match self {
            Self::Done => Vec::new(),
            Self::Sendgrid => vec![
                (
                    "X-Twilio-Email-Event-Webhook-Signature",
                    sendgrid_signature(&outbox.sendgrid_key, &timestamp, body).unwrap_or_default(),
                ),
                ("X-Twilio-Email-Event-Webhook-Timestamp", timestamp),
            ],
            Self::Svix { id } => vec![
                ("svix-id", id.clone()),
                ("svix-signature", svix_signature(&outbox.svix_key, id, &timestamp, body)),
                ("svix-timestamp", timestamp),
            ],
        }
    }
}

/// ECDSA P-256 with SHA-256 over timestamp and raw body, DER, base64. `None` when the system has no randomness.
fn sendgrid_signature(key: &EcdsaKeyPair, timestamp: &str, body: &[u8]) -> Option<String> {
    let signed = [timestamp.as_bytes(), body].concat();
    let signature = key.sign(&SystemRandom::new(), &signed).ok()?;
    Some(STANDARD.encode(signature.as_ref()))
}

/// HMAC-SHA256 over `id.timestamp.body`, as the Standard Webhooks specification has it.
fn svix_signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed);
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    use super::*;
    use crate::keys;

    #[test]
    fn sendgrid_signature_covers_timestamp_and_raw_body() {
        let pair = keys::generate().expect("a key");
        let body = b"[{\"event\":\"delivered\"}]\r\n";
        let key = keys::parse(&pair.private_pkcs8).expect("the same key");
        let signature = sendgrid_signature(&key, "1600112502", body).expect("a signature");
        let public = STANDARD.decode(&pair.public_spki).expect("base64");
        // The last 65 bytes of a P-256 SPKI are the uncompressed point.
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public[public.len() - 65..]);
        let signature = STANDARD.decode(signature).expect("base64");
        public.verify(b"1600112502[{\"event\":\"delivered\"}]\r\n", &signature).expect("a good signature");
        assert!(public.verify(b"1600112502[{\"event\":\"delivered\"}]", &signature).is_err());
    }

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn svix_signature_is_the_published_one() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let signature = svix_signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
