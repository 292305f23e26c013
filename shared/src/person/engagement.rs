//! When somebody reads what they are sent: the hours of their own day at which they opened and clicked, counted as the
//! callbacks come, so that asking costs one read however much there was.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::message::Channel;
use crate::provider::Event;

/// Points by channel and hour of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Engagement(BTreeMap<Channel, [u64; 24]>);

/// The hour at which somebody reads most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestHour {
    /// 0 to 23.
    pub hour: i8,
    /// How much of what was counted lies around it, in percent.
    pub share: u64,
}

/// With fewer points than this nothing is concluded from them: one evening's curiosity is no habit.
const ENOUGH: u64 = 5;
/// Where several hours are as good: what is nearest to this one, by which nobody is woken.
const USUAL: i64 = 10;

/// What an event says of when somebody reads. A click is somebody's hand; an open may be a mail program's that loads pictures
/// on its own (Apple Mail Privacy Protection), and counts for less.
pub fn points(event: Event) -> Option<u64> {
    match event {
        Event::Opened => Some(1),
        Event::Clicked => Some(4),
        Event::Sent
        | Event::Delivered
        | Event::Undelivered(_)
        | Event::Deferred
        | Event::OpenedByMachine
        | Event::Complained
        | Event::Unsubscribed
        | Event::UnsubscribedKind
        | Event::ResubscribedKind
        | Event::Recorded
        | Event::Ended
        | Event::Ignored => None,
    }
}

impl Engagement {
    /// Adds points; an hour that is none is not counted.
    pub fn add(&mut self, channel: Channel, hour: usize, points: u64) {
        if let Some(counted) = self.0.entry(channel).or_default().get_mut(hour) {
            *counted = counted.saturating_add(points);
        }
    }

    /// The hour at which they read most: on this channel, else on any. The hours beside it count for half, so that a habit
    /// at 18:00 and one at 18:10 are one.
    pub fn best_hour(&self, channel: Channel) -> Option<BestHour> {
        let enough = |hours: &[u64; 24]| hours.iter().sum::<u64>() >= ENOUGH;
        let own = self.0.get(&channel).copied().filter(enough);
        let hours = own.or_else(|| Some(self.all()).filter(enough))?;
        let at = |hour: usize| hours[hour % 24];
        let around = |hour: usize| at(hour + 23) + 2 * at(hour) + at(hour + 1);
        let far = |hour: usize| (hour as i64 - USUAL).abs();
        let best = (0..24).max_by_key(|hour| (around(*hour), -far(*hour)))?;
        let share = (at(best + 23) + at(best) + at(best + 1)) * 100 / hours.iter().sum::<u64>().max(1);
        Some(BestHour { hour: i8::try_from(best).ok()?, share })
    }

    fn all(&self) -> [u64; 24] {
        let mut sum = [0; 24];
        for hours in self.0.values() {
            for (sum, counted) in sum.iter_mut().zip(hours) {
                *sum += counted;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engagement(points: &[(Channel, usize, u64)]) -> Engagement {
        let mut engagement = Engagement::default();
        for (channel, hour, points) in points {
            engagement.add(*channel, *hour, *points);
        }
        engagement
    }

    #[test]
    fn a_habit_is_found_and_a_single_evening_is_none() {
        use Channel::Email;
        let hour = |points: &[_]| engagement(points).best_hour(Email).map(|best| best.hour);
        assert_eq!(hour(&[]), None);
        assert_eq!(hour(&[(Email, 19, 4)]), None);
        assert_eq!(hour(&[(Email, 19, 5)]), Some(19));
        // Three neighbours are more of a habit than one lone hour.
        assert_eq!(hour(&[(Email, 7, 5), (Email, 18, 3), (Email, 19, 4), (Email, 20, 3)]), Some(19));
        // Around midnight the hours are neighbours too.
        assert_eq!(hour(&[(Email, 23, 4), (Email, 0, 4), (Email, 1, 3), (Email, 12, 5)]), Some(0));
        assert_eq!(hour(&[(Email, 8, 5), (Email, 20, 5)]), Some(8), "the one nearer to the usual hour");
        assert_eq!(hour(&[(Email, 24, 50)]), None, "no hour of a day");
    }

    #[test]
    fn a_channel_without_a_habit_of_its_own_has_the_others() {
        use Channel::{Email, Sms, Whatsapp};
        let known = engagement(&[(Email, 19, 8), (Whatsapp, 8, 2)]);
        assert_eq!(known.best_hour(Sms).map(|best| (best.hour, best.share)), Some((19, 80)));
        assert_eq!(known.best_hour(Whatsapp).map(|best| best.hour), Some(19));
        let own = engagement(&[(Email, 19, 8), (Whatsapp, 8, 6)]);
        assert_eq!(own.best_hour(Whatsapp).map(|best| (best.hour, best.share)), Some((8, 100)));
    }

    #[test]
    fn a_click_says_more_than_an_open_and_a_delivery_says_nothing() {
        assert!(points(Event::Clicked) > points(Event::Opened));
        assert_eq!(points(Event::Delivered), None);
    }
}
