//! The Call resource.

use serde_json::{Map, Value, json};

use super::{super::answer::date, Detail, detail, direction};
use crate::store::{Message, Status};

/// What a minute costs, in 1/100000 of a dollar.
const MINUTE: u32 = 1400;

/// The one number of the simulated account.
const NUMBER_SID: &str = "PN00000000000000000000000000000001";

/// A call as Twilio shows it.
pub(super) fn call(account: &str, message: &Message) -> Value {
    let content = &message.content;
    let Some(call) = detail(message) else { return Value::Null };
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}", content.id);
    let parts = [
        "events",
        "notifications",
        "payments",
        "recordings",
        "siprec",
        "streams",
        "transcriptions",
        "user_defined_message_subscriptions",
        "user_defined_messages",
    ];
    let subresources: Map<String, Value> =
        parts.iter().map(|part| ((*part).to_owned(), json!(format!("{uri}/{}.json", camel(part))))).collect();
    json!({
        "account_sid": account,
        "answered_by": call.answered_by,
        "api_version": "2010-04-01",
        "caller_name": null,
        "date_created": date(message.received_at),
        "date_updated": date(message.updated_at),
        "direction": direction(message),
        "duration": call.duration.filter(|_| message.status == Status::Completed).map(|seconds| seconds.to_string()),
        "end_time": call.ended_at.map(date),
        "forwarded_from": null,
        "from": content.from,
        "from_formatted": formatted(&content.from),
        "group_sid": null,
        "parent_call_sid": null,
        "phone_number_sid": NUMBER_SID,
        "price": call.priced.then(|| price(call)),
        "price_unit": "USD",
        "queue_time": "0",
        "sid": content.id,
        "start_time": call.started_at.map(date),
        "status": message.status,
        "subresource_uris": subresources,
        "to": content.to,
        "to_formatted": formatted(&content.to),
        "trunk_sid": null,
        "uri": format!("{uri}.json"),
    })
}

/// Whole minutes, as they are billed.
pub(super) fn minutes(seconds: u32) -> u32 {
    seconds.div_ceil(60)
}

fn price(call: &Detail) -> String {
    let cost = MINUTE * minutes(call.duration.unwrap_or_default());
    format!("-{}.{:05}", cost / 100_000, cost % 100_000)
}

/// North American numbers as people write them there, others in E.164.
fn formatted(number: &str) -> String {
    match number.strip_prefix("+1").filter(|rest| rest.len() == 10 && rest.is_ascii()) {
        Some(rest) => format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..]),
        None => number.to_owned(),
    }
}

/// `user_defined_messages` as the path has it: `UserDefinedMessages`.
fn camel(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted_as_twilio_does() {
        assert_eq!(formatted("+14155550100"), "(415) 555-0100");
        assert_eq!(formatted("+447700900123"), "+447700900123");
    }

    #[test]
    fn a_started_minute_is_a_minute() {
        assert_eq!([0, 1, 49, 60, 61].map(minutes), [0, 1, 1, 1, 2]);
    }
}
