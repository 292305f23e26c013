//! What providers say of a message, applied forward only and once.
//!
//! A report from which more follows is kept in its row by the same write ([`LAST_REPORT`]), one after the other: the table's
//! stream tells each of them, so who brought it waits for nothing else, and nothing that follows is lost.

mod calls;
mod reader;

use jiff::Timestamp;
use strum::IntoEnumIterator;

use super::engagement::{Counted, Told};
use super::row::attribute;
use super::{Messages, Update, first_ask};
use crate::clock::plus_seconds;
use crate::message::engagement::Deed;
use crate::message::fallback::OUTCOME_UNKNOWN;
use crate::message::record::CallFacts;
use crate::message::trail::MOST_ENTRIES;
use crate::message::{MessageId, Status, TrailEntry};
use crate::provider::{Event, ProviderName, Report};
use crate::store::update::{Applied, Test};
use crate::store::{Item, StoreError, number, text, unavailable};

/// The attribute with the last report from which more follows, as JSON. Ids, codes and a fingerprint: no address.
pub const LAST_REPORT: &str = "last_report";

/// How many entries a trail may have before nothing more is noted of an e-mail's other recipients.
const MOST_OF_OTHERS: usize = MOST_ENTRIES - 40;

/// What a report did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// The message's status moved.
    Moved(Status),
    /// It was noted in the trail; the status stays.
    Noted,
    /// It was there already, or says nothing new.
    Repeated,
    /// There is no such message (yet).
    NoSuchMessage,
}

impl Messages {
    /// Applies a report to a message: counts what somebody did with it, moves its status if that is a step forward, else
    /// notes it if it is worth noting. Where it comes in order and says something new, that is one write.
    ///
    /// "The provider has it" takes two where it overtakes our own record of that (a read, or the progress of a call that is not yet
    /// `sent`, comes before the step): it seldom does, and mostly says nothing new, which the first of them finds out cheaply.
    /// Two writes are also left for what comes out of order after the end, and for an e-mail's other recipients.
    pub async fn report(&self, id: MessageId, report: &Report) -> Result<Reported, StoreError> {
        if let Some(deed) = report.event.deed() {
            return self.engaged(id, report, deed).await;
        }
        let Some(to) = report.event.status() else {
            return self.note(id, report).await;
        };
        // "The provider has it" seldom says anything new, and a write that its condition refuses costs ten times a read.
        if report.event == Event::Sent
            && let Some(known) = self.known(id, report).await?
        {
            return Ok(known);
        }
        match self.forward(id, to, report).await? {
            Applied::Done(_) => Ok(Reported::Moved(to)),
            Applied::Refused(None) => Ok(Reported::NoSuchMessage),
            Applied::Refused(Some(item)) if is_about_another(&item, self.forms(report).as_deref()) => {
                self.about_another(id, &item, report).await
            }
            Applied::Refused(Some(_)) if report.event == Event::Sent => {
                Ok(self.known(id, report).await?.unwrap_or(Reported::Repeated))
            }
            Applied::Refused(Some(item)) if knows_in_trail(&item, &report.key) => Ok(Reported::Repeated),
            Applied::Refused(Some(_)) => self.note(id, report).await,
        }
    }

    /// The step forward. What was recorded of somebody who was erased stays due, whatever else its message comes to.
    async fn forward(&self, id: MessageId, to: Status, report: &Report) -> Result<Applied, StoreError> {
        let update = move_to(id, to, report, looked_after(report)).about_its_own(self.forms(report).as_deref());
        // Only calls are recorded, and all of them go through Twilio.
        let update = if report.provider == ProviderName::Twilio { update.whole() } else { update };
        let applied = self.move_by_report(id, report, update).await?;
        if let Applied::Done(item) = &applied
            && item.contains_key("erased_at")
            && item.contains_key("recordings")
            && !item.contains_key("due_at")
        {
            self.still_unwanted(id, report.at).await?;
        }
        Ok(applied)
    }

    /// What somebody did with a message: counted. That it shows that the message arrived, should nobody have told so yet, follows
    /// from it later ([`Self::shown_to_have_arrived`]).
    ///
    /// More than one write only where the trail is full, or where an earlier deed is told later than a later one.
    async fn engaged(&self, id: MessageId, report: &Report, deed: Deed) -> Result<Reported, StoreError> {
        let (key, forms) = (&report.key, self.forms(report));
        let recipient = forms.as_deref();
        let told = Told { deed, key, entry: entry(report), recipient, report: kept(report) };
        match self.count_deed(id, &told).await? {
            Counted::New(_) => Ok(Reported::Noted),
            Counted::Known(_) => Ok(Reported::Repeated),
            Counted::OfAnother(item) => self.about_another(id, &item, report).await,
            Counted::NoSuchMessage => Ok(Reported::NoSuchMessage),
        }
    }

    /// Who opened a message, or clicked in it, has received it: it is delivered by that, should nobody have told so yet, which is
    /// seldom. `false`: that was known, or somebody else did it than the message's own recipient.
    pub async fn shown_to_have_arrived(&self, id: MessageId, report: &Report) -> Result<bool, StoreError> {
        let to = report.event.deed().and(report.event.status());
        let Some(to) = to else { return Ok(false) };
        let Some(item) = self.glance(id).await? else { return Ok(false) };
        if !Standing::of(&item).is_some_and(|standing| standing.may_be_shown(to))
            || is_about_another(&item, self.forms(report).as_deref())
        {
            return Ok(false);
        }
        let update = move_to(id, to, report, None).about_its_own(self.forms(report).as_deref());
        let applied = self.let_go(id, update, "messages.report", report.at).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    /// Whether "the provider has it" is known: the message was sent or has ended. A reading that is a moment old can only say
    /// "no" too often.
    async fn says_nothing(&self, id: MessageId, report: &Report) -> Result<bool, StoreError> {
        let Some(item) = self.glance(id).await? else { return Ok(false) };
        let Some(standing) = Standing::of(&item) else { return Ok(false) };
        let is_past = !standing.may_be_shown(Status::Sent) && standing.is_past_sending();
        Ok(is_past || (is_about_another(&item, self.forms(report).as_deref()) && !standing.is_open()))
    }

    /// A message's status and whose it is, as of a moment ago.
    async fn glance(&self, id: MessageId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(id.to_string()));
        let get = get.projection_expression("#s, recipient, attempts, reason, erased_at");
        let get = get.expression_attribute_names("#s", "status");
        let answer = get.send().await.map_err(unavailable("messages.status"))?;
        Ok(answer.item)
    }

    /// What a provider says of another recipient is noted as such. It is not what became of the message, but it does show
    /// that the provider has it.
    async fn about_another(&self, id: MessageId, item: &Item, report: &Report) -> Result<Reported, StoreError> {
        if knows_in_trail(item, &report.key) {
            return Ok(Reported::Repeated);
        }
        let detail = report
            .provider_code
            .as_ref()
            .map_or("another recipient".to_owned(), |code| format!("another recipient: {code}"));
        let noted = Report { provider_code: Some(detail), ..report.clone() };
        if Standing::of(item).is_some_and(|standing| standing.is_open()) {
            let evidence = Report { event: Event::Sent, ..noted.clone() };
            let update = move_to(id, Status::Sent, &evidence, None);
            if let Applied::Done(_) = self.move_by_report(id, &noted, update).await? {
                return Ok(Reported::Moved(Status::Sent));
            }
        }
        if report.event == Event::Sent {
            return Ok(Reported::Repeated);
        }
        let update = Update::default().only_if_present("id").only_if_size_under("trail", MOST_OF_OTHERS);
        match self.apply_report(id, &noted, update).await? {
            Applied::Done(_) => Ok(Reported::Noted),
            Applied::Refused(_) => self.only_keep(id, report).await,
        }
    }

    async fn note(&self, id: MessageId, report: &Report) -> Result<Reported, StoreError> {
        if report.event == Event::Ignored {
            return Ok(Reported::Repeated);
        }
        let update = Update::default().only_if_present("id").only_if_size_under("trail", MOST_ENTRIES);
        let update = update.about_call(report).about_its_own(self.forms(report).as_deref());
        match self.apply_report(id, report, update).await? {
            Applied::Done(_) => Ok(Reported::Noted),
            Applied::Refused(None) => Ok(Reported::NoSuchMessage),
            Applied::Refused(Some(item)) if is_about_another(&item, self.forms(report).as_deref()) => {
                self.about_another(id, &item, report).await
            }
            Applied::Refused(Some(item)) if knows_in_trail(&item, &report.key) => Ok(Reported::Repeated),
            Applied::Refused(Some(item)) if report.recording.is_some() && item.contains_key("erased_at") => {
                self.unwanted(id, report).await
            }
            Applied::Refused(Some(_)) => self.only_keep(id, report).await,
        }
    }

    /// For a report that the trail has no room for: what follows from it follows all the same.
    async fn only_keep(&self, id: MessageId, report: &Report) -> Result<Reported, StoreError> {
        let Some(kept) = kept(report) else { return Ok(Reported::Repeated) };
        let update = Update::default()
            .only_if_present("id")
            .only_if_absent(&["trail", &report.key])
            .set(LAST_REPORT, text(kept));
        match update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.report").await? {
            Applied::Done(_) => Ok(Reported::Noted),
            Applied::Refused(_) => Ok(Reported::Repeated),
        }
    }

    /// The fingerprints that the address a report is about may be stored under, where it names one.
    pub(super) fn forms(&self, report: &Report) -> Option<Vec<String>> {
        report.recipient.as_deref().map(|fingerprint| self.seal.forms(fingerprint))
    }

    /// Notes a report, and what `update` says.
    async fn apply_report(&self, id: MessageId, report: &Report, update: Update) -> Result<Applied, StoreError> {
        let update = update.with_report(report);
        update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.report").await
    }

    /// The same where that moves the message, which may have been held.
    async fn move_by_report(&self, id: MessageId, report: &Report, update: Update) -> Result<Applied, StoreError> {
        self.let_go(id, update.with_report(report), "messages.report", report.at).await
    }
}

impl Update {
    /// Puts a report into the trail, once, and keeps it where more follows from it.
    fn with_report(self, report: &Report) -> Self {
        let update = self.only_if_absent(&["trail", &report.key]).trail(&report.key, &entry(report));
        match kept(report) {
            Some(kept) => update.set(LAST_REPORT, text(kept)),
            None => update,
        }
    }
}

/// The step a report takes a message to. `due`: when the sweep looks whether what follows from a message's end was done (another
/// one made in its place, a call charged for the time it took); `None`: nothing follows.
fn move_to(id: MessageId, to: Status, report: &Report, due: Option<Timestamp>) -> Update {
    let update = Update::default().shown_to_be(to).status(to).remove("unsure_since");
    let update = update.time_if_absent("sent_at", report.at).time_if_absent("claimed_at", report.at);
    let update = match &report.provider_id {
        Some(provider_id) => update.set_if_absent("provider_id", text(provider_id)),
        None => update,
    };
    let update = match &report.call {
        Some(call) => update.set("call", attribute(call)),
        None => update,
    };
    match report.event {
        Event::Undelivered(kind) => {
            let update = update.set("reason", text(kind.as_str())).time("ended_at", report.at);
            let update = update.ended(id, due);
            // Twilio charges for no call that nobody took ("Voice pricing": billed from when it is answered).
            let update = if report.call.is_some() { update.costs_nothing().refunded_later() } else { update };
            match &report.provider_code {
                Some(code) => update.set("provider_code", text(code)),
                None => update,
            }
        }
        Event::Sent => {
            let update = update.remove("lease_until").remove("reason").remove("ended_at");
            update.due(id, first_ask(report.at))
        }
        Event::Delivered
        | Event::Opened
        | Event::OpenedByMachine
        | Event::Clicked
        | Event::Deferred
        | Event::Complained
        | Event::Unsubscribed
        | Event::UnsubscribedKind
        | Event::ResubscribedKind
        | Event::Recorded
        | Event::Ended
        | Event::Ignored => {
            let update = update.remove("reason").time("ended_at", report.at);
            update.ended(id, due)
        }
    }
}

/// When the sweep looks whether what follows from an end was done: a message that did not arrive may have another to go instead
/// and money to give back, and a long call is charged. It is done as soon as the table's stream tells, which also takes it off
/// again.
fn looked_after(report: &Report) -> Option<Timestamp> {
    let is_long = || report.call.as_ref().is_some_and(CallFacts::is_charged_for_more);
    let follows = matches!(report.event, Event::Undelivered(_)) || (report.event == Event::Delivered && is_long());
    follows.then(|| plus_seconds(report.at, 60))
}

impl Update {
    /// Only from a state that what a provider says may change: the next one of its road, or what we believed of a message that was
    /// tried and that this corrects. Whoever was erased stays so.
    fn shown_to_be(self, to: Status) -> Self {
        let statuses = |of: &dyn Fn(Status) -> bool| {
            Status::iter().filter(|status| of(*status)).map(|status| text(status.as_str())).collect::<Vec<_>>()
        };
        let ordinary = [Test::OneOf("status", statuses(&|status| status.may_become(to)))];
        let corrected = [
            Test::OneOf("status", statuses(&|status| status.is_corrected_by(to, false))),
            Test::Above("attempts", number(0)),
            Test::Absent("erased_at"),
        ];
        let unknown = [
            Test::OneOf("status", statuses(&|status| status.is_corrected_by(to, true))),
            Test::OneOf("reason", vec![text(OUTCOME_UNKNOWN)]),
            Test::Absent("erased_at"),
        ];
        self.only_if_any(&[&ordinary, &corrected, &unknown])
    }

    /// Nothing waits for it any more but what follows from its end, where something does.
    fn ended(self, id: MessageId, due: Option<Timestamp>) -> Self {
        match due {
            None => self.nothing_due(),
            Some(due) => self.remove("lease_until").due(id, due),
        }
    }

    /// Only if what is told is about the message's own recipient, or nothing says whom it is about.
    pub(super) fn about_its_own(self, recipient: Option<&[String]>) -> Self {
        match recipient {
            Some(forms) => self.only_if_one_of("recipient", forms.iter().map(text)),
            None => self,
        }
    }
}

/// It is about another recipient than the message's own.
pub(super) fn is_about_another(item: &Item, recipient: Option<&[String]>) -> bool {
    let own = item.get("recipient").and_then(|own| own.as_s().ok());
    recipient.zip(own).is_some_and(|(forms, own)| !forms.contains(own))
}

/// A report as its row keeps it, if something follows from it.
fn kept(report: &Report) -> Option<String> {
    serde_json::to_string(report).ok().filter(|_| report.event.is_followed_up())
}

/// How a report stands in the trail.
fn entry(report: &Report) -> TrailEntry {
    TrailEntry {
        at: report.at,
        event: report.event.name().to_owned(),
        by: report.provider.as_str().to_owned(),
        detail: report.detail(),
    }
}

/// Where a message stands, as far as a report needs it.
#[derive(Clone, Copy, Debug)]
struct Standing {
    status: Status,
    was_tried: bool,
    is_unknown: bool,
    is_erased: bool,
}

impl Standing {
    fn of(item: &Item) -> Option<Self> {
        let field = |name: &str| item.get(name);
        Some(Self {
            status: field("status")?.as_s().ok()?.parse().ok()?,
            was_tried: field("attempts").and_then(|count| count.as_n().ok()).is_some_and(|count| count != "0"),
            is_unknown: field("reason").and_then(|reason| reason.as_s().ok()).is_some_and(|why| why == OUTCOME_UNKNOWN),
            is_erased: item.contains_key("erased_at"),
        })
    }

    /// What the condition of [`Update::shown_to_be`] says.
    fn may_be_shown(self, to: Status) -> bool {
        let corrects = self.was_tried && !self.is_erased && self.status.is_corrected_by(to, self.is_unknown);
        self.status.may_become(to) || corrects
    }

    fn is_past_sending(self) -> bool {
        self.status == Status::Sent || self.status.is_final()
    }

    /// A call was made, and nobody knows yet what came of it, or it may have been taken though we believe otherwise.
    fn is_open(self) -> bool {
        match self.status {
            Status::Sending | Status::Uncertain => true,
            Status::Retrying | Status::Held => self.was_tried && !self.is_erased,
            Status::Failed => self.is_unknown && !self.is_erased,
            Status::Accepted
            | Status::Scheduled
            | Status::Sent
            | Status::Delivered
            | Status::Undelivered
            | Status::Blocked
            | Status::Cancelled
            | Status::Expired
            | Status::Received => false,
        }
    }
}

pub(super) fn knows_in_trail(item: &Item, key: &str) -> bool {
    item.get("trail").and_then(|trail| trail.as_m().ok()).is_some_and(|trail| trail.contains_key(key))
}
