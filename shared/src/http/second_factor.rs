//! `Second-Factor-Assertion`: the header with which somebody shows, beside their own token, that they proved their second factor
//! just now and for what they are about to do.

use axum::extract::FromRequestParts;
use http::request::Parts;
use std::convert::Infallible;

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::ApiError;
use crate::person::PersonId;
use crate::twofactor::action::Accepted;
use crate::twofactor::{Action, ActionAssertions};

const HEADER: &str = "second-factor-assertion";

/// The assertion of this request, if it carries one.
#[derive(Clone)]
pub struct SecondFactorAssertion(Option<String>);

impl std::fmt::Debug for SecondFactorAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecondFactorAssertion[{}]", if self.0.is_some() { "…" } else { "" })
    }
}

/// Whether a person who acts with their own token has a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    NotEnrolled,
    /// They have, and proved it for this action. The assertion is used up.
    Proven,
}

impl SecondFactorAssertion {
    /// Checks that a person who has a second factor proved it for this action.
    pub async fn require(
        &self,
        assertions: &ActionAssertions,
        person: &PersonId,
        action: Action,
    ) -> Result<SecondFactor, ApiError> {
        let Some(factor) = assertions.factor(person).await? else { return Ok(SecondFactor::NotEnrolled) };
        let Some(token) = &self.0 else { return Err(required(action)) };
        match assertions.accept(token, person, action, &factor).await? {
            Accepted::Yes => Ok(SecondFactor::Proven),
            Accepted::No => Err(refused(action)),
        }
    }
}

/// A token alone must not take away what protects against a stolen token.
fn required(action: Action) -> ApiError {
    let how = format!(
        "Send the header Second-Factor-Assertion with the assertion of POST /api/v2/2fa/check for the action {action}, \
         or let a token with preferences:manage do it"
    );
    ApiError::forbidden("A second factor is required").details(how).with("reason", "second_factor_required")
}

fn refused(action: Action) -> ApiError {
    let why = format!("It must be this person's, for the action {action}, at most 5 minutes old, and is good once");
    ApiError::forbidden("Invalid second factor assertion").details(why).with("reason", "second_factor_invalid")
}

impl<S: Sync> FromRequestParts<S> for SecondFactorAssertion {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let value = parts.headers.get(HEADER);
        // What is no text is no assertion of ours.
        Ok(Self(value.map(|value| value.to_str().unwrap_or_default().trim().to_owned())))
    }
}

/// The header, for the API description.
impl utoipa::IntoParams for SecondFactorAssertion {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = ParameterBuilder::new()
            .name("Second-Factor-Assertion")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "The assertion of `/api/v2/2fa/check` for this action; needed with the own token of a person who has a second factor",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        vec![header.build()]
    }
}
