//! The guard of mails that carry a confirmation link. Whoever may ask for one could otherwise fill a stranger's mailbox: such
//! mails are security messages, which no cap or budget holds up.
//!
//! They count in the hourly windows of one-time codes (the address, the person, the network), and in windows of a day of
//! their own. The idempotency key of a request plays no part in it.

use std::net::IpAddr;

use jiff::Timestamp;

use super::guard::{Refusal, WindowRule, network, rule};
use super::{Guard, Otp};
use crate::message::{Address, MessageId};
use crate::person::PersonId;
use crate::seal::Seal;
use crate::store::StoreError;

/// The same person gets one link at the same address in so many seconds, however often it is asked for.
const PAUSE_SECONDS: i64 = 600;
/// The most erasures a day that a person's own token asks for: each tells all of their addresses.
const ERASURES_DAILY: u32 = 3;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A link is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct LinkRequest<'a> {
    pub address: &'a Address,
    pub person: &'a PersonId,
    /// The network address the person asked from, where it is known.
    pub ip: Option<IpAddr>,
}

/// Whether it may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAdmission {
    Admitted,
    /// One was sent to this address for this person a moment ago, and is good still.
    SentRecently,
    Refused(Refusal),
}

impl Otp {
    /// Counts a link mail in every window, and says whether it may be sent.
    pub async fn admit_link(&self, request: &LinkRequest<'_>) -> Result<LinkAdmission, StoreError> {
        let now = self.road.clock.now();
        let pause = self.store.count_send(&self.pause_key(request), PAUSE_SECONDS, now).await?;
        if pause.count > 1 {
            return Ok(LinkAdmission::SentRecently);
        }
        let fingerprint = self.road.seal.fingerprint_to_store(request.address);
        for rule in windows(&self.settings.guard, request, &fingerprint, &self.road.seal) {
            let window = self.store.count_send(&rule.key, rule.seconds, now).await?;
            if window.count > rule.most {
                let refusal = (rule.refusal)(window.resets);
                refusal.count();
                self.forget_link(request).await?;
                return Ok(LinkAdmission::Refused(refusal));
            }
        }
        Ok(LinkAdmission::Admitted)
    }

    /// Counts a request that tells every proven address of a person that they will be erased; why not, if there were too many.
    pub async fn admit_erasure(&self, person: &PersonId) -> Result<Option<Refusal>, StoreError> {
        let key = format!("erasure-day#person#{person}");
        let window = self.store.count_send(&key, DAY, self.road.clock.now()).await?;
        let refusal = (window.count > ERASURES_DAILY).then_some(Refusal::TooManyForPerson { until: window.resets });
        if let Some(refusal) = &refusal {
            refusal.count();
        }
        Ok(refusal)
    }

    /// Whether this request (idempotency key) granted something before and sent nothing; `None`: another body has the key. A grant that
    /// sent something is known by its message.
    pub async fn granted_before(&self, id: MessageId, request_hash: &str) -> Result<Option<bool>, StoreError> {
        let before = self.store.grant(id).await?;
        Ok(before.map_or(Some(false), |before| (before == request_hash).then_some(true)))
    }

    /// Remembers a request that granted something and sent nothing.
    pub async fn remember_grant(&self, id: MessageId, request_hash: &str) -> Result<(), StoreError> {
        self.store.remember_grant(id, request_hash, self.road.clock.now()).await
    }

    /// Ends the pause of an admitted link that could not be sent.
    pub async fn forget_link(&self, request: &LinkRequest<'_>) -> Result<(), StoreError> {
        self.store.forget_sends(&self.pause_key(request)).await
    }

    fn pause_key(&self, request: &LinkRequest<'_>) -> String {
        format!("link#{}#{}", self.road.seal.fingerprint_to_store(request.address), request.person)
    }
}

/// The windows, the narrowest first. The hourly ones are shared with one-time codes.
fn windows(guard: &Guard, request: &LinkRequest<'_>, fingerprint: &str, seal: &Seal) -> Vec<WindowRule> {
    let person = request.person;
    let ip = request.ip.map(|ip| seal.keyed_hash(network(ip).as_bytes()));
    type Refuse = fn(Timestamp) -> Refusal;
    let of_address: Refuse = |until| Refusal::TooManyForAddress { until };
    let of_person: Refuse = |until| Refusal::TooManyForPerson { until };
    let of_ip: Refuse = |until| Refusal::TooManyForIp { until };
    let mut rules = vec![
        rule(format!("address#{fingerprint}"), HOUR, guard.per_address, of_address),
        rule(format!("link-day#address#{fingerprint}"), DAY, guard.links_per_address, of_address),
        rule(format!("person#{person}"), HOUR, guard.per_person, of_person),
        rule(format!("link-day#person#{person}"), DAY, guard.links_per_person, of_person),
    ];
    if let Some(ip) = ip {
        rules.push(rule(format!("ip#{ip}"), HOUR, guard.per_ip, of_ip));
        rules.push(rule(format!("link-day#ip#{ip}"), DAY, guard.links_per_ip, of_ip));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;
    use crate::seal::tests::test_seal;

    #[test]
    fn link_mail_counts_by_address_person_and_network_an_hour_and_a_day() {
        let seal = test_seal();
        let address = Address::stored(Channel::Email, "ada@example.com".to_owned());
        let person = PersonId::text("7").unwrap();
        let rules = |ip: Option<&str>| {
            let request = LinkRequest { address: &address, person: &person, ip: ip.map(|ip| ip.parse().unwrap()) };
            let rules = windows(&Guard::default(), &request, "FINGERPRINT", &seal);
            assert!(rules.iter().all(|rule| !rule.key.contains("ada") && !rule.key.contains("192.0.2")), "{rules:?}");
            rules.iter().map(|rule| ((rule.refusal)(Timestamp::UNIX_EPOCH).as_str(), rule.seconds)).collect::<Vec<_>>()
        };
        let both = |reason| [(reason, HOUR), (reason, DAY)];
        let without = [both("too_many_for_address"), both("too_many_for_person")].concat();
        assert_eq!(rules(None), without);
        assert_eq!(rules(Some("192.0.2.7")), [without, both("too_many_for_ip").to_vec()].concat());
    }
}
