//! What providers' callbacks are verified with. It is a secret of its own, apart from what calls the providers, so the
//! function that faces the internet holds no key that sends.
//!
//! Twilio signs with the account's auth token, which is also a credential of its API. So give the `twilio` secret an API key
//! instead of the auth token, or let Twilio sign with a shared key (public beta) and leave the auth token out here.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// The `webhook_keys` secret, as it stands in Secrets Manager.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookKeys {
    pub twilio: TwilioKeys,
    pub sendgrid: SendgridKeys,
    pub resend: ResendKeys,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwilioKeys {
    /// The account's auth token; during a promotion also the secondary one.
    pub auth_tokens: Vec<String>,
    /// Keys of webhooks signed with HMAC-SHA256 (`webhooks_sharedkey_…` to its secret), where that is switched on.
    pub shared_keys: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendgridKeys {
    /// The Event Webhook's verification keys, as SendGrid shows them: base64 of a DER SubjectPublicKeyInfo, P-256.
    pub public_keys: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResendKeys {
    /// The webhooks' signing secrets, `whsec_…`.
    pub secrets: Vec<String>,
}

macro_rules! shown_without_keys {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "[…]"))
            }
        }
    )*};
}

shown_without_keys!(WebhookKeys, TwilioKeys, SendgridKeys, ResendKeys);
