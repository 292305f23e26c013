//! What is said in a call that was answered: TwiML from the request or from a URL, to its end.

use http::Uri;

use super::{
    super::callback,
    Detail, Instructions,
    twiml::{self, Verb},
};
use crate::{app::App, store::Message};

/// What people speak in a second; so long a text takes.
const WORDS_A_SECOND: f64 = 2.5;

/// How long a sound is taken to last, in seconds.
const SOUND: u32 = 5;

/// Documents that may redirect to one another before the call is ended.
const MOST_DOCUMENTS: usize = 20;

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
    let document = fetch(app, call, detail, url).await?;
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
                Verb::Redirect(url) => {
                    next = Some(absolute(&base, &url).ok_or(11100_u32)?);
                    break;
                }
                Verb::Other(name) => {
                    heard.lines.push(format!("[{name}]"));
                    return Ok(());
                }
            }
        }
        let Some(url) = next else { return Ok(()) };
        document = fetch(app, call, detail, &url).await?;
        base = url;
    }
    Ok(())
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
async fn fetch(app: &App, call: &Message, detail: &Detail, url: &str) -> Result<String, u32> {
    let content = &call.content;
    let mut params: Vec<(String, String)> = super::progress::parties(app, call);
    params.push(("CallStatus".to_owned(), "in-progress".to_owned()));
    if let Some(answered_by) = detail.answered_by {
        params.push(("AnsweredBy".to_owned(), answered_by.to_owned()));
    }
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
