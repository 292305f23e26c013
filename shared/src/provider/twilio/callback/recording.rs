//! That something was recorded in a call.
//!
//! Sources: Twilio's pages "TwiML: Record" (what its action is told) and "Recording status callbacks".

use jiff::Timestamp;

use super::{MalformedCallback, Parameters, our_id};
use crate::message::record::Recording;
use crate::provider::twilio::date;
use crate::provider::{Event, ProviderName, Report};

/// The longest address of a recording.
const LONGEST_URL: usize = 500;

/// Reads that something was recorded: what a `Record`'s action is told, and its status callback. A recording that is not
/// complete, or came to nothing (`absent`), is no report.
pub fn parse(query: &str, body: &[u8], received: Timestamp) -> Result<Vec<Report>, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    let call = parameters.text(&["CallSid"])?.ok_or(MalformedCallback("no CallSid"))?;
    if parameters.text(&["RecordingStatus"])?.is_some_and(|status| status != "completed") {
        return Ok(Vec::new());
    }
    let id = parameters.text(&["RecordingSid"])?.ok_or(MalformedCallback("no RecordingSid"))?;
    if !(id.len() == 34 && id.starts_with("RE") && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(MalformedCallback("no recording's id"));
    }
    let url = parameters.text(&["RecordingUrl"])?.filter(|url| url.len() <= LONGEST_URL && url.starts_with("http"));
    let url = url.ok_or(MalformedCallback("no RecordingUrl"))?;
    let seconds = parameters.number("RecordingDuration").and_then(|seconds| u32::try_from(seconds).ok());
    let at = parameters.text(&["RecordingStartTime"])?.and_then(date).unwrap_or(received);
    Ok(vec![Report {
        recipient: None,
        recording: Some(Box::new(Recording {
            id: id.to_owned(),
            url: url.to_owned(),
            seconds: seconds.unwrap_or_default(),
            at,
        })),
        provider: ProviderName::Twilio,
        message_id: our_id(query),
        provider_id: Some(call.to_owned()),
        key: format!("recorded:{id}"),
        event: Event::Recorded,
        at: received,
        provider_code: None,
        call: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;

    const RECORDED: &str = "CallSid=CA1&AccountSid=AC1&RecordingSid=RE00000000000000000000000000000001&RecordingDuration=12\
        &RecordingUrl=https%3A%2F%2Fapi.twilio.com%2F2010-04-01%2FAccounts%2FAC1%2FRecordings%2FRE00000000000000000000000000000001";

    #[test]
    fn a_recording_is_told_by_its_action_and_by_its_callback_as_the_same() {
        let received = "2026-03-01T12:00:20Z".parse().unwrap();
        let id = MessageId::new();
        let action = format!("{RECORDED}&Digits=hangup&CallStatus=in-progress");
        let callback = format!(
            "{RECORDED}&RecordingStatus=completed&RecordingChannels=1&RecordingStartTime=Sun%2C+01+Mar+2026+12%3A00%3A05+%2B0000"
        );
        let query = format!("node=agent&step=2&message={id}");
        let told = |body: &str| parse(&query, body.as_bytes(), received).unwrap().remove(0);
        let (action, callback) = (told(&action), told(&callback));
        assert_eq!(
            (action.event, action.message_id, action.key.as_str()),
            (Event::Recorded, Some(id), callback.key.as_str())
        );
        assert_eq!((action.detail().as_deref(), action.provider_id.as_deref()), (Some("12 s"), Some("CA1")));
        let recording = callback.recording.unwrap();
        assert_eq!((recording.seconds, recording.at.to_string()), (12, "2026-03-01T12:00:05Z".to_owned()));
        assert!(recording.url.ends_with("/Recordings/RE00000000000000000000000000000001"));
    }

    #[test]
    fn what_was_not_recorded_is_no_report_and_what_names_none_is_malformed() {
        let read = |body: &str| parse("", body.as_bytes(), Timestamp::UNIX_EPOCH);
        for status in ["in-progress", "absent", "failed", "paused"] {
            assert_eq!(read(&format!("{RECORDED}&RecordingStatus={status}")), Ok(Vec::new()), "{status}");
        }
        let without =
            |name: &str| RECORDED.split('&').filter(|pair| !pair.starts_with(name)).collect::<Vec<_>>().join("&");
        for name in ["CallSid", "RecordingSid", "RecordingUrl"] {
            assert!(read(&without(name)).is_err(), "{name}");
        }
        assert!(read(&RECORDED.replace("RecordingSid=RE", "RecordingSid=XX")).is_err());
        assert!(read(&RECORDED.replace("https", "file")).is_err());
    }
}
