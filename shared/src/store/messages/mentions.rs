//! Who else an e-mail goes to. An index finds a message by its own recipient; each further one has a small row beside it
//! (`ID#3`: the fourth of them), made in the same transaction, so that nobody's address is hidden in a
//! message to somebody else.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;

use super::{Messages, Update};
use crate::clock::plus_seconds;
use crate::message::content::{Email, Recipient};
use crate::message::record::ERASED;
use crate::message::{Address, Content, EmailAddress, Message, MessageId, Status};
use crate::privacy::erasure::{Erasable, ErasureCounts};
use crate::store::messages::row::unreadable;
use crate::store::privacy::Tally;
use crate::store::{Item, StoreError, number, text};

/// What stands in the place of a further recipient who wanted to be forgotten (RFC 2606: no mail ever goes there). The place
/// itself stays, because the decision names the others by theirs.
const NOBODY: &str = "erased@recipient.invalid";

/// How much longer than its message a row is kept: a message may be put off by a year, and its row is then kept for longer.
const OUTLASTS_SECONDS: i64 = 366 * 86_400;

/// How long to wait for a message whose call is being made, or of unknown outcome, before looking again: what is repeated to a
/// provider must be the same as the first time.
const WAIT_SECONDS: i64 = 60;

/// A further recipient's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    pub message: MessageId,
    place: usize,
}

impl Mention {
    /// Which of the further recipients it is; they count from 0.
    pub fn place(&self) -> usize {
        self.place
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.message, self.place)
    }
}

impl FromStr for Mention {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (message, place) = text.split_once('#').ok_or(())?;
        Ok(Self { message: message.parse().map_err(|_| ())?, place: place.parse().map_err(|_| ())? })
    }
}

/// What became of a further recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    Done,
    /// The message is on its way; look again then.
    Later(Timestamp),
}

impl Messages {
    /// The rows of a message's further recipients.
    pub(super) fn mentions(&self, message: &Message, row: &Item) -> Vec<Item> {
        let Content::Email(email) = &message.content else { return Vec::new() };
        let expires = row.get("expires").and_then(|at| at.as_n().ok()).and_then(|at| at.parse::<i64>().ok());
        let expires = expires.map(|at| number(at + OUTLASTS_SECONDS));
        let mention = |(place, other): (usize, &Recipient)| {
            let id = Mention { message: message.id, place }.to_string();
            let recipient = self.seal.fingerprint_to_store(&Address::Email(other.address.clone()));
            let mut item = Item::from([
                ("id".to_owned(), text(id)),
                ("recipient".to_owned(), text(recipient)),
                ("created_at".to_owned(), number(message.times.created.as_millisecond())),
            ]);
            item.extend(expires.clone().map(|expires| ("expires".to_owned(), expires)));
            item
        };
        email.others.iter().enumerate().map(mention).collect()
    }

    /// Takes an address out of an e-mail to somebody else, with its row, if that may be touched. It is not written to any more by
    /// this message.
    pub async fn forget_mention(
        &self,
        mention: Mention,
        erasable: &Erasable<'_>,
        tally: &Tally,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        // Without its message nobody can say whose it was; it goes by itself.
        let Some(item) = self.item(mention.message).await? else { return Ok(Forgotten::Done) };
        let message = self.read_whole(item).await?;
        let may_go = !message.status.is_final() && message.status != Status::Sent;
        // Whomever the message names, it is somebody else than whom it was copied to.
        let is_theirs = erasable.covers(None, message.times.created);
        if !is_theirs || erasable.spares(None, &message.caller, may_go) {
            return Ok(Forgotten::Done);
        }
        let on_its_way = matches!(message.status, Status::Sending | Status::Uncertain);
        let Content::Email(email) = &message.content else { return self.drop_mention(mention, tally).await };
        if on_its_way && email.others.get(mention.place).is_some() {
            return Ok(Forgotten::Later(plus_seconds(now, WAIT_SECONDS)));
        }
        if let Some(without) = without(email, mention.place)? {
            let field = email.further().nth(mention.place).map(|(field, _)| field).unwrap_or_default();
            let changed = Message {
                content: Content::Email(without),
                decision: message.decision.clone().without(&field, ERASED),
                ..message.clone()
            };
            if !self.replace_content(&message, &changed, Update::default()).await? {
                return Ok(Forgotten::Later(now));
            }
        }
        self.drop_mention(mention, tally).await
    }

    async fn drop_mention(&self, mention: Mention, tally: &Tally) -> Result<Forgotten, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("id", text(mention.to_string()))
            .condition_expression("attribute_exists(id)");
        let delete = TransactWriteItem::builder().delete(delete.build().map_err(unreadable)?).build();
        // One that is gone was counted.
        tally.take(delete, ErasureCounts { mentions: 1, ..ErasureCounts::default() }).await?;
        Ok(Forgotten::Done)
    }
}

/// The e-mail without the address in this place; `None`: it is not there any more.
fn without(email: &Email, place: usize) -> Result<Option<Email>, StoreError> {
    let nobody = EmailAddress::parse(NOBODY).map_err(unreadable)?;
    let mut email = email.clone();
    let Some(other) = email.others.get_mut(place).filter(|other| other.address != nobody) else { return Ok(None) };
    other.address = nobody;
    Ok(Some(email))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::content::Place;

    #[test]
    fn who_is_taken_out_leaves_an_empty_place_and_the_others_keep_theirs() {
        let other = |text| Recipient { place: Place::Cc, address: EmailAddress::parse(text).unwrap() };
        let email = Email { others: vec![other("a@x.example"), other("b@x.example")], ..Email::default() };
        let left = without(&email, 0).unwrap().unwrap();
        assert_eq!(left.others[0].address.as_str(), NOBODY);
        assert!(left.others[1] == email.others[1]);
        assert!(without(&left, 0).unwrap().is_none(), "twice is as once");
        assert!(without(&email, 2).unwrap().is_none());
    }

    #[test]
    fn a_mention_is_named_after_its_message() {
        let text = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11#3";
        assert_eq!(text.parse::<Mention>().unwrap().to_string(), text);
        assert!("0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11".parse::<Mention>().is_err());
    }
}
