//! One try: the request, and what its answer means.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, WebhookError};

use super::target::{Barred, Guard};
use super::{DeliveryId, Reach, Subscriber};
use crate::provider::call::retry_after;

/// How long a subscriber has to answer, connection included: the least that Standard Webhooks asks senders to wait.
pub const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls subscribers.
#[derive(Clone, Debug)]
pub struct Caller {
    http: reqwest::Client,
    reach: Reach,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: it has it.
    Taken { code: u16 },
    /// 410: it wants no more events.
    Gone,
    /// Any other status. A redirect is one too: it is not followed.
    Refused { code: u16, retry_after: Option<Duration> },
    /// No answer, or no connection; why, in one word.
    NoAnswer { error: &'static str },
}

impl Caller {
    pub fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Guard(reach).shared())
            .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, reach })
    }

    /// Sends a delivery's body, signed at `now`. Of the answer only the head is read.
    pub async fn call(
        &self,
        to: &Subscriber,
        delivery: DeliveryId,
        body: String,
        now: Timestamp,
    ) -> Result<Answer, WebhookError> {
        // The setting may have changed since it was registered, and addresses pass no resolver.
        if to.target.is_barred(self.reach) {
            return Ok(Answer::NoAnswer { error: BARRED });
        }
        let id = delivery.to_string();
        let signatures = to.secrets.sign(&id, now, &body)?;
        let request = self
            .http
            .post(to.target.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, now.as_second())
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            .body(body);
        Ok(match request.send().await {
            Ok(answer) if answer.status().is_success() => Answer::Taken { code: answer.status().as_u16() },
            Ok(answer) if answer.status() == StatusCode::GONE => Answer::Gone,
            Ok(answer) => {
                Answer::Refused { code: answer.status().as_u16(), retry_after: retry_after(answer.headers(), now) }
            }
            Err(error) => Answer::NoAnswer { error: word(&error) },
        })
    }
}

const BARRED: &str = "address_not_allowed";

/// The error in one word. Its own text is not used: it holds the URL.
fn word(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Barred>() {
            return BARRED;
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no_connection"
    } else {
        "broken_connection"
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::event::Target;
    use crate::testing::sample_subscriber;

    const BODY: &str = r#"{"a":1}"#;

    /// Answers one request with `answer` and gives what was asked.
    async fn listener(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            let mut piece = [0; 4_096];
            while !asked.ends_with(BODY.as_bytes()) {
                let read = stream.read(&mut piece).await.unwrap();
                asked.extend_from_slice(&piece[..read]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, asked)
    }

    fn subscriber(url: &str) -> Subscriber {
        Subscriber { target: Target::stored(url).unwrap(), ..sample_subscriber().unwrap() }
    }

    async fn called(to: &Subscriber, reach: Reach, now: Timestamp) -> (DeliveryId, Answer) {
        let id = DeliveryId::of_test(&crate::testing::sample_ids(), to.id, Timestamp::UNIX_EPOCH);
        let answer = Caller::new(reach).unwrap().call(to, id, BODY.to_owned(), now).await;
        (id, answer.unwrap())
    }

    async fn answered(answer: &'static str) -> Answer {
        let (url, _) = listener(answer).await;
        let to = subscriber(&url);
        called(&to, Reach::PublicAndLoopback, Timestamp::now()).await.1
    }

    #[tokio::test]
    async fn a_request_bears_its_id_its_time_and_its_signature() {
        let (url, asked) = listener("HTTP/1.1 204 No Content\r\n\r\n").await;
        let to = subscriber(&url);
        let now = Timestamp::from_second(1_795_255_200).unwrap();
        let (id, answer) = called(&to, Reach::PublicAndLoopback, now).await;
        assert_eq!(answer, Answer::Taken { code: 204 });
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /hook HTTP/1.1\r\n"), "{asked}");
        let signature = to.secrets.sign(&id.to_string(), now, BODY).unwrap();
        for line in [
            "content-type: application/json".to_owned(),
            format!("webhook-id: {id}"),
            "webhook-timestamp: 1795255200".to_owned(),
            format!("webhook-signature: {signature}"),
        ] {
            assert!(asked.contains(&format!("{line}\r\n")), "{line} in {asked}");
        }
    }

    #[tokio::test]
    async fn only_2xx_is_a_success_and_no_redirect_is_followed() {
        assert_eq!(answered("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await, Answer::Gone);
        let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(answered(moved).await, Answer::Refused { code: 302, retry_after: None });
        let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(answered(busy).await, Answer::Refused { code: 429, retry_after: Some(Duration::from_secs(7)) });
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_called() {
        let (url, asked) = listener("HTTP/1.1 200 OK\r\n\r\n").await;
        for url in [url.replace("http:", "https:"), url.replace("http://localhost", "https://127.0.0.1")] {
            let to = subscriber(&url);
            let (_, answer) = called(&to, Reach::Public, Timestamp::now()).await;
            assert_eq!(answer, Answer::NoAnswer { error: BARRED }, "{url}");
        }
        // Past the look at the text, as with a name of somebody's own: the connection itself is refused.
        let url = url.replace("http:", "https:");
        let error = Caller::new(Reach::Public).unwrap().http.get(&url).send().await.unwrap_err();
        assert_eq!(word(&error), BARRED);
        assert!(!asked.is_finished(), "nobody came");
    }

    #[tokio::test]
    async fn nobody_there_is_no_answer() {
        let to = subscriber("http://127.0.0.1:1/hook");
        let (_, answer) = called(&to, Reach::PublicAndLoopback, Timestamp::now()).await;
        assert_eq!(answer, Answer::NoAnswer { error: "no_connection" });
    }
}
