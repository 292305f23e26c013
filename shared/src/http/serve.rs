//! Serves a router as a Lambda function. What API Gateway hands over becomes an HTTP request in `lambda_http`, which panics on a
//! URI it cannot build; so the parts it builds one from are made valid before.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::Router;
use http::header;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent};
use tower::ServiceExt;

/// The longest path and query that make a URI (`http::Uri` ends at 65,534 bytes). API Gateway ends at 10 kB.
const MAX_URI_BYTES: usize = 32_768;

/// Serves a router until the runtime ends.
pub async fn serve(router: Router) -> Result<(), lambda_http::Error> {
    let clean = |event: LambdaEvent<LambdaRequest>| LambdaEvent { payload: cleaned(event.payload), ..event };
    lambda_http::lambda_runtime::run(Adapter::from(router).map_request(clean)).await
}

/// The same event with a path and a query that make a URI.
fn cleaned(event: LambdaRequest) -> LambdaRequest {
    match event {
        LambdaRequest::ApiGatewayV2(request) => LambdaRequest::ApiGatewayV2(with_valid_uri(request)),
        other => other,
    }
}

fn with_valid_uri(mut request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpRequest {
    let path = request.raw_path.as_deref().map(|path| encoded(path, is_path)).unwrap_or_default();
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    let query = request.raw_query_string.as_deref().map(|query| encoded(query, is_query)).unwrap_or_default();
    let fits = path.len() + query.len() <= MAX_URI_BYTES;
    // Nothing is found at the root.
    (request.raw_path, request.raw_query_string) =
        if fits { (Some(path), Some(query)) } else { (Some("/".to_owned()), None) };
    // Nobody asks the request for its host or scheme: our address is a setting.
    request.headers.remove(header::HOST);
    request.headers.remove("x-forwarded-proto");
    request.request_context.domain_name = None;
    request
}

/// Percent-encodes the bytes that may not stand there (RFC 3986).
fn encoded(text: &str, may_stand: fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if may_stand(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

fn is_query(byte: u8) -> bool {
    is_path(byte) || byte == b'?'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(path: &str, query: &str, host: &str) -> lambda_http::Request {
        let mut event = ApiGatewayV2httpRequest::default();
        (event.raw_path, event.raw_query_string) = (Some(path.to_owned()), Some(query.to_owned()));
        event.request_context.domain_name = Some(host.to_owned());
        if let Ok(host) = host.parse() {
            event.headers.insert(header::HOST, host);
        }
        event.headers.insert("x-forwarded-proto", header::HeaderValue::from_static("a b"));
        cleaned(LambdaRequest::ApiGatewayV2(event)).into()
    }

    #[test]
    fn odd_query_reaches_the_router_percent_encoded() {
        let request = request("/l/abcdefghijkl", "x=\"y\"&z=<a>&ok=%20+", "api.example");
        assert_eq!(request.uri().path(), "/l/abcdefghijkl");
        assert_eq!(request.uri().query(), Some("x=%22y%22&z=%3Ca%3E&ok=%20+"));
    }

    #[test]
    fn overlong_uri_is_no_endpoint() {
        let request = request("/l/abcdefghijkl", &"x".repeat(70_000), "api.example");
        assert_eq!(request.uri().path(), "/");
    }

    proptest! {
        #[test]
        fn no_path_query_or_host_panics(path in ".*", query in "(?s).*", host in "(?s).*") {
            let _ = request(&path, &query, &host);
        }
    }
}
