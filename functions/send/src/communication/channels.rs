//! On which channels a send goes out, and on which instead: what the client asked for, where the person can be reached,
//! and what falls back to what.

use serde_json::Value;
use switchboard::http::ApiError;
use switchboard::message::fallback::usual;
use switchboard::message::{Channel, Lane, Trigger};
use switchboard::person::Person;

/// What a client says of falling back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Where the person cannot be reached on the channel; and what is urgent also when it did not arrive.
    Usual,
    Always,
    Never,
    To(Vec<Channel>),
}

/// The channels of a send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Channels {
    /// One message on each.
    pub(super) first: Vec<Channel>,
    /// Instead of the first, in this order, if that does not arrive.
    pub(super) instead: Vec<Channel>,
    /// What the client had asked for, where the first is another because the person has no address for it.
    pub(super) asked: Option<Channel>,
}

impl Wish {
    /// `auto`, `none`, or a list of channels.
    pub(super) fn read(field: Option<&Value>) -> Result<Self, ApiError> {
        let invalid = || ApiError::invalid_field("fallback", "It must be auto, none, or a list of channels");
        match field {
            None | Some(Value::Null) => Ok(Self::Usual),
            Some(Value::String(word)) if word == "auto" => Ok(Self::Always),
            Some(Value::String(word)) if word == "none" => Ok(Self::Never),
            Some(Value::Array(list)) if list.len() <= 3 => {
                let channel = |value: &Value| value.as_str().and_then(|name| name.parse().ok()).ok_or_else(invalid);
                list.iter().map(channel).collect::<Result<_, _>>().map(Self::To)
            }
            Some(_) => Err(invalid()),
        }
    }

    /// Where a channel falls back to by this wish.
    fn chain(&self, from: Channel) -> Vec<Channel> {
        match self {
            Self::Usual | Self::Always => usual(from).to_vec(),
            Self::Never => Vec::new(),
            Self::To(list) => list.iter().copied().filter(|channel| *channel != from).collect(),
        }
    }

    /// Whether something is sent instead of what did not arrive.
    fn covers_failure(&self, lane: Lane) -> bool {
        match self {
            Self::Usual => lane == Lane::Urgent,
            Self::Always | Self::To(_) => true,
            Self::Never => false,
        }
    }
}

impl Channels {
    /// `asked`: the request's channels, or none for the trigger's own.
    pub(super) fn choose(
        asked: Option<Vec<Channel>>,
        wish: &Wish,
        trigger: Trigger,
        person: &Person,
        lane: Lane,
    ) -> Self {
        let reachable = |channel: &Channel| person.address(*channel).is_some();
        let first = match asked {
            Some(several) if several.len() > 1 => return Self { first: several, instead: Vec::new(), asked: None },
            Some(one) => one.first().copied().unwrap_or(trigger.default_channel()),
            None => own_channel(trigger, person),
        };
        let mut chain = vec![first];
        chain.extend(wish.chain(first));
        let usable: Vec<Channel> = chain.into_iter().filter(reachable).collect();
        let Some((used, rest)) = usable.split_first() else {
            return Self { first: vec![first], instead: Vec::new(), asked: None };
        };
        let instead = if wish.covers_failure(lane) { rest.to_vec() } else { Vec::new() };
        Self { first: vec![*used], instead, asked: (*used != first).then_some(first) }
    }
}

/// The trigger's own channel where the person can be reached on it, else one on which they can.
fn own_channel(trigger: Trigger, person: &Person) -> Channel {
    let own = trigger.default_channel();
    let others = [own, Channel::Email, Channel::Sms];
    others.into_iter().find(|channel| person.address(*channel).is_some()).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard::message::{EmailAddress, PhoneNumber};
    use switchboard::person::PersonId;

    use super::*;

    fn person(phone: Option<&str>, email: Option<&str>) -> Person {
        let mut person = Person::new(PersonId::text("1").unwrap(), switchboard::clock::from_millis(0));
        if let Some(phone) = phone {
            person.set_phone(PhoneNumber::parse(phone, "US").unwrap());
        }
        if let Some(email) = email {
            person.set_email(EmailAddress::parse(email).unwrap());
        }
        person
    }

    fn choose(asked: &[Channel], wish: &Wish, person: &Person, lane: Lane) -> Channels {
        let asked = (!asked.is_empty()).then(|| asked.to_vec());
        Channels::choose(asked, wish, Trigger::FinancialAlert, person, lane)
    }

    #[test]
    fn who_has_no_address_for_a_channel_is_reached_on_the_next() {
        let person = person(None, Some("ada@example.com"));
        let chosen = choose(&[Channel::Whatsapp], &Wish::Usual, &person, Lane::Standard);
        assert_eq!(chosen, Channels { first: vec![Channel::Email], instead: vec![], asked: Some(Channel::Whatsapp) });
        let kept = choose(&[Channel::Whatsapp], &Wish::Never, &person, Lane::Standard);
        assert_eq!(kept, Channels { first: vec![Channel::Whatsapp], instead: vec![], asked: None });
    }

    #[test]
    fn what_is_urgent_or_asked_for_has_something_to_be_sent_instead() {
        let person = person(Some("+14155552671"), Some("ada@example.com"));
        let instead = |wish: &Wish, lane| choose(&[Channel::Sms], wish, &person, lane).instead;
        assert_eq!(instead(&Wish::Usual, Lane::Urgent), [Channel::Email]);
        assert_eq!(instead(&Wish::Usual, Lane::Standard), []);
        assert_eq!(instead(&Wish::Always, Lane::Standard), [Channel::Email]);
        assert_eq!(instead(&Wish::Never, Lane::Urgent), []);
        let to = Wish::To(vec![Channel::Whatsapp, Channel::Sms]);
        assert_eq!(instead(&to, Lane::Standard), [Channel::Whatsapp]);
        assert_eq!(choose(&[Channel::Sms, Channel::Email], &Wish::Always, &person, Lane::Urgent).instead, []);
    }

    #[test]
    fn the_wish_is_read_or_refused_by_name() {
        assert_eq!(Wish::read(None).unwrap(), Wish::Usual);
        assert_eq!(Wish::read(Some(&json!("auto"))).unwrap(), Wish::Always);
        assert_eq!(
            Wish::read(Some(&json!(["email", "call"]))).unwrap(),
            Wish::To(vec![Channel::Email, Channel::Voice])
        );
        for wrong in [json!("pigeon"), json!(["pigeon"]), json!(1), json!(["sms", "sms", "sms", "sms"])] {
            assert!(Wish::read(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
