//! As much of HTTP/1.1 as the proxy needs: requests with a content length, and what they ask of which service.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The services whose requests are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    DynamoDb,
    Sqs,
    S3,
    Other,
}

/// Reads a request with its body. `None`: the connection was closed before one came.
pub(super) async fn read_request(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = head_of(&bytes) {
            let length = header(&bytes[..head], "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= head + length {
                return Ok(Some(bytes));
            }
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

/// The length of the head, with the empty line behind it.
fn head_of(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn head(request: &[u8]) -> &[u8] {
    &request[..head_of(request).unwrap_or(request.len())]
}

/// The service a request is for. S3's requests have no target; they are signed for their service.
pub(super) fn service(request: &[u8]) -> Service {
    let head = head(request);
    match header(head, "x-amz-target").unwrap_or_default().split('.').next().unwrap_or_default() {
        target if target.starts_with("DynamoDB") => Service::DynamoDb,
        "AmazonSQS" => Service::Sqs,
        "" if header(head, "authorization").is_some_and(|signed| signed.contains("/s3/aws4_request")) => Service::S3,
        _ => Service::Other,
    }
}

/// `DynamoDB_20120810.UpdateItem` is `UpdateItem`; of a request without a target it is the method.
pub(super) fn operation(request: &[u8]) -> String {
    let head = head(request);
    let Some(target) = header(head, "x-amz-target") else {
        return String::from_utf8_lossy(head).split(' ').next().unwrap_or_default().to_owned();
    };
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The name of a conditional write, as its request says it, and of what puts records into a queue.
pub(super) fn write(request: &[u8], service: Service) -> Option<String> {
    match service {
        Service::DynamoDb => header(head(request), "x-switchboard-write"),
        Service::Sqs => Some(format!("sqs.{}", operation(request))),
        Service::S3 | Service::Other => None,
    }
}

/// The table or queue that the body names first; the bucket of S3's.
pub(super) fn resource(request: &[u8]) -> String {
    let head = head(request);
    if header(head, "x-amz-target").is_none() {
        let text = String::from_utf8_lossy(head);
        let path = text.split(' ').nth(1).unwrap_or_default();
        return path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default().to_owned();
    }
    let body = body(request);
    let named = body["TableName"].as_str().or(body["QueueUrl"].as_str()).unwrap_or_default();
    named.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The body, if it is JSON.
pub(super) fn body(request: &[u8]) -> serde_json::Value {
    let body = head_of(request).and_then(|head| request.get(head..)).unwrap_or_default();
    serde_json::from_slice(body).unwrap_or_default()
}

/// The same request, after whose answer the server closes.
pub(super) fn alone(request: &[u8]) -> Vec<u8> {
    let text = request.windows(2).position(|window| window == b"\r\n").map_or(0, |at| at + 2);
    [&request[..text], b"connection: close\r\n", &request[text..]].concat()
}

/// The answer to one request too many.
pub(super) fn throttled(service: Service) -> String {
    let (status, kind, body) = match service {
        Service::Sqs => (
            "400 Bad Request",
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Rate exceeded"}"#,
        ),
        Service::S3 => (
            "503 Slow Down",
            "application/xml",
            "<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>",
        ),
        Service::DynamoDb | Service::Other => (
            "400 Bad Request",
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#,
        ),
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
