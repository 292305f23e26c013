//! Random lives of two people and two numbers on the real stack, compared with a plain log of who could read which number
//! when. The rule itself is walked by thousands of lives in `shared/src/person/ownership/tests.rs`.

use serde_json::json;
use switchboard::person::PersonId;

use super::{is_erased, own};
use crate::inbound::{sms as inbound_sms, written};
use crate::world::{Line, World, fresh};

const LIVES: u64 = 2;
const STEPS: usize = 14;

/// Numbers that look random and follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end as u64)).expect("it is small")
    }
}

/// A message, and who of the two was party to it.
struct Said {
    id: String,
    party: Option<usize>,
}

#[tokio::test]
async fn nobody_gets_or_erases_what_they_were_not_party_to() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let seed = jiff::Timestamp::now().as_millisecond().unsigned_abs();
    for life in 0..LIVES {
        live(&world, seed + life).await;
    }
}

async fn live(world: &World, seed: u64) {
    let mut chance = Chance(seed);
    let (people, phones) = ([fresh::user(), fresh::user()], [fresh::phone(), fresh::phone()]);
    // By the plain log: which number each proved last.
    let (mut proven, mut said, mut log): ([Option<usize>; 2], Vec<Said>, Vec<String>) = Default::default();
    for _ in 0..STEPS {
        let (who, number) = (chance.below(2), chance.below(2));
        let (user, phone) = (people[who], &phones[number]);
        let alone = || {
            let read: Vec<usize> = (0..2).filter(|who| proven[*who] == Some(number)).collect();
            if let [one] = read[..] { Some(one) } else { None }
        };
        let step = chance.below(8);
        log.push(format!("{step}: {who} {number}"));
        match step {
            0 | 1 => {
                world.claims_number(user, phone).await;
            }
            2 | 3 => {
                let id = PersonId::text(&user.to_string()).expect("an id");
                world.has_proven(&id, phone).await;
                proven[who] = Some(number);
            }
            4 => said.push(Said { party: alone(), id: world.sms(phone, &fresh::text()).await }),
            5 => {
                let text = written(world, &inbound_sms(phone, &fresh::text())).await;
                said.push(Said { party: alone(), id: text["id"].as_str().expect("an id").to_owned() });
            }
            6 => {
                let body =
                    json!({"user_id": user, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
                let sent = world.post("/api/communication/send", &body).send().await;
                // Nobody has an address, or only claims one; else it is theirs whatever the address.
                assert_eq!(sent.status == 200, proven[who].is_some(), "{log:?}: {}", sent.text);
                if let Some(id) = sent.json["task_id"].as_str().filter(|_| sent.status == 200) {
                    said.push(Said { party: Some(who), id: id.to_owned() });
                }
            }
            _ => {
                let no = json!({"user_id": user, "channel": "email"});
                world.post("/api/communication/opt-out", &no).token(&own(user)).send().await.ok();
            }
        }
    }
    for (who, user) in people.iter().enumerate() {
        let taken = world.takes_out_messages(*user).await;
        for other in said.iter().filter(|said| said.party != Some(who)) {
            assert!(!taken.contains(&other.id), "seed {seed}, {log:?}: {who} takes out {}", other.id);
        }
    }
    let gone = chance.below(2);
    world.erases_themselves(people[gone]).await;
    for message in &said {
        let is_gone = is_erased(&world.message(&message.id).await);
        let may_be_gone = message.party == Some(gone);
        assert!(may_be_gone || !is_gone, "seed {seed}, {log:?}: {gone} erased {}", message.id);
    }
}
