//! Money, in whole millionths of the currency, and the price table costs are computed from.
//!
//! A cost at accept is an estimate by this table; what the provider finally charged is a later fact of its own.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize, Serializer};

use super::{Address, Channel, Content};
use crate::provider::ProviderName;

/// An amount of money: millionths of the price table's currency. Integers, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Micros(u64);

impl Micros {
    pub const ZERO: Self = Self(0);

    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// The amount as a decimal number of currency units, for an answer. Exact: a double holds 15 digits.
    pub fn units(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "2^53 millionths is nine thousand million units")]
        let micros = self.0 as f64;
        micros / 1_000_000.0
    }

    /// What so many seconds cost where this is the price of a minute: every minute that has begun is charged, one at least.
    pub fn for_seconds(self, seconds: u32) -> Self {
        self.times(seconds.div_ceil(60).max(1))
    }

    fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(u64::from(count)))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl Add for Micros {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// What one message costs, by channel, provider and country.
#[derive(Debug, Deserialize)]
pub struct PriceTable {
    /// ISO 4217 code of every amount in the table.
    pub currency: String,
    sms: BTreeMap<String, Micros>,
    sms_elsewhere: Micros,
    whatsapp: BTreeMap<String, Micros>,
    whatsapp_elsewhere: Micros,
    email: BTreeMap<ProviderName, Micros>,
    /// By the minute.
    voice: BTreeMap<String, Micros>,
    voice_elsewhere: Micros,
}

/// The table that ships with the product.
static SHIPPED: LazyLock<Result<PriceTable, serde_json::Error>> =
    LazyLock::new(|| serde_json::from_str(include_str!("prices/prices.json")));

impl PriceTable {
    /// The shipped table. It is part of the program; a test reads it, so it cannot be unreadable in a release.
    pub fn shipped() -> Option<&'static Self> {
        SHIPPED.as_ref().ok()
    }

    /// The cost of one message of so many segments; of an e-mail, to so many recipients.
    pub fn cost(&self, channel: Channel, provider: ProviderName, to: &Address, segments: u32) -> Micros {
        let country = match to {
            Address::Phone(number) => number.country().unwrap_or_default(),
            Address::Email(_) => String::new(),
        };
        self.cost_in(channel, provider, &country, segments)
    }

    /// The same for a country (ISO 3166 alpha-2), where the address does not matter or is not known.
    pub fn cost_in(&self, channel: Channel, provider: ProviderName, country: &str, segments: u32) -> Micros {
        match channel {
            Channel::Sms => self.sms.get(country).copied().unwrap_or(self.sms_elsewhere).times(segments),
            Channel::Whatsapp => self.whatsapp.get(country).copied().unwrap_or(self.whatsapp_elsewhere),
            Channel::Email => self.email.get(&provider).copied().unwrap_or_default().times(segments),
            // One minute, the shortest that is charged.
            Channel::Voice => self.voice.get(country).copied().unwrap_or(self.voice_elsewhere),
        }
    }
}

/// What a message costs by the shipped table.
pub fn estimate(channel: Channel, provider: ProviderName, to: &Address, units: u32) -> Micros {
    PriceTable::shipped().map(|table| table.cost(channel, provider, to, units)).unwrap_or_default()
}

/// What a message is charged by: a text by its segments, an e-mail by its recipients (both providers count every address
/// of `to`, `cc` and `bcc`).
pub fn units(content: &Content, segments: u32) -> u32 {
    match content {
        Content::Email(email) => u32::try_from(email.others.len()).unwrap_or(u32::MAX).saturating_add(1),
        Content::Text(_) | Content::Call(_) => segments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::content::{Email, Place, Recipient};
    use crate::message::{EmailAddress, PhoneNumber};

    fn phone(text: &str) -> Address {
        Address::Phone(PhoneNumber::parse(text, "US").unwrap())
    }

    #[test]
    fn sms_costs_by_country_and_segment() {
        let table = PriceTable::shipped().expect("the shipped table is readable");
        let cost = |to: &str, segments| table.cost(Channel::Sms, ProviderName::Twilio, &phone(to), segments).get();
        assert_eq!(cost("+14155552671", 1), 8_300);
        assert_eq!(cost("+14155552671", 3), 24_900);
        assert_eq!(cost("+447700900123", 1), 46_300);
        assert_eq!(cost("+5511987654321", 2), 116_000);
        assert_eq!(cost("+3545812345", 1), 120_000, "a country the table does not name");
    }

    #[test]
    fn an_email_costs_by_recipient() {
        let address = EmailAddress::parse("a@x.example").unwrap();
        let others = vec![Recipient { place: Place::Bcc, address: address.clone() }; 2];
        let email = Content::Email(Email { others, ..Email::default() });
        let cost =
            |provider| estimate(Channel::Email, provider, &Address::Email(address.clone()), units(&email, 1)).get();
        assert_eq!((cost(ProviderName::Sendgrid), cost(ProviderName::Resend)), (2_700, 1_200));
    }

    #[test]
    fn a_minute_that_has_begun_is_charged() {
        let minute = Micros::new(14_000);
        assert_eq!(
            [0, 1, 60, 61, 120, 121].map(|seconds| minute.for_seconds(seconds).get() / 14_000),
            [1, 1, 1, 2, 2, 3]
        );
    }

    #[test]
    fn amounts_are_shown_as_exact_decimals() {
        assert_eq!(serde_json::to_string(&Micros::new(50_000).units()).unwrap(), "0.05");
        assert_eq!(serde_json::to_string(&(Micros::new(8_300) + Micros::new(400)).units()).unwrap(), "0.0087");
        assert_eq!([Micros::new(1), Micros::new(2)].into_iter().sum::<Micros>(), Micros::new(3));
    }
}
