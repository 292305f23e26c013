//! The seal's keys are rotated on the stack: a new one seals, the old one opens, everything is sealed anew, and then the old one
//! can go. A removed signing key is dead. Nobody else may be at work: functions are restarted, as a deployment does. The
//! module's name makes it start last.

mod lookup;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::world::flows::in_an_hour;
use crate::world::rotation::Changed;
use crate::world::{Line, World, eventually, fresh, processes, seconds, tokens};

const RESEAL: &str = "/api/communication/privacy/reseal";
/// One test of this module at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Writes a version of the seal secret with these keys.
async fn write(world: &World, active: &str, keys: &[(&str, &Value)]) {
    let secret = world.setting("SEAL_SECRET").await;
    let present = world.secret("SEAL_SECRET").await;
    let keys: serde_json::Map<_, _> = keys.iter().map(|(id, key)| ((*id).to_owned(), (*key).clone())).collect();
    let value = json!({"active": active, "keys": keys, "delivery": present["delivery"]});
    let put = world.secrets().put_secret_value().secret_id(secret).secret_string(value.to_string());
    put.send().await.expect("a new version");
}

/// The same, and restarts every function.
async fn rotate(world: &World, active: &str, keys: &[(&str, &Value)]) {
    write(world, active, keys).await;
    for function in world.stack.functions.keys() {
        processes::kill(function);
    }
}

/// Which key something of this message's row is sealed with.
async fn sealed_with(world: &World, id: &str) -> String {
    let row = world.row(id).await;
    let sealed = row["sealed"].as_b().expect("bytes").as_ref();
    let id = sealed.split(|byte| *byte == b'.').next().expect("a key id");
    String::from_utf8_lossy(id).into_owned()
}

/// How many personal parts of the ledger no key opens: its own tests broke them.
async fn broken(world: &World) -> usize {
    let seal = world.seal().await;
    let rows = world.rows("ledger").await;
    let opens = |row: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
        let (subject, sequence) = (row["subject"].as_s().expect("a text"), row["sequence"].as_n().expect("a number"));
        let personal = row.get("personal").map(|personal| personal.as_s().expect("a text"));
        personal.is_none_or(|sealed| seal.open(&format!("ledger/{subject}/{sequence}"), sealed).is_ok())
    };
    rows.iter().filter(|row| !opens(row)).count()
}

async fn reseal(world: &World) -> Value {
    let begun = world.post(RESEAL, &json!({})).send().await.is(202).json;
    eventually("everything is sealed anew", seconds(60), async || {
        let walk = world.get(RESEAL).send().await.ok();
        let done = walk["status"] == "completed" && walk["reseal_id"] == begun["reseal_id"];
        if done { Ok(walk) } else { Err(walk.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_rotated_key_leaves_nothing_unreadable_and_the_old_one_can_go() {
    let _alone = ALONE.lock().await;
    World::wait_for_the_others().await;
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let before = world.secret("SEAL_SECRET").await;
    let (old, old_key) = {
        let id = before["active"].as_str().expect("an id").to_owned();
        (id.clone(), before["keys"][&id].clone())
    };
    let broken = broken(&world).await;
    let (new, new_key) = (format!("k{}", &fresh::word()[..6]), json!(base64_key()));

    let person = world.person().await;
    let long = fresh::text().repeat(2_000);
    let mail = json!({"to": person.email, "subject": "Later", "text": long, "scheduled_time": in_an_hour()});
    let large = world.post("/api/v2/communications/email", &mail).send().await.ok();
    let large = large["message_id"].as_str().expect("an id").to_owned();
    let hook = world.hook(&["message.received"]).await;
    let reminder = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
        "scheduled_time": in_an_hour(), "data": {"amount": 7, "due_date": "soon", "account": "a"}});
    let first = world.trigger(&reminder).await;
    world.post("/api/v2/2fa/enrol", &json!({"user_id": person.id, "phone_number": person.phone})).send().await.ok();
    assert_eq!(sealed_with(&world, &first).await, old);

    // One function knows the new key already, the others do not: who meets it reads the secret anew.
    world.get(&export_path(person.id)).send().await.ok();
    write(&world, &new, &[(&old, &old_key), (&new, &new_key)]).await;
    processes::kill("send");
    let early = world.trigger(&reminder).await;
    assert_eq!(sealed_with(&world, &early).await, new);
    eventually("a running function takes the new key up", seconds(20), async || {
        let answer = world.get(&export_path(person.id)).send().await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;

    // The new one seals, the old one opens.
    rotate(&world, &new, &[(&old, &old_key), (&new, &new_key)]).await;
    let second = world.trigger(&reminder).await;
    assert_eq!((sealed_with(&world, &first).await, sealed_with(&world, &second).await), (old.clone(), new.clone()));
    world.release(&first, "twilio", "fixed").await;
    world.until(&first, "delivered").await;

    // Everything is sealed anew, also while it is being changed; asked for twice at once, there is one walk.
    let (walk, again) = tokio::join!(reseal(&world), world.post(RESEAL, &json!({})).send());
    assert_eq!(again.is(202).json["reseal_id"], walk["reseal_id"]);
    assert_eq!((&walk["key"], &walk["found"]["unopened"]), (&json!(new), &json!(broken)), "{walk}");
    assert!(walk["found"]["resealed"].as_u64() > Some(3), "{walk}");
    assert_eq!(sealed_with(&world, &first).await, new);
    for key in world.objects("content/").await {
        let text = world.object(&key).await.expect("an object");
        assert!(text.starts_with(&format!("{new}.")), "{key}");
    }
    // A second walk finds nothing: that is how an operator knows that the old key can go.
    let nothing = reseal(&world).await;
    assert_eq!(nothing["found"], json!({"resealed": 0, "overtaken": 0, "unopened": broken}), "{nothing}");

    let row = world.catalog_row(("webhooks", &hook.id)).await;
    assert!(
        row["sealed"].as_s().is_ok_and(|sealed| sealed.starts_with(&format!("{new}."))),
        "a subscriber's secrets too"
    );

    // The old key goes, and everything is still there.
    rotate(&world, &new, &[(&new, &new_key)]).await;
    let told = world.test_hook(&hook).await;
    hook.listener.until(1, &told).await[0].is_genuine(&hook);
    world.release(&second, "twilio", "fixed").await;
    world.until(&second, "delivered").await;
    let mut path = export_path(person.id);
    let mut told = Vec::new();
    loop {
        let page = world.get(&path).send().await.ok();
        told.push(page.clone());
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("{}?cursor={next}", export_path(person.id)),
            None => break,
        }
    }
    assert_eq!(told[0]["profile"]["phone_number"]["address"], json!(person.phone));
    assert_eq!(told[0]["profile"]["two_factor_pending"], json!(person.phone));
    let messages: Vec<_> = told.iter().flat_map(|page| page["messages"].as_array().expect("messages")).collect();
    let email = messages.iter().find(|message| message["id"] == large).expect("the large one");
    assert_eq!(email["content"]["email"]["text"], json!(long));
    let ledger: Vec<_> = told.iter().flat_map(|page| page["ledger"].as_array().expect("entries")).collect();
    let granted = ledger.iter().find(|entry| entry["event"] == "consent_granted").expect("an entry");
    assert!(granted["personal"]["address"].is_string(), "{granted}");
    let verified = world.get(&format!("/api/communication/ledger/{}/verify", person.id)).send().await.ok();
    assert_eq!(verified["intact"], true, "{verified}");
    // What was looked up by fingerprint still is.
    let by_address = world.sms(&person.phone, &fresh::text()).await;
    world.until(&by_address, "delivered").await;

    // And back, so that the stack is left as it was found.
    rotate(&world, &old, &[(&old, &old_key), (&new, &new_key)]).await;
    let back = reseal(&world).await;
    // What other tests broke under the old key is not looked at on the way back.
    assert!(back["found"]["unopened"].as_u64() <= u64::try_from(broken).ok(), "{back}");
    rotate(&world, &old, &[(&old, &old_key)]).await;
    world.get(&export_path(person.id)).send().await.ok();
}

/// A new key of the ledger that is active at once: whoever has read it writes under it, and whoever has not yet checks what was
/// written.
#[tokio::test]
async fn entry_under_a_key_that_others_read_first_is_no_break() {
    let _alone = ALONE.lock().await;
    World::wait_for_the_others().await;
    let world = World::new();
    let (user, key) = (fresh::user(), json!(base64_key()));
    world.prefers(user, &json!({"time_zone": "UTC"})).await;
    let add = |ledger: &mut Value| ledger["keys"]["early"] = key.clone();
    let changed = Changed::make(&world, "LEDGER_SECRET", |ledger| {
        add(ledger);
        ledger["active"] = json!("early");
    })
    .await;
    // A secret is read again at most every ten seconds.
    tokio::time::sleep(seconds(11)).await;
    world.owns(user, &fresh::email()).await;
    let verified = world.get(&format!("/api/communication/ledger/{user}/verify")).send().await.ok();
    assert_eq!(verified["intact"], true, "{verified}");
    // What was written under it must go on being checked.
    changed.again(&world, add).await;
}

/// One write takes a key away: its tokens are refused by every function that reads the secret after that, although the
/// version before still lists it.
#[tokio::test]
async fn removed_signing_key_is_refused() {
    let _alone = ALONE.lock().await;
    World::wait_for_the_others().await;
    let world = World::new();
    let secret = format!("{}{}", fresh::word(), fresh::word().repeat(8));
    let key = json!({"kid": "stolen", "alg": "HS256", "secret": secret});
    let add = |auth: &mut Value| auth["keys"].as_array_mut().expect("keys").push(key.clone());
    let changed = Changed::make(&world, "AUTH_SECRET", add).await;
    let claims = tokens::claims(&fresh::word(), "communication:read");
    let token = tokens::with_key(Algorithm::HS256, "stolen", &claims, &EncodingKey::from_secret(secret.as_bytes()));
    let path = "/api/communication/trigger-types";
    eventually("the key's token is good", seconds(20), async || {
        let answer = world.get(path).token(&token).send().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;

    changed.again(&world, |_| ()).await;
    // Who has read the secret already uses it for five minutes at most; a new process reads it now.
    processes::kill("send");
    eventually("a new process answers", seconds(20), async || {
        let answer = world.get(path).send().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    world.get(path).token(&token).send().await.refused(401, "Invalid token");

    // A single token is taken away in the same way.
    let mut claims = tokens::claims(&fresh::word(), "communication:read");
    claims["jti"] = json!("stolen");
    let token = tokens::signed(&claims);
    world.get(path).token(&token).send().await.ok();
    changed.again(&world, |auth| auth["revoked"] = json!({"jtis": ["stolen"]})).await;
    processes::kill("send");
    eventually("the token is revoked", seconds(20), async || {
        let answer = world.get(path).token(&token).send().await;
        if answer.status == 401 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    changed.undo(&world).await;
    processes::kill("send");
}

fn export_path(user: i64) -> String {
    format!("/api/communication/privacy/{user}/export")
}

fn base64_key() -> String {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
