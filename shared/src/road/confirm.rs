//! Double opt-in: what was agreed to in somebody's name by e-mail counts when they follow the link that is sent to the
//! address, and press the button behind it.

use jiff::Timestamp;
use serde_json::json;

use super::{AcceptError, Part, RenderError, Rendered, Road, Task};
use crate::ledger::Witness;
use crate::message::secrets::InvalidSecret;
use crate::message::{Address, Channel, MessageId, MessageSecrets, Trigger};
use crate::person::confirm::{ConfirmLinks, Confirmation, DAYS};
use crate::person::{Person, Proof, ProofSource};
use crate::store::StoreError;

const TRIGGER: Trigger = Trigger::EmailVerification;
/// The same person is sent a link to the same address once in so many seconds, however often it is asked for.
const PAUSE_SECONDS: i64 = 600;

/// A link is to be sent.
#[derive(Clone, Debug)]
pub struct AskToConfirm {
    /// Who has it sent.
    pub caller: String,
    pub person: Person,
    /// The message's id and the hash of its request, where that carried an idempotency key.
    pub request: Option<(MessageId, String)>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A link is on its way, or went a moment ago.
    Sent,
    /// The decision refused it; its word.
    Refused(String),
    /// They have no e-mail address.
    NoAddress,
}

/// Why no link was sent.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
}

/// How it stands with a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmable {
    /// The address is theirs to confirm, or waits for more to be confirmed.
    Waiting(Box<Person>),
    /// It was confirmed, and nothing waits.
    Confirmed(Box<Person>),
    /// They have another address by now, or are gone.
    Gone,
}

impl Road {
    /// Sends the link that confirms a person's e-mail address.
    pub async fn ask_to_confirm(&self, links: &ConfirmLinks, ask: AskToConfirm) -> Result<Asked, AskError> {
        let AskToConfirm { caller, person, request } = ask;
        let Some(to) = person.unproven(Channel::Email).or_else(|| person.address(Channel::Email)) else {
            return Ok(Asked::NoAddress);
        };
        let now = self.clock.now();
        let (id, request_hash) = match request {
            Some((id, hash)) => (id, Some(hash)),
            None => (self.id_of_now(&person, &to, now), None),
        };
        let (rendered, secrets) = self.confirmation(&person, &links.url(&person.id, &to, now)).await?;
        let part = Part::rendered(Channel::Email, to, rendered);
        let lane = TRIGGER.default_priority().lane();
        let task = Task {
            request_hash,
            person: Some(person),
            trigger: Some(TRIGGER),
            secrets,
            ..Task::new(id, caller, TRIGGER.class(), lane, vec![part])
        };
        let accepted = self.accept(task).await?;
        Ok(accepted.refusal().map_or(Asked::Sent, |reason| Asked::Refused(reason.to_owned())))
    }

    /// Asked for again within the pause, it is the same message.
    fn id_of_now(&self, person: &Person, to: &Address, now: Timestamp) -> MessageId {
        let slot = now.as_second().div_euclid(PAUSE_SECONDS);
        MessageId::derived(
            self.seal.ids(),
            person.id.as_str(),
            "consent/email/confirm",
            &format!("{}#{slot}", to.canonical()),
        )
    }

    /// The template in force, if it says the link; else the shipped one.
    async fn confirmation(&self, person: &Person, link: &str) -> Result<(Rendered, MessageSecrets), AskError> {
        let data = [("link".to_owned(), json!(link)), ("days".to_owned(), json!(DAYS))].into_iter().collect();
        self.words_with_link(TRIGGER, Channel::Email, person, data).await
    }

    /// How it stands with a link. Changes nothing.
    pub async fn confirmable(
        &self,
        links: &ConfirmLinks,
        confirmation: &Confirmation,
    ) -> Result<Confirmable, StoreError> {
        let person = self.people.get(&confirmation.person).await?;
        let about = person.as_ref().and_then(|person| about(links, confirmation, person));
        Ok(match person.map(Box::new).zip(about) {
            Some((person, address)) if is_settled(&person, &address) => Confirmable::Confirmed(person),
            Some((person, _)) => Confirmable::Waiting(person),
            None => Confirmable::Gone,
        })
    }

    /// They followed the link and said yes: the address is theirs, and what waited for that counts.
    pub async fn confirm(
        &self,
        links: &ConfirmLinks,
        confirmation: &Confirmation,
        witness: &Witness,
    ) -> Result<Confirmable, StoreError> {
        let before = self.confirmable(links, confirmation).await?;
        let Confirmable::Waiting(_) = before else { return Ok(before) };
        let change = self.people.change(&confirmation.person, witness, |person| {
            person.recorded(|person| {
                // They may have given another address a moment ago.
                if let Some(address) = about(links, confirmation, person) {
                    person.prove(&address, Proof::new(ProofSource::Link, witness.at));
                }
            })
        });
        let person = change.await?;
        self.settle_proofs(&person, witness).await?;
        if let Some(address) = person.address(Channel::Email).filter(|address| links.is_about(confirmation, address)) {
            self.come_back(&self.people.target(&address), witness).await?;
        }
        self.confirmable(links, confirmation).await
    }
}

/// The address a link is about, if the person claims it or is reached there.
fn about(links: &ConfirmLinks, confirmation: &Confirmation, person: &Person) -> Option<Address> {
    let addresses = [person.claim(Channel::Email), person.address(Channel::Email)];
    addresses.into_iter().flatten().find(|address| links.is_about(confirmation, address))
}

/// Whether a person's e-mail address is theirs, and nothing waits for that.
fn is_settled(person: &Person, address: &Address) -> bool {
    let waits = person.consents.get(&Channel::Email).is_some_and(|consent| consent.pending.is_some());
    // What waits beside a claim waits for the claim.
    person.has_proven(address) && (!waits || person.claim(Channel::Email).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::Content;
    use crate::message::template::{Ask, SHIPPED_VERSION, TemplateName};
    use crate::road::linked::says;
    use crate::testing::dead_road;

    #[test]
    fn the_shipped_words_say_the_link_in_every_language() {
        let road = dead_road(Clock::system()).unwrap();
        let name = TemplateName::from(TRIGGER);
        let shipped = crate::message::template::shipped::template(&name).unwrap();
        let link = "https://api.example/c/abc";
        let data = json!({"link": link, "days": DAYS}).as_object().cloned().unwrap();
        for locale in shipped.locales.keys() {
            let ask = Ask { channel: Channel::Email, wanted: Some(locale), default: locale, key: "1", data: &data };
            let rendered = road.templates.render_version(&name, SHIPPED_VERSION, shipped, &ask).unwrap();
            assert!(says(&rendered.content, link), "{locale}");
            let Content::Email(email) = rendered.content else { panic!("no e-mail") };
            let text = email.text.unwrap();
            assert!(text.contains('7') && !text.contains("  ") && !text.contains(" ."), "{text}");
        }
    }

    #[test]
    fn a_link_asked_for_again_is_the_same_message_for_ten_minutes() {
        let road = dead_road(Clock::system()).unwrap();
        let person = Person::new(crate::person::PersonId::text("1").unwrap(), Timestamp::UNIX_EPOCH);
        let to = Address::stored(Channel::Email, "ada@example.com".to_owned());
        let id = |second| road.id_of_now(&person, &to, Timestamp::constant(second, 0));
        assert_eq!(id(0), id(599));
        assert_ne!(id(599), id(600));
        let other = Address::stored(Channel::Email, "bob@example.com".to_owned());
        assert_ne!(id(0), road.id_of_now(&person, &other, Timestamp::UNIX_EPOCH));
    }
}
