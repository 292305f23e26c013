//! A call somebody made to us: a message with one write, as a text is. Who it was follows from the row.

use jiff::Timestamp;

use super::received;
use crate::message::content::{Call, MachineDetection, Script, Text};
use crate::message::{Channel, Content, IdKey, Message, MessageId};
use crate::person::words::Reply;
use crate::provider::Report;
use crate::provider::twilio::inbound::Inbound;
use crate::provider::twilio::inbound::call::InboundCall;
use crate::queue::QueueError;
use crate::road::{Applied, Road};
use crate::store::StoreError;
use crate::store::messages::Created;

impl Road {
    /// Keeps a call.
    pub async fn receive_call(&self, call: InboundCall) -> Result<(MessageId, Created), StoreError> {
        let message = called(self.seal.ids(), call, self.clock.now());
        let created = self.messages.create(std::slice::from_ref(&message)).await?;
        Ok((message.id, created))
    }

    /// What Twilio tells of such a call. One that could not be kept when it came is kept now.
    pub async fn take_call(&self, call: InboundCall, report: &Report) -> Result<(), QueueError> {
        let known = matches!(self.apply(report).await, Ok(Applied::Reached(..) | Applied::Ignored));
        if known {
            return Ok(());
        }
        if let Err(error) = self.receive_call(call).await {
            tracing::error!(error = %error, "a call to us was not kept");
        }
        self.take(report).await
    }
}

/// It is listened to by the voice menu, so that is its content.
fn called(ids: &IdKey, call: InboundCall, now: Timestamp) -> Message {
    let InboundCall { sid, caller, to, facts } = call;
    let inbound = Inbound {
        sid: Some(sid),
        digest: String::new(),
        channel: Channel::Voice,
        from: None,
        sender: caller,
        to,
        text: Text::default(),
        segments: 1,
        reply: Reply::Other,
    };
    let content = Content::Call(Call { script: Script::Menu, machine: MachineDetection::Off });
    Message { content, call: facts, ..received(ids, inbound, now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Direction, Status};
    use crate::provider::twilio::inbound::call::parse;
    use crate::road::inbound_id;
    use crate::testing::sample_ids;

    #[test]
    fn a_call_is_one_message_however_often_it_is_told_of() {
        let form = |status: &str| {
            format!("CallSid=CA1&Direction=inbound&From=%2B14155552671&To=%2B15005550006&CallStatus={status}")
        };
        let message = |status: &str| {
            called(&sample_ids(), parse(form(status).as_bytes()).unwrap().unwrap(), Timestamp::UNIX_EPOCH)
        };
        let (first, again) = (message("ringing"), message("completed"));
        assert_eq!((first.id, first.id), (again.id, inbound_id(&sample_ids(), "CA1")));
        assert_eq!(
            (first.status, first.direction(), first.channel),
            (Status::Received, Direction::Inbound, Channel::Voice)
        );
        assert_eq!((first.to.as_str(), first.from.as_deref()), ("+14155552671", Some("+15005550006")));
        assert!(first.times.due.is_some(), "it waits to be attended to");
    }
}
