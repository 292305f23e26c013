//! A signed form POST, as every webhook request of Twilio is.

use super::sign;
use crate::{
    app::App,
    callbacks::{Callback, Signing},
    ids,
    store::Provider,
};

/// The request that tells `event` about the message `sid`.
pub(crate) fn signed(app: &App, sid: &str, event: &str, url: &str, params: &[(String, String)]) -> Callback {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(params);
    Callback {
        provider: Provider::Twilio,
        message: sid.to_owned(),
        event: event.to_owned(),
        url: url.to_owned(),
        content_type: "application/x-www-form-urlencoded; charset=utf-8",
        headers: vec![
            ("X-Twilio-Signature", sign::signature(&app.config.twilio_auth_token, url, params)),
            ("I-Twilio-Idempotency-Token", ids::idempotency_token()),
            ("User-Agent", "TwilioProxy/1.1".to_owned()),
            ("Accept", "*/*".to_owned()),
        ],
        body: form.finish().into(),
        signing: Signing::Done,
    }
}
