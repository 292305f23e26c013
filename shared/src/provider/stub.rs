//! A provider of one test: listens on a free port, answers each request with the next line of its script, and keeps
//! what it was sent, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::message::content::{Attachment, Email, Place, Recipient, Text};
use crate::message::{Address, Channel, Content, EmailAddress, PhoneNumber};
use crate::provider::{Outgoing, SendError, Taken};

/// What the stub does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Reply {
        status: u16,
        headers: &'static str,
        body: String,
    },
    /// Refuses a conditional write of DynamoDB's, with the row as that write had left it before: these attributes, and the write's
    /// own token.
    RefusedByItself(serde_json::Value),
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes the connection.
    Reset,
    /// Answers `200`, promises more bytes than it sends, and closes.
    BreakOff,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Stub {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// `status` with a JSON (or any) body.
pub(crate) fn reply(status: u16, body: impl ToString) -> Script {
    Script::Reply { status, headers: "", body: body.to_string() }
}

/// `status` with headers, each line ended by CRLF.
pub(crate) fn reply_with(status: u16, headers: &'static str, body: impl ToString) -> Script {
    Script::Reply { status, headers, body: body.to_string() }
}

/// Refuses a conditional write of DynamoDB's, with the row as it is.
pub(crate) fn refused(row: &serde_json::Value) -> Script {
    reply(400, refusal(row))
}

fn refusal(row: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": row,
    })
}

/// A client that does not wait for long, so that a hanging stub costs little time.
pub(crate) fn hasty() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build().unwrap()
}

/// The text message of the client tests.
pub(crate) fn text(channel: Channel, body: &str, media: &[&str]) -> Outgoing {
    let to = Address::Phone(PhoneNumber::parse("+14155552671", "US").unwrap());
    let media = media.iter().map(|url| (*url).to_owned()).collect();
    Outgoing {
        id: crate::testing::sample_id("t"),
        channel,
        to,
        from: None,
        content: Content::Text(Text { body: body.to_owned(), media, ..Text::default() }),
        category: None,
        unsubscribe: None,
        valid_until: None,
        tracked: true,
        keypress: None,
    }
}

/// The e-mail of the client tests.
pub(crate) fn email(text: Option<&str>, html: Option<&str>) -> Outgoing {
    let content = Content::Email(Email {
        subject: "Hello Grüße".to_owned(),
        text: text.map(str::to_owned),
        html: html.map(str::to_owned),
        ..Email::default()
    });
    let to = Address::Email(EmailAddress::parse("ada@example.com").unwrap());
    Outgoing {
        id: crate::testing::sample_id("t"),
        channel: Channel::Email,
        to,
        from: None,
        content,
        category: None,
        unsubscribe: None,
        valid_until: None,
        tracked: true,
        keypress: None,
    }
}

/// An e-mail with everything an e-mail can have.
pub(crate) fn full_email() -> Outgoing {
    let address = |text: &str| EmailAddress::parse(text).unwrap();
    let other = |place, text: &str| Recipient { place, address: address(text) };
    let file = |filename: &str, content_id: Option<&str>| Attachment {
        filename: filename.to_owned(),
        content_type: "image/png".to_owned(),
        content: "iVBORw0KGgo=".to_owned(),
        content_id: content_id.map(str::to_owned),
    };
    let content = Email {
        subject: "Hello Grüße".to_owned(),
        text: Some("plain".to_owned()),
        html: Some("<p>rich</p>".to_owned()),
        reply_to: Some(address("support@example.com")),
        others: vec![
            other(Place::Cc, "cc@example.com"),
            other(Place::To, "bob@example.com"),
            other(Place::Bcc, "bcc@example.com"),
        ],
        attachments: vec![file("chart.png", None), file("logo.png", Some("logo"))],
    };
    Outgoing { content: Content::Email(content), category: Some("Année 7/8".to_owned()), ..email(None, None) }
}

/// The provider ids that belong to other messages.
pub(crate) struct Owned(pub(crate) &'static [&'static str]);

#[async_trait::async_trait]
impl Taken for Owned {
    async fn is_taken(&self, provider_id: &str) -> Result<bool, SendError> {
        Ok(self.0.contains(&provider_id))
    }

    async fn is_of_another(&self, provider_id: &str) -> Result<bool, SendError> {
        Ok(self.0.contains(&provider_id))
    }
}

impl Stub {
    /// Starts it; requests beyond the script's end are reset.
    pub(crate) async fn new(script: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stub = Self { base_url, seen: Arc::clone(&seen) };
        let mut script = script.into_iter().collect::<Vec<_>>().into_iter();
        tokio::spawn(async move {
            let mut hanging = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request.clone());
                match script.next().unwrap_or(Script::Reset) {
                    Script::Reply { status, headers, body } => {
                        let head = format!(
                            "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                            body.len()
                        );
                        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                    }
                    Script::RefusedByItself(row) => {
                        let body = refused_by_itself(&request, row).to_string();
                        let head =
                            format!("HTTP/1.1 400 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                    }
                    Script::BreakOff => {
                        stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 99\r\n\r\n{").await.unwrap()
                    }
                    Script::Hang => hanging.push(stream),
                    Script::Reset => drop(stream),
                }
            }
        });
        stub
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request it got.
    pub(crate) fn only_request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The form's pairs, decoded, in the order sent.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn refused_by_itself(request: &Seen, mut row: serde_json::Value) -> serde_json::Value {
    let body = request.json();
    let by_alias = || {
        let names = body["ExpressionAttributeNames"].as_object()?;
        let alias = names.iter().find(|(_, name)| *name == "write_token")?.0;
        let expression = body["UpdateExpression"].as_str()?;
        let value = expression.split(&format!("{alias} = ")).nth(1)?.split([' ', ',']).next()?;
        Some(body["ExpressionAttributeValues"][value].clone())
    };
    let token = by_alias().unwrap_or_else(|| body["Item"]["write_token"].clone());
    assert!(!token["S"].as_str().unwrap_or_default().is_empty(), "a write without a token: {body}");
    row["write_token"] = token;
    refusal(&row)
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request's head broke off");
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
        .collect();
    let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request's body broke off");
    }
    let body = String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap();
    Seen { method: first.next().unwrap(), target: first.next().unwrap(), headers, body }
}
