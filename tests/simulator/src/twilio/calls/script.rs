//! What is said in a call that was answered: TwiML from the request or from a URL, to its end. [`Deed`]s of the person at the
//! other end are taken whenever it waits for one.

use http::Uri;

use jiff::Timestamp;

use super::{
    super::{answer::date, callback},
    Deed, Detail, Instructions,
    magic::{self, Outcome},
    person,
    twiml::{self, Gather, Verb},
};
use crate::{
    app::App,
    ids,
    store::{Channel, Message, Status},
};

/// What people speak in a second; so long a text takes.
const WORDS_A_SECOND: f64 = 2.5;

/// How long a sound is taken to last, in seconds.
const SOUND: u32 = 5;

/// How long a conversation with somebody who was dialled lasts, in seconds.
const CONVERSATION: u32 = 20;

/// Documents that may redirect to one another before the call is ended.
const MOST_DOCUMENTS: usize = 100;

/// What Twilio says when the TwiML cannot be used.
const APOLOGY: &str = "We are sorry, an application error has occurred. Goodbye.";

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Words; sounds and what is not acted out stand in brackets.
    pub(super) lines: Vec<String>,
    pub(super) seconds: u32,
    /// Why the TwiML could not be used: 11200, 12100, 12200, 12300.
    pub(super) error_code: Option<u32>,
}

impl Heard {
    fn say(&mut self, text: &str) {
        let words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
        self.seconds += (f64::from(words) / WORDS_A_SECOND).ceil() as u32;
        self.lines.push(text.to_owned());
    }
}

/// Acts instructions out.
pub(super) async fn act(app: &App, call: &Message, detail: &Detail, instructions: &Instructions) -> Heard {
    let mut heard = Heard::default();
    let outcome = match instructions {
        Instructions::Twiml(twiml) => perform(app, call, detail, "", twiml.clone(), &mut heard).await,
        Instructions::Url { url, fallback } => {
            let first = follow(app, call, detail, url, &mut heard).await;
            match (first, fallback) {
                (Err(code), Some(fallback)) => {
                    heard.error_code = Some(code);
                    follow(app, call, detail, fallback, &mut heard).await
                }
                (outcome, _) => outcome,
            }
        }
    };
    if let Err(code) = outcome {
        heard.error_code = Some(code);
        heard.say(APOLOGY);
    }
    heard
}

async fn follow(app: &App, call: &Message, detail: &Detail, url: &str, heard: &mut Heard) -> Result<(), u32> {
    let document = fetch(app, call, detail, url, &[]).await?;
    perform(app, call, detail, url, document, heard).await
}

async fn perform(
    app: &App,
    call: &Message,
    detail: &Detail,
    base: &str,
    document: String,
    heard: &mut Heard,
) -> Result<(), u32> {
    let (mut base, mut document) = (base.to_owned(), document);
    for _ in 0..MOST_DOCUMENTS {
        let mut next = None;
        for verb in twiml::parse(&document)? {
            match verb {
                Verb::Say { text, times } => (0..times).for_each(|_| heard.say(&text)),
                Verb::Play(url) => {
                    heard.seconds += SOUND;
                    heard.lines.push(format!("[{url}]"));
                }
                Verb::Pause(seconds) => heard.seconds += seconds,
                Verb::Hangup => return Ok(()),
                Verb::Redirect(url) => next = Some((url, Vec::new())),
                Verb::Gather(gather) => match input(app, call, &gather, heard) {
                    Input::Given(params) => next = Some((gather.action.unwrap_or_else(|| base.clone()), params)),
                    Input::None => {}
                    Input::HungUp => return Ok(()),
                },
                Verb::Record { action, callback } => match record(app, call, callback, heard).await {
                    Input::Given(params) => next = Some((action.unwrap_or_else(|| base.clone()), params)),
                    Input::None => {}
                    Input::HungUp => return Ok(()),
                },
                Verb::Dial { number, action } => {
                    let params = dial(&number, heard);
                    next = action.map(|action| (action, params));
                }
                Verb::Other(name) => {
                    heard.lines.push(format!("[{name}]"));
                    return Ok(());
                }
            }
            if next.is_some() {
                break;
            }
        }
        let Some((url, params)) = next else { return Ok(()) };
        let url = absolute(&base, &url).ok_or(11100_u32)?;
        document = fetch(app, call, detail, &url, &params).await?;
        base = url;
    }
    // Twilio goes on for hours; nobody here does.
    heard.lines.push("[no end]".to_owned());
    Ok(())
}

/// What the person did.
enum Input {
    /// It is told with these parameters.
    Given(Vec<(&'static str, String)>),
    None,
    HungUp,
}

fn next_deed(app: &App, call: &Message) -> Deed {
    app.store().callers_mut().next(person(call))
}

fn input(app: &App, call: &Message, gather: &Gather, heard: &mut Heard) -> Input {
    match next_deed(app, call) {
        Deed::Press(keys) if gather.keys => {
            heard.lines.push(format!("[pressed {keys}]"));
            let digits = keys.chars().take(gather.digits.unwrap_or(usize::MAX)).collect();
            Input::Given(vec![("Digits", digits), ("FinishedOnKey", String::new())])
        }
        Deed::Say(words) if gather.words => {
            heard.lines.push(format!("[said {words}]"));
            Input::Given(vec![("SpeechResult", words), ("Confidence", "0.91".to_owned())])
        }
        Deed::HangUp => Input::HungUp,
        Deed::Press(_) | Deed::Say(_) | Deed::Nothing => {
            heard.seconds += gather.timeout;
            Input::None
        }
    }
}

/// Records what is said, and tells the status callback of it beside the action.
async fn record(app: &App, call: &Message, status_callback: Option<String>, heard: &mut Heard) -> Input {
    let words = match next_deed(app, call) {
        Deed::Say(words) => words,
        Deed::HangUp => return Input::HungUp,
        Deed::Press(_) | Deed::Nothing => return Input::None,
    };
    let before = heard.seconds;
    heard.say(&format!("[recorded {words}]"));
    let seconds = (heard.seconds - before).to_string();
    let (account, sid) = (&app.config.twilio_account_sid, ids::sid("RE"));
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}");
    app.store().recordings_mut().keep(&sid, &call.content.id, heard.seconds - before);
    let recording = vec![("RecordingSid", sid), ("RecordingUrl", url), ("RecordingDuration", seconds)];
    if let Some(to) = status_callback {
        let more = [
            ("AccountSid", account.clone()),
            ("CallSid", call.content.id.clone()),
            ("RecordingStatus", "completed".to_owned()),
            ("RecordingChannels", "1".to_owned()),
            ("RecordingSource", "RecordVerb".to_owned()),
            ("RecordingTrack", "both".to_owned()),
            ("RecordingStartTime", date(Timestamp::now())),
            ("ErrorCode", "0".to_owned()),
        ];
        let params = recording.iter().cloned().chain(more).map(|(name, value)| (name.to_owned(), value));
        let callback = callback::signed(app, &call.content.id, "recorded", &to, &params.collect::<Vec<_>>());
        app.outbox.dispatch(app, callback, Channel::Voice).await;
    }
    let mut params = recording;
    params.push(("Digits", "#".to_owned()));
    Input::Given(params)
}

/// Calls somebody else, whose number decides how that ends.
fn dial(number: &str, heard: &mut Heard) -> Vec<(&'static str, String)> {
    let status = match magic::outcome(number) {
        Outcome::Answered(_) | Outcome::Stays => "completed",
        Outcome::Rings => "no-answer",
        Outcome::Ends(status, _) => status.as_str(),
    };
    heard.lines.push(format!("[dialled {number}: {status}]"));
    let mut params = vec![("DialCallStatus", status.to_owned()), ("DialCallSid", ids::sid("CA"))];
    if status == Status::Completed.as_str() {
        heard.seconds += CONVERSATION;
        params.push(("DialCallDuration", CONVERSATION.to_string()));
        params.push(("DialBridged", "true".to_owned()));
    }
    params
}

/// A URL as a document at `base` names it.
fn absolute(base: &str, url: &str) -> Option<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(url.to_owned());
    }
    let base: Uri = base.parse().ok()?;
    let origin = format!("{}://{}", base.scheme_str()?, base.authority()?);
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(if url.starts_with('/') { origin + url } else { format!("{origin}{folder}/{url}") })
}

/// Asks a URL for TwiML, signed, as a webhook of a call: 15 seconds, a 2xx and an XML content type, or 11200 and 12300.
async fn fetch(
    app: &App,
    call: &Message,
    detail: &Detail,
    url: &str,
    more: &[(&'static str, String)],
) -> Result<String, u32> {
    let content = &call.content;
    let mut params: Vec<(String, String)> = super::progress::parties(app, call);
    params.push(("CallStatus".to_owned(), "in-progress".to_owned()));
    if let Some(answered_by) = detail.answered_by {
        params.push(("AnsweredBy".to_owned(), answered_by.to_owned()));
    }
    params.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let url = url.split('#').next().unwrap_or_default();
    let request = callback::signed(app, &content.id, "voice", url, &params);
    let Some(_permit) = app.outbox.permit().await else { return Err(11200) };
    let answer = app.outbox.post(&request, 1).await.map_err(|_| 11200_u32)?;
    if !(200..300).contains(&answer.status) {
        return Err(11200);
    }
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/xml" | "application/xml" | "text/html" => Ok(answer.body),
        "text/plain" => Ok(format!("<Response><Say>{}</Say></Response>", quick_xml::escape::escape(&answer.body))),
        _ => Err(12300),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_relative_to_its_document() {
        let base = "https://a.example:8443/voice/start?x=1";
        assert_eq!(absolute(base, "next").as_deref(), Some("https://a.example:8443/voice/next"));
        assert_eq!(absolute(base, "/next?y=2").as_deref(), Some("https://a.example:8443/next?y=2"));
        assert_eq!(absolute(base, "https://b.example/x").as_deref(), Some("https://b.example/x"));
        assert_eq!(absolute("", "/next"), None);
    }

    #[test]
    fn words_take_their_time() {
        let mut heard = Heard::default();
        heard.say("one two three four five six");
        assert_eq!(heard.seconds, 3);
    }
}
