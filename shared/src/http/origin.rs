//! From where a request came, as the gateway saw it.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::Extensions;
use http::request::Parts;
use jiff::Timestamp;
use lambda_http::request::RequestContext;

use super::Caller;
use crate::ledger::Witness;

/// The address and the user agent of whoever called. Of a person's own device only where they called themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub ip: Option<IpAddr>,
    pub agent: Option<String>,
}

impl Origin {
    /// Who did what this request asks for; `source` is where it came from, in the client's word.
    pub fn witness(self, caller: &Caller, source: &str, at: Timestamp) -> Witness {
        self.witness_of_link(&caller.subject, source, at)
    }

    /// The same of whoever followed a link and needs no token; `name` is what the ledger calls them.
    pub fn witness_of_link(self, name: &str, source: &str, at: Timestamp) -> Witness {
        Witness { ip: self.ip, agent: self.agent, ..Witness::new(name, source, at) }
    }
}

impl Origin {
    /// What the gateway says of a request's sender.
    pub(super) fn of(extensions: &Extensions) -> Self {
        let http = match extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => Some(&context.http),
            _ => None,
        };
        Self {
            ip: http.and_then(|http| http.source_ip.as_deref()).and_then(|ip| ip.parse().ok()),
            agent: http.and_then(|http| http.user_agent.clone()).filter(|agent| !agent.is_empty()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}
