//! How long messages are kept: so many days, by consent class, after they were made or, where that is later, after the time
//! they wait for. A message's row and its content go together, by the table's time to live: there is no second clock that
//! could leave one without the other. (DynamoDB deletes within days of the time; what has passed it is not shown.)

use jiff::Timestamp;

use super::trigger::Class;
use crate::clock::plus_seconds;
use crate::config::{Invalid, optional};

const DAY: i64 = 86_400;

/// Days, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub security: u16,
    pub transactional: u16,
    pub marketing: u16,
}

impl Default for Retention {
    /// A month for codes and alerts; a year to look back on and a month of grace for the rest.
    fn default() -> Self {
        Self { security: 30, transactional: 400, marketing: 400 }
    }
}

impl Retention {
    /// `RETENTION_SECURITY_DAYS`, `RETENTION_TRANSACTIONAL_DAYS`, `RETENTION_MARKETING_DAYS`.
    pub fn from_env() -> Result<Self, Invalid> {
        let days = |name, default| match optional(name, "").as_str() {
            "" => Ok(default),
            text => text.parse().ok().filter(|days| *days > 0).ok_or(Invalid(name)),
        };
        let default = Self::default();
        Ok(Self {
            security: days("RETENTION_SECURITY_DAYS", default.security)?,
            transactional: days("RETENTION_TRANSACTIONAL_DAYS", default.transactional)?,
            marketing: days("RETENTION_MARKETING_DAYS", default.marketing)?,
        })
    }

    /// Until when a message of a class is kept that was made, or waits, until `from`.
    pub fn until(self, class: Class, from: Timestamp) -> Timestamp {
        let days = match class {
            Class::Security => self.security,
            Class::Transactional => self.transactional,
            Class::Marketing => self.marketing,
        };
        plus_seconds(from, i64::from(days) * DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_days() {
        let retention = Retention { security: 1, transactional: 2, marketing: 3 };
        let days = |class| retention.until(class, Timestamp::UNIX_EPOCH).as_second() / DAY;
        assert_eq!([Class::Security, Class::Transactional, Class::Marketing].map(days), [1, 2, 3]);
    }
}
