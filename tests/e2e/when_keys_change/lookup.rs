//! The lookup key is rotated while people go on writing: nobody's no is lost in any phase, everything is brought under the new
//! generation although the walk dies on its way, and then the old one is not read any more.

use std::time::Instant;

use serde_json::{Value, json};

use super::{ALONE, base64_key};
use crate::identity::own;
use crate::inbound::{sms, thread, written};
use crate::opt_out::{known, phone, refusal, says};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, eventually, fresh, processes, seconds};

const REINDEX: &str = "/api/communication/privacy/reindex";
const SEND: &str = "/api/v2/communications/otp/send";
const VERIFY: &str = "/api/v2/communications/otp/verify";

/// The lookup secret while it is rotated from one generation to the next.
struct Rotation<'a> {
    world: &'a World,
    before: Value,
    old: u64,
    begun: Instant,
}

impl<'a> Rotation<'a> {
    async fn begin(world: &'a World) -> Self {
        let before = world.secret("LOOKUP_SECRET").await;
        let old = before["active"].as_u64().expect("a generation");
        let mut next = before.clone();
        next["keys"][(old + 1).to_string()] = json!(base64_key());
        Self { world, before: next, old, begun: Instant::now() }
    }

    /// Writes a version of the secret, which functions have when they start.
    async fn write(&self, active: u64, read: &[u64]) {
        let mut value = self.before.clone();
        (value["active"], value["read"]) = (json!(active), json!(read));
        let secret = self.world.setting("LOOKUP_SECRET").await;
        let put = self.world.secrets().put_secret_value().secret_id(secret).secret_string(value.to_string());
        put.send().await.expect("a new version");
        println!("{:>5.1} s: generation {active} is written, {read:?} read too", self.begun.elapsed().as_secs_f32());
    }

    /// Every function has the present version.
    fn restart(&self) {
        for function in self.world.stack.functions.keys() {
            processes::kill(function);
        }
    }

    /// What is stored under a fingerprint of the old generation.
    async fn left(&self) -> Vec<String> {
        let (mark, mut left) = (format!("{}~", self.old), Vec::new());
        for table in ["messages", "people", "ephemera"] {
            for row in self.world.rows(table).await {
                let texts = row.iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?)));
                let old = |text: &str| {
                    text.match_indices(&mark).any(|(at, _)| {
                        let starts = !text[..at].ends_with(|before: char| before.is_ascii_digit());
                        let hash = text.get(at + mark.len()..at + mark.len() + 43).unwrap_or_default();
                        let is_hash = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                        starts && hash.len() == 43 && hash.chars().all(is_hash)
                    })
                };
                left.extend(texts.filter(|(_, text)| old(text)).map(|(name, text)| format!("{table}.{name}: {text}")));
            }
        }
        left
    }
}

/// Brings everything under the active generation; the worker dies again and again for so long.
async fn reindex(world: &World, deaths: usize) -> Value {
    let begun = world.post(REINDEX, &json!({})).send().await.is(202).json;
    for _ in 0..deaths {
        tokio::time::sleep(seconds(1) / 4).await;
        processes::kill("privacy");
    }
    eventually("everything is brought under the new generation", seconds(200), async || {
        world.invoke("reminders", "{}").await;
        let walk = world.get(REINDEX).send().await.ok();
        let done = walk["status"] == "completed" && walk["reindex_id"] == begun["reindex_id"];
        if done { Ok(walk) } else { Err(walk.to_string()) }
    })
    .await
}

/// Whoever said no is not written to.
async fn are_silent(world: &World, silent: &[String], phase: &str) {
    for number in silent {
        let body = json!({"to": number, "body": "x"});
        assert_eq!(refusal(world, "/api/v1/twilio/send-sms", &body).await, "address_suppressed", "{phase}: {number}");
        assert_eq!(known(world, number).await, ["sms opt_out all", "whatsapp opt_out all"], "{phase}");
    }
}

/// Somebody new says no, and everybody who ever did is still heard.
async fn says_no(world: &World, silent: &mut Vec<String>, phase: &str) {
    let number = fresh::phone();
    says(world, &number, "STOP").await;
    silent.push(number);
    are_silent(world, silent, phase).await;
}

async fn code(world: &World, to: &str) -> String {
    world.post(SEND, &json!({"phone_number": to, "purpose": "login"})).send().await.is(200);
    world.codes_until(1, to, "sms").await.remove(0)
}

async fn is_good(world: &World, to: &str, code: &str) {
    let body = json!({"phone_number": to, "purpose": "login", "code": code});
    let answer = world.post(VERIFY, &body).send().await.ok();
    assert_eq!(answer["success"], true, "{answer}");
}

async fn exported(world: &World, user: i64) -> String {
    let path = format!("/api/communication/privacy/{user}/export");
    let (mut all, mut at) = (String::new(), path.clone());
    loop {
        let page = world.get(&at).send().await.ok();
        all.push_str(&page.to_string());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        at = format!("{path}?cursor={next}");
    }
}

#[tokio::test]
async fn stop_is_heard_in_every_phase_of_a_lookup_rotation() {
    let _alone = ALONE.lock().await;
    World::wait_for_the_others().await;
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let mut silent = Vec::new();

    // Before: a person, somebody with a former number, a claim, a stranger who wrote to us, and a no.
    let person = world.person().await;
    let bare = world.sms(&person.phone, &fresh::text()).await;
    world.until(&bare, "delivered").await;
    let (moved, former, claimant) = (fresh::user(), fresh::phone(), fresh::user());
    let of_moved = |phone: &str| json!({"user_id": moved, "phone_number": phone, "send_code": false});
    world.post("/api/communication/consent/sms", &of_moved(&former)).send().await.ok();
    world.post("/api/communication/consent/sms", &of_moved(&fresh::phone())).send().await.ok();
    let claimed = fresh::phone();
    let claim = json!({"phone_number": claimed});
    world.put("/api/sms/preferences", &claim).token(&own(claimant)).send().await.ok();
    let stranger = fresh::phone();
    let said = fresh::text();
    let inbound = written(&world, &sms(&stranger, &said)).await;
    let old_thread = inbound["thread_id"].as_str().expect("a thread").to_owned();
    says_no(&world, &mut silent, "before").await;
    let (back, back_later) = (fresh::phone(), fresh::phone());
    says(&world, &back, "STOP").await;
    says(&world, &back_later, "STOP").await;

    // The next generation is read, and nothing is written under it.
    let rotation = Rotation::begin(&world).await;
    let (old, new) = (rotation.old, rotation.old + 1);
    rotation.write(old, &[new]).await;
    rotation.restart();
    says_no(&world, &mut silent, "the next is read").await;
    let early = fresh::phone();
    let early_code = code(&world, &early).await;

    // It is written by those who have the version: the others hear what they write, and they hear the others.
    rotation.write(new, &[old]).await;
    for function in ["webhooks", "deliver"] {
        processes::kill(function);
    }
    says_no(&world, &mut silent, "some write the new one").await;
    for function in ["consent", "send", "otp"] {
        processes::kill(function);
    }
    is_good(&world, &early, &early_code).await;
    says(&world, &back, "START").await;
    assert_eq!(known(&world, &back).await, Vec::<String>::new(), "what stands under the old one is released");
    rotation.restart();
    says_no(&world, &mut silent, "all write the new one").await;
    let late = fresh::phone();
    let late_code = code(&world, &late).await;

    // The walk dies on its way while people write. Then a second one finds nothing.
    let traffic = async {
        let mut meanwhile = Vec::new();
        for _ in 0..4 {
            says_no(&world, &mut meanwhile, "while the walk runs").await;
            are_silent(&world, &silent, "while the walk runs").await;
        }
        meanwhile
    };
    let (walk, meanwhile) = tokio::join!(reindex(&world, 3), traffic);
    silent.extend(meanwhile);
    println!("{:>5.1} s: the walk ended: {}", rotation.begun.elapsed().as_secs_f32(), walk["found"]);
    assert!(walk["found"]["moved"].as_u64() > Some(10) && walk["generation"] == json!(new.to_string()), "{walk}");
    assert_eq!(walk["found"]["unopened"], 0, "{walk}");
    is_good(&world, &late, &late_code).await;
    let nothing = reindex(&world, 0).await;
    assert_eq!(nothing["found"], json!({"moved": 0, "overtaken": 0, "unopened": 0}), "{nothing}");
    assert_eq!(rotation.left().await, Vec::<String>::new());
    says_no(&world, &mut silent, "the walk is over").await;

    // The old one is not read any more.
    rotation.write(new, &[]).await;
    rotation.restart();
    says_no(&world, &mut silent, "the old one is gone").await;
    says(&world, &back_later, "START").await;
    assert_eq!(known(&world, &back_later).await, Vec::<String>::new());
    for id in [
        old_thread.as_str(),
        world.message(inbound["id"].as_str().expect("an id")).await["thread_id"].as_str().expect("a thread"),
    ] {
        let page = thread(&world, id, "").await;
        assert_eq!(page["messages"][0]["text"], json!(said), "a thread is found by either id: {page}");
    }
    let holders = world.people().await.address(&phone(&former)).await.expect("the facts").holders;
    assert_eq!(holders.at(jiff::Timestamp::now()).len(), 0, "a number of before is of before");
    let facts = world.people().await.address(&phone(&claimed)).await.expect("the facts");
    assert_eq!(facts.claimants.len(), 1);
    let out = exported(&world, person.id).await;
    assert!(out.contains(&bare) && out.contains("consent_granted"), "what is theirs is found: {out}");

    // Whoever wants to be forgotten is.
    let later = json!({"to": person.phone, "body": fresh::text(), "scheduled_time": in_an_hour()});
    let waiting = world.post("/api/v1/twilio/send-sms", &later).send().await.ok();
    let waiting = waiting["task_id"].as_str().expect("an id").to_owned();
    let erase = format!("/api/communication/privacy/{}/erase", person.id);
    world.post(&erase, &json!({})).send().await.is(202);
    eventually("what went to their number is erased, and what waited for it does not go", seconds(60), async || {
        let (sent, held) = tokio::join!(world.message(&bare), world.message(&waiting));
        let is_erased = crate::world::flows::count(&sent, "erased") > 0;
        let is_ended = (&held["status"], &held["reason"]) == (&json!("cancelled"), &json!("erased"));
        if is_erased && is_ended { Ok(()) } else { Err(format!("{sent} {held}")) }
    })
    .await;
    are_silent(&world, &silent, "at the end").await;
    println!("{:>5.1} s: the rotation is over", rotation.begun.elapsed().as_secs_f32());
}
