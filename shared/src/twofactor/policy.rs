//! For whom two-factor is required: roles, a setting of the deployment.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::config::{Invalid, optional};

/// A role, as the client's tokens name it: 1 to 64 of a-z, 0-9, `_`, `-`, `.` and `:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(String);

/// What was given is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 64 of a to z, 0 to 9, _, -, . and :")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.:".contains(&byte);
        let is_role = (1..=64).contains(&text.len()) && text.bytes().all(fits);
        is_role.then(|| Self(text.to_owned())).ok_or(NotARole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The roles that need a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy(BTreeSet<Role>);

impl Policy {
    /// `TWO_FACTOR_ROLES`: roles with commas between them; empty, none.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(&optional("TWO_FACTOR_ROLES", "")).map_err(|_| Invalid("TWO_FACTOR_ROLES"))
    }

    /// Roles with commas between them.
    pub fn read(text: &str) -> Result<Self, NotARole> {
        let roles = text.split(',').map(str::trim).filter(|role| !role.is_empty());
        roles.map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether somebody with these roles needs a second factor.
    pub fn requires(&self, roles: &BTreeSet<Role>) -> bool {
        !self.0.is_disjoint(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> BTreeSet<Role> {
        Policy::read(text).unwrap().0
    }

    #[test]
    fn one_of_the_roles_is_enough() {
        let policy = Policy::read("lender, admin").unwrap();
        for (theirs, required) in [("lender", true), ("borrower,admin", true), ("borrower", false), ("", false)] {
            assert_eq!(policy.requires(&roles(theirs)), required, "{theirs}");
        }
        assert!(!Policy::default().requires(&roles("lender")), "no roles, nobody");
        for text in ["Lender", "lender;admin", "the lender", &"x".repeat(65)] {
            assert_eq!(Policy::read(text), Err(NotARole), "{text}");
        }
    }
}
