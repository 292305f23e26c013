//! Who may call an endpoint, whose object it touches, and what a call may cost. A function states all three once, beside
//! the handler ([`super::Routes`]); the guard enforces them, the API description and the test over all routes read them.

use super::Scope;
use super::rate_limit::Limit;

/// The access rule of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub who: Who,
    pub owner: OwnerRule,
    pub cost: Cost,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody; the handler checks a provider's signature, or the secret in the link.
    Unauthenticated,
    /// Holders of a token with this scope.
    Scoped(Scope, Limit),
    /// Holders of any token.
    Authenticated(Limit),
}

/// Whose object an endpoint touches, and who else may. An object somebody may not touch answers 404, as one that does not
/// exist; a person somebody may not act for answers 403, before anything about that person is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRule {
    /// The object belongs to the caller that made it; others need `settings:manage`. The handler gets it from
    /// [`super::Caller::owned`].
    Maker,
    /// The request is about one person: their own token, or `preferences:manage` ([`super::Caller::may_manage`]).
    Person,
    /// The message belongs to its recipient: their own token, or `communication:send`
    /// ([`super::Caller::may_act_for`]).
    Recipient,
    /// The request can only reach what belongs to the token's own subject: there is no field that names another.
    Own,
    /// The object has no owner within the organization; the reason says why the scope is enough.
    Organization(&'static str),
    /// The secret in the link is the right to use it.
    Link,
    /// The provider's signature says whose report it is.
    Signature,
    /// Everybody may read it.
    Public,
}

impl OwnerRule {
    /// Whether a handler must have asked [`super::Caller`] whose object it is before it may answer with success.
    pub fn is_checked_by_handler(self) -> bool {
        matches!(self, Self::Maker | Self::Person | Self::Recipient)
    }

    /// Describes the rule in the API description.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Maker => "The caller that made the object, or `settings:manage`",
            Self::Person => "The person's own token, or `preferences:manage`",
            Self::Recipient => "The recipient's own token, or `communication:send`",
            Self::Own => "Only what belongs to the token's subject",
            Self::Organization(reason) => reason,
            Self::Link => "The holder of the link",
            Self::Signature => "The provider, by its signature",
            Self::Public => "Everybody",
        }
    }
}

/// What one call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Cost {
    /// Nothing but our own work.
    Free,
    /// One task: a message on each of a few channels.
    Message,
    /// Many messages: a batch, a bulk text, a job.
    Bulk,
    /// A one-time code or a verification link.
    Code,
    /// A paid lookup at a provider.
    Lookup,
}

impl Cost {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Access {
    /// Holders of a token with this scope.
    pub const fn scoped(scope: Scope, limit: Limit, owner: OwnerRule, cost: Cost) -> Self {
        Self { who: Who::Scoped(scope, limit), owner, cost }
    }

    /// Holders of any token.
    pub const fn authenticated(limit: Limit, owner: OwnerRule, cost: Cost) -> Self {
        Self { who: Who::Authenticated(limit), owner, cost }
    }

    /// Providers, by their signature.
    pub const fn signed() -> Self {
        Self { who: Who::Unauthenticated, owner: OwnerRule::Signature, cost: Cost::Free }
    }

    /// Whoever has the link.
    pub const fn link() -> Self {
        Self { who: Who::Unauthenticated, owner: OwnerRule::Link, cost: Cost::Free }
    }

    /// Everybody.
    pub const fn public() -> Self {
        Self { who: Who::Unauthenticated, owner: OwnerRule::Public, cost: Cost::Free }
    }

    /// The scope a token needs.
    pub fn scope(&self) -> Option<Scope> {
        match self.who {
            Who::Scoped(scope, _) => Some(scope),
            Who::Authenticated(_) | Who::Unauthenticated => None,
        }
    }

    /// Whether a token is needed.
    pub fn needs_token(&self) -> bool {
        !matches!(self.who, Who::Unauthenticated)
    }
}
