//! Callbacks of messages that somebody else sent through the same account: signed as any, and nothing in them leads to the client's.

use serde_json::Value;

use super::{Callback, Signing};
use crate::{app::App, ids, store::Provider, twilio};

/// One like this of another message.
pub(super) fn like(app: &App, callback: &Callback) -> Callback {
    match callback.provider {
        Provider::Twilio => {
            let sid = ids::sid(callback.message.get(..2).unwrap_or("SM"));
            let renamed = |(name, value): (String, String)| {
                let value = if value == callback.message { sid.clone() } else { value };
                (name, value)
            };
            let params: Vec<_> = form_urlencoded::parse(&callback.body).into_owned().map(renamed).collect();
            let url = callback.url.split('?').next().unwrap_or_default();
            twilio::signed_callback(app, &sid, &callback.event, url, &params)
        }
        Provider::Sendgrid | Provider::Resend => {
            let id = ids::email_id();
            let mut body: Value = serde_json::from_slice(&callback.body).unwrap_or_default();
            if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
                data.insert("email_id".to_owned(), id.clone().into());
                data.remove("tags");
            }
            let signing = Signing::Svix { id: ids::svix_id() };
            Callback { message: id, body: body.to_string().into(), signing, ..callback.clone() }
        }
    }
}
