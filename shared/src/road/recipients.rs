//! May everybody else an e-mail goes to be written to: each is decided like the message's own recipient, by who owns the
//! address and what is known of it. A rule that asks to wait concerns the message's own recipient only: one message has
//! one time.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::Road;
use crate::message::{Address, Content};
use crate::person::{Decision, Intent};
use crate::store::StoreError;

/// How many are asked about at a time.
const AT_A_TIME: usize = 8;

impl Road {
    /// The decision of a message that is being accepted: a "no" of one of the others refuses all of it.
    pub(super) async fn with_others(
        &self,
        intent: &Intent<'_>,
        content: &Content,
        decision: Decision,
    ) -> Result<Decision, StoreError> {
        if decision.is_refused() {
            return Ok(decision);
        }
        let unwilling = self.unwilling(intent, content, &decision).await?;
        Ok(match unwilling.first() {
            Some((field, reason)) => decision.refused_for(field, reason),
            None => decision,
        })
    }

    /// The decision of a message that is about to be sent: who must not be written to is left out.
    pub async fn without_unwilling(
        &self,
        intent: &Intent<'_>,
        content: &Content,
        decision: Decision,
    ) -> Result<Decision, StoreError> {
        let unwilling = self.unwilling(intent, content, &decision).await?;
        Ok(unwilling.iter().fold(decision, |decision, (field, reason)| decision.without(field, reason)))
    }

    /// Who of the others must not be written to, by their fields, each with the reason. Who is left out is not asked about.
    async fn unwilling(
        &self,
        intent: &Intent<'_>,
        content: &Content,
        decision: &Decision,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let Content::Email(email) = content else { return Ok(Vec::new()) };
        let asked: Vec<(String, Address)> = email
            .further()
            .filter(|(field, _)| !decision.leaves_out(field))
            .map(|(field, recipient)| (field, Address::Email(recipient.address.clone())))
            .collect();
        let answers = asked.into_iter().map(|(field, address)| async move {
            let theirs = self.decide(&Intent { to: &address, ..*intent }, None).await?;
            Ok::<_, StoreError>(theirs.is_refused().then_some((field, theirs.reason)))
        });
        let answers: Vec<_> = stream::iter(answers).buffered(AT_A_TIME).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }
}
