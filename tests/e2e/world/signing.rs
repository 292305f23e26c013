//! Signing callbacks as the providers do. Written from their documentation, apart from the code that verifies.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::api::Answer;
use super::{World, stack::stack};

/// Twilio's `X-Twilio-Signature` over a URL and a form.
pub(crate) fn twilio(token: &str, url: &str, form: &[(&str, &str)]) -> String {
    let sorted: BTreeMap<_, _> = form.iter().copied().collect();
    let text = sorted.iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

pub(crate) fn sha256_hex(body: &str) -> String {
    digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Svix' `v1,…` over id, time and body.
pub(crate) fn svix(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).expect("a secret");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes())))
}

/// SendGrid's signature over time and body.
pub(crate) fn sendgrid(timestamp: i64, body: &str) -> String {
    let key = BASE64_STANDARD.decode(stack().secret("sendgrid_signing_key")).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key).expect("a P-256 key");
    let signature = key.sign(&SystemRandom::new(), format!("{timestamp}{body}").as_bytes()).expect("a signature");
    BASE64_STANDARD.encode(signature)
}

impl World {
    /// Posts a form, signed by this token over `signed_url` (the address itself, unless said otherwise).
    pub(crate) async fn twilio_form(
        &self,
        path: &str,
        form: &[(&str, &str)],
        token: &str,
        signed_url: Option<&str>,
    ) -> Answer {
        let url = format!("{}{path}", self.stack.api_url);
        let signature = twilio(token, signed_url.unwrap_or(&url), form);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let call = self.call("POST", path).no_token().header("content-type", "application/x-www-form-urlencoded");
        call.header("x-twilio-signature", &signature).body(&body).send().await
    }

    /// A status callback about a message, signed as it should be.
    pub(crate) async fn twilio_says(&self, path: &str, sid: &str, status: &str) -> Answer {
        let form =
            [("MessageSid", sid), ("MessageStatus", status), ("AccountSid", self.stack.secret("twilio_account_sid"))];
        self.twilio_tells(path, &form).await
    }

    /// A form of Twilio's, signed as it should be.
    pub(crate) async fn twilio_tells(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.twilio_form(path, form, self.stack.secret("twilio_auth_token"), None).await
    }

    /// An event of Resend's, with these signatures over `timestamp`.
    pub(crate) async fn resend_event(&self, id: &str, timestamp: i64, signatures: &str, body: &str) -> Answer {
        let call = self.post_text("/webhooks/resend", body).no_token().header("svix-id", id);
        call.header("svix-timestamp", &timestamp.to_string()).header("svix-signature", signatures).send().await
    }

    /// A batch of SendGrid's events, with a signature over something.
    pub(crate) async fn sendgrid_events(&self, timestamp: i64, signature: &str, body: &str) -> Answer {
        let call = self.post_text("/api/communication/webhooks/sendgrid", body).no_token();
        let call = call.header("x-twilio-email-event-webhook-timestamp", &timestamp.to_string());
        call.header("x-twilio-email-event-webhook-signature", signature).send().await
    }
}
