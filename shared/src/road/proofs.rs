//! What follows when an address was proven, or another one took its place: older proofs of the same address end, and the address
//! that was replaced is told.

use serde_json::{Map, json};

use super::{AcceptError, Part, RenderError, Rendered, Road, Task};
use crate::ledger::{Event, Witness};
use crate::message::template::{Ask, SHIPPED_VERSION, TemplateName};
use crate::message::{Address, Channel, MessageId, Trigger};
use crate::person::profile::Replaced;
use crate::person::{Person, PersonId, ProvenAddress};
use crate::store::StoreError;

const TRIGGER: Trigger = Trigger::AddressChange;

/// Another person's proof of the same address ended: what the ledger of whoever proved it last says.
const OLDER_PROOFS_ENDED: &str = "older_proofs_ended";

impl Road {
    /// Does what follows from a change of a person's addresses. It may be done again: the person's profile says what is left.
    pub async fn settle_proofs(&self, person: &Person, witness: &Witness) -> Result<(), StoreError> {
        for proven in ProvenAddress::all(person) {
            if proven.span().renewed == witness.at {
                self.end_older_proofs(&proven, witness).await?;
            }
        }
        if !person.replaced.is_empty() {
            self.tell_replaced(person, witness).await?;
        }
        Ok(())
    }

    /// Whoever proved the address long ago has it no more.
    async fn end_older_proofs(&self, proven: &ProvenAddress, witness: &Witness) -> Result<(), StoreError> {
        let holders = self.people.address(proven.address()).await?.holders;
        let superseded: Vec<&PersonId> = holders.superseded(witness.at);
        let others: Vec<&PersonId> = superseded.into_iter().filter(|other| *other != proven.person()).collect();
        let ours = Witness::new("switchboard", "another_proof", witness.at);
        for other in &others {
            let lose = |person: &mut Person| person.recorded(|person| person.lose_proof(proven.address()));
            match self.people.change(other, &ours, lose).await {
                // Who is being erased has no address any more.
                Ok(_) | Err(StoreError::BeingErased) => {}
                Err(error) => return Err(error),
            }
        }
        if !others.is_empty() {
            let event = Event::new(OLDER_PROOFS_ENDED).with_personal("address", proven.address().as_str());
            self.people.note(proven.person(), &ours, event).await?;
        }
        Ok(())
    }

    /// Tells every address that was replaced, once, and forgets that it is to be told.
    async fn tell_replaced(&self, person: &Person, witness: &Witness) -> Result<(), StoreError> {
        let mut done = Vec::new();
        for replaced in &person.replaced {
            match self.tell(person, replaced, &witness.caller).await {
                Ok(()) | Err(AcceptError::OtherBody) => done.push(replaced),
                // It stays to be told: nobody keeps a notice away by using up a day's messages.
                Err(AcceptError::NotAdmitted(refusal)) => {
                    tracing::error!(error = %refusal, "the notice of a changed address waits");
                }
                Err(AcceptError::Store(error)) => return Err(error),
            }
        }
        let told = |now: &mut Person| {
            now.replaced.retain(|replaced| !done.contains(&replaced));
            Vec::new()
        };
        self.people.change(&person.id, witness, told).await?;
        Ok(())
    }

    async fn tell(&self, person: &Person, replaced: &Replaced, caller: &str) -> Result<(), AcceptError> {
        let channel = match &replaced.address {
            Address::Phone(_) => Channel::Sms,
            Address::Email(_) => Channel::Email,
        };
        let rendered = match self.notice(person, channel).await {
            Ok(rendered) => rendered,
            Err(RenderError::Store(error)) => return Err(error.into()),
            Err(error @ (RenderError::NoSuchTemplate(_) | RenderError::Template(_))) => {
                tracing::error!(error = %error, "the notice of a changed address cannot be rendered");
                return Ok(());
            }
        };
        let part = Part::rendered(channel, replaced.address.clone(), rendered);
        // One message for the time in which the address was proven, however often this is done.
        let key = format!("{}#{}", replaced.address.canonical(), replaced.proof.at.as_millisecond());
        let id = MessageId::derived(self.seal.ids(), person.id.as_str(), "notice/address_change", &key);
        let lane = TRIGGER.default_priority().lane();
        let task = Task {
            person: Some(person.clone()),
            trigger: Some(TRIGGER),
            ..Task::new(id, caller.to_owned(), TRIGGER.class(), lane, vec![part])
        };
        self.accept(task).await?;
        Ok(())
    }

    /// The template in force; if that cannot be rendered, the shipped one.
    async fn notice(&self, person: &Person, channel: Channel) -> Result<Rendered, RenderError> {
        let name = TemplateName::from(TRIGGER);
        let data = json!({"phone": channel == Channel::Sms}).as_object().cloned().unwrap_or_else(Map::new);
        let (locale, key) = (person.locale.as_ref(), person.id.as_str());
        match self.templates.render(&name, channel, locale, key, &data).await {
            Err(RenderError::Template(_)) => {}
            rendered => return rendered,
        }
        let shipped = self.templates.version(&name, SHIPPED_VERSION).await?;
        let shipped = shipped.ok_or_else(|| RenderError::NoSuchTemplate(name.clone()))?;
        let ask = Ask { channel, wanted: locale, default: &self.templates.default_locale, key, data: &data };
        self.templates.render_version(&name, SHIPPED_VERSION, &shipped, &ask)
    }
}
