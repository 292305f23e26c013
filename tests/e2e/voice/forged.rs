//! Who is not Twilio hears nothing, and who is gets TwiML.

use super::{ASKED, GOODBYE};
use crate::world::{Line, World, fresh};

const CALL: [(&str, &str); 3] =
    [("CallSid", "CA00000000000000000000000000000009"), ("CallStatus", "in-progress"), ("Digits", "9")];

#[tokio::test]
async fn only_what_twilio_signed_is_answered_and_with_twiml() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let token = world.stack.secret("twilio_auth_token");
    let path = "/twilio/gather-response?node=main&misses=0&step=1";
    world.twilio_form(path, &CALL, &fresh::word(), None).await.refused(403, "Invalid signature");
    // The query, where the call is, is signed too.
    let signed = format!("{}{}", world.stack.api_url, path.replace("step=1", "step=0"));
    world.twilio_form(path, &CALL, token, Some(&signed)).await.refused(403, "Invalid signature");
    for path in ["/twilio/voice-response", "/twilio/recording-complete"] {
        world.twilio_form(path, &CALL, "another", None).await.refused(403, "Invalid signature");
    }
    let answer = world.twilio_form(path, &CALL, token, None).await.is(200);
    assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    assert!(answer.text.contains(ASKED) && answer.text.contains("misses=0&amp;step=2"), "{}", answer.text);
    let last = world.twilio_form("/twilio/gather-response?node=main&misses=0&step=40", &CALL, token, None).await;
    assert!(last.text.contains(GOODBYE) && last.text.contains("<Hangup/>"), "{}", last.text);
    let gone = world.twilio_form("/twilio/gather-response?node=removed&step=3", &CALL, token, None).await.is(200);
    assert!(gone.text.contains(ASKED), "{}", gone.text);
    world.twilio_form(path, &[("Digits", "9")], token, None).await.refused(400, "Malformed callback");
}
