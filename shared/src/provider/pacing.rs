//! How fast a sender may be used. Providers turn away what comes too fast; a message that waits for its place costs
//! nothing, and uses up no attempt.
//!
//! Each sender has a line of places, one every so often (the generic cell rate algorithm, ITU-T I.371, with a burst of
//! one second). A line faster than [`ROW_RATE`] is several of them side by side, for a row of the table takes no more writes. A message reserves its place once. Urgent messages wait in no line; bulk messages stand in a line of their
//! own that takes at most [`BULK_SHARE`] of the pace, so that they delay nobody.

use crate::config::optional;
use crate::message::{Channel, Lane};

use super::ProviderName;

/// Why a message waits whose sender the provider throttles.
pub const THROTTLED: &str = "provider_throttled";

/// The most of a sender's pace that bulk messages take, in percent.
pub const BULK_SHARE: i64 = 60;

/// Messages a second and sender, by provider and channel; 0: as fast as they come.
///
/// The defaults: Resend takes 5 requests a second and team (its "Rate limits" page), WhatsApp 80 messages a second and sender
/// (Twilio, "WhatsApp rate limits"). Twilio queues texts and calls itself at the pace of their sender (1 a second for a US
/// long code, for up to four hours; then error 21611), and SendGrid names no rate: they are not paced unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paces {
    pub sms: u32,
    pub whatsapp: u32,
    pub voice: u32,
    pub sendgrid: u32,
    pub resend: u32,
}

impl Default for Paces {
    fn default() -> Self {
        Self { sms: 0, whatsapp: 80, voice: 0, sendgrid: 0, resend: 5 }
    }
}

/// How many places a second are kept in one row. Reserving one takes one write, or two where the line was not used for a while.
pub const ROW_RATE: i64 = 250;

/// A line of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    key: String,
    /// How many rows it has.
    pub rows: u32,
    /// From one place to the next of the same row, in microseconds.
    pub interval: i64,
    /// How long a sender that was not used may be used at once, in microseconds.
    pub burst: i64,
}

impl Queue {
    /// The key of one of its rows.
    pub fn row(&self, number: u32) -> String {
        if self.rows > 1 { format!("{}#{number}", self.key) } else { self.key.clone() }
    }
}

impl Paces {
    /// `PACE_SMS`, `PACE_WHATSAPP`, `PACE_VOICE`, `PACE_SENDGRID`, `PACE_RESEND`.
    pub fn from_env() -> Self {
        let read = |name: &str, default: u32| optional(name, "").parse().unwrap_or(default);
        let default = Self::default();
        Self {
            sms: read("PACE_SMS", default.sms),
            whatsapp: read("PACE_WHATSAPP", default.whatsapp),
            voice: read("PACE_VOICE", default.voice),
            sendgrid: read("PACE_SENDGRID", default.sendgrid),
            resend: read("PACE_RESEND", default.resend),
        }
    }

    fn of(&self, provider: ProviderName, channel: Channel) -> u32 {
        match (provider, channel) {
            (ProviderName::Sendgrid, _) => self.sendgrid,
            (ProviderName::Resend, _) => self.resend,
            (ProviderName::Twilio, Channel::Whatsapp) => self.whatsapp,
            (ProviderName::Twilio, Channel::Voice) => self.voice,
            (ProviderName::Twilio, Channel::Sms | Channel::Email) => self.sms,
        }
    }

    /// The line a message stands in; `None`: it need not wait for anybody. `from`: the sender, where the client named it.
    pub fn queue(&self, provider: ProviderName, channel: Channel, from: Option<&str>, lane: Lane) -> Option<Queue> {
        let pace = i64::from(self.of(provider, channel));
        let share = match lane {
            Lane::Urgent => return None,
            Lane::Standard => 100,
            Lane::Bulk => BULK_SHARE,
        };
        let key = format!("pace#{provider}#{channel}#{}#{}", from.unwrap_or_default(), lane.as_str());
        let rows = (pace * share + 100 * ROW_RATE - 1) / (100 * ROW_RATE);
        (pace > 0).then(|| Queue {
            key,
            rows: u32::try_from(rows).unwrap_or(1),
            interval: rows * 100_000_000 / (pace * share),
            burst: 1_000_000,
        })
    }
}

/// The key under which a throttled sender is remembered, for every lane but the urgent one, paced or not. `None`: a message of
/// this lane tries whatever the provider told others.
pub fn throttle_key(provider: ProviderName, channel: Channel, from: Option<&str>, lane: Lane) -> Option<String> {
    match lane {
        Lane::Urgent => None,
        Lane::Standard | Lane::Bulk => Some(format!("throttled#{provider}#{channel}#{}", from.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWILIO: ProviderName = ProviderName::Twilio;

    #[test]
    fn each_lane_stands_in_a_line_of_its_own_and_the_urgent_in_none() {
        let paces = Paces { sms: 10, ..Paces::default() };
        let interval = |lane| paces.queue(TWILIO, Channel::Sms, None, lane).map(|queue| queue.interval);
        assert_eq!(interval(Lane::Urgent), None);
        assert_eq!(interval(Lane::Standard), Some(100_000));
        assert_eq!(interval(Lane::Bulk), Some(166_666));
        let key = |from, lane| paces.queue(TWILIO, Channel::Sms, from, lane).unwrap().row(0);
        assert_ne!(key(None, Lane::Standard), key(None, Lane::Bulk));
        assert_ne!(key(None, Lane::Standard), key(Some("+15005550006"), Lane::Standard));
    }

    #[test]
    fn line_of_thousands_a_second_has_rows_that_take_its_writes() {
        for pace in [1, 5, 80, 250, 251, 1_000, 3_333, 10_000] {
            let paces = Paces { sms: pace, ..Paces::default() };
            assert!(paces.queue(TWILIO, Channel::Sms, None, Lane::Bulk).unwrap().rows > 0);
            let queue = paces.queue(TWILIO, Channel::Sms, None, Lane::Standard).unwrap();
            let (rows, pace) = (i64::from(queue.rows), i64::from(pace));
            let per_row = 1_000_000 / queue.interval;
            assert!(per_row <= ROW_RATE && 2 * per_row <= 700, "{pace}: {per_row} places a second and row");
            let all = 1_000_000 * rows / queue.interval;
            assert!((pace..=pace + pace / 50 + 1).contains(&all), "{pace}: {all} places a second");
            let keys: std::collections::BTreeSet<String> = (0..queue.rows).map(|row| queue.row(row)).collect();
            assert_eq!(keys.len(), queue.rows as usize);
        }
        assert_eq!(Paces::default().queue(ProviderName::Resend, Channel::Email, None, Lane::Standard).unwrap().rows, 1);
    }

    #[test]
    fn a_pace_of_nothing_is_no_pace() {
        let paces = Paces { sms: 0, ..Paces::default() };
        assert_eq!(paces.queue(TWILIO, Channel::Sms, None, Lane::Bulk), None);
        let resend = paces.queue(ProviderName::Resend, Channel::Email, None, Lane::Standard).unwrap();
        assert_eq!(resend.interval, 200_000);
    }
}
