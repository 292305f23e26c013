//! A worker is killed in the middle of a provider call. Whatever the provider did, it did it once.
//!
//! The three cases share one accident: their calls hang at the same time, then every `deliver` process of the stack is
//! killed. What each needs to recover from is its own.

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::world::aws::number;
use crate::world::flows::{count, trail};
use crate::world::processes::kill;
use crate::world::{Line, World, eventually, fresh, seconds};

/// A message that was under way when its worker was killed.
#[derive(Clone)]
struct Victim {
    id: String,
    to: String,
}

struct Accident {
    /// The provider took it and reported on it.
    reported: Victim,
    /// The provider took it, and no callback ever came.
    silent: Victim,
    /// The provider never got it.
    unsent: Victim,
}

async fn accident(world: &World) -> &'static Accident {
    static ACCIDENT: OnceCell<Accident> = OnceCell::const_new();
    ACCIDENT.get_or_init(|| happen(world)).await
}

fn sms(kind: &str) -> Value {
    json!({"provider": "twilio", "channel": "sms", "kind": kind})
}

async fn happen(world: &World) -> Accident {
    let _lines = world.own(&Line::ALL).await;
    let accident = eventually("both are being sent", seconds(60), async || {
        let accident = under_way(world).await;
        // A call hangs for seconds only: on a slow machine it may be over, and then nothing can be killed in the middle of it.
        for victim in [&accident.unsent, &accident.silent] {
            let message = world.message(&victim.id).await;
            if message["status"] != "sending" {
                return Err(message.to_string());
            }
        }
        assert!(kill("deliver") > 0, "no deliver process of this stack was found");
        Ok(accident)
    })
    .await;
    // While the dead worker's lease lasts nobody touches what it held, even if its record comes again.
    for victim in [&accident.unsent, &accident.silent] {
        let until = jiff::Timestamp::now().as_millisecond() + 600_000;
        world.rewrite(&victim.id, "SET lease_until = :t", &[(":t", number(until))]).await;
    }
    world.sweep().await;
    for victim in [&accident.unsent, &accident.silent] {
        world.enqueue("standard", &victim.id).await;
        world.until_stepped(&victim.id, 1).await;
        assert_eq!(world.message(&victim.id).await["status"], "sending");
        let now = jiff::Timestamp::now().as_millisecond();
        world.rewrite(&victim.id, "SET lease_until = :t", &[(":t", number(now))]).await;
    }
    accident
}

async fn under_way(world: &World) -> Accident {
    let unsent = hanging(world, "hang_before").await;
    let dropped = world.fault(sms("drop_callback")).await;
    let silent = hanging(world, "hang_after").await;
    until_delivered_there(world, &silent.to).await;
    drop(dropped);
    let reported = hanging(world, "hang_after").await;
    until_delivered_there(world, &reported.to).await;
    Accident { reported, silent, unsent }
}

/// Sends a message whose call to the provider hangs.
async fn hanging(world: &World, kind: &str) -> Victim {
    let to = fresh::phone();
    let mut fault = sms(kind);
    fault["count"] = json!(1);
    fault["to"] = json!(to);
    let fault = world.fault(fault).await;
    let id = world.sms(&to, &fresh::text()).await;
    fault.used_up(world).await;
    Victim { id, to }
}

async fn until_delivered_there(world: &World, to: &str) {
    eventually("the provider delivers it", seconds(20), async || {
        let there = world.arrived(to).await;
        if there.first().is_some_and(|there| there["status"] == "delivered") {
            Ok(())
        } else {
            Err(format!("{there:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_the_provider_took_is_delivered_once() {
    let world = World::new();
    let Accident { reported, .. } = accident(&world).await;
    let _lines = world.share(&[Line::Sms]).await;
    let message = world.until(&reported.id, "delivered").await;
    assert_eq!(message["attempts"], 1, "{message}");
    // Its record comes again, and the sweep looks after it.
    world.enqueue("standard", &reported.id).await;
    world.until_stepped(&reported.id, 1).await;
    world.age(&reported.id, 120).await;
    world.sweep().await;
    assert_eq!(world.message(&reported.id).await, message);
    assert_eq!(world.the_one(&reported.to, "sms").await["requests"], 1);
}

#[tokio::test]
async fn a_message_the_provider_took_in_silence_is_found_there_by_asking() {
    let world = World::new();
    let Accident { silent, .. } = accident(&world).await;
    let _lines = world.share(&[Line::Sms]).await;
    let message = eventually("it is found there", seconds(60), async || {
        world.sweep().await;
        let message = world.message(&silent.id).await;
        if message["provider_id"].is_string() { Ok(message) } else { Err(message.to_string()) }
    })
    .await;
    assert_eq!(message["attempts"], 1, "{message}");
    assert_eq!(message["provider_id"], world.the_one(&silent.to, "sms").await["id"], "{message}");
    world.age(&silent.id, 301).await;
    let message = world.until_swept(seconds(40), &silent.id, "delivered").await;
    assert_eq!((count(&message, "sending"), count(&message, "uncertain")), (1, 1), "{message}");
    assert_eq!(world.the_one(&silent.to, "sms").await["requests"], 1);
}

#[tokio::test]
async fn a_message_the_provider_never_got_is_sent_once() {
    let world = World::new();
    let Accident { unsent, .. } = accident(&world).await;
    let _lines = world.share(&[Line::Sms]).await;
    // Its call may still be on the way: only after half a minute the provider's "no" is believed.
    eventually("the lease runs out", seconds(60), async || {
        world.sweep().await;
        let message = world.message(&unsent.id).await;
        if count(&message, "uncertain") == 1 { Ok(()) } else { Err(message.to_string()) }
    })
    .await;
    world.age(&unsent.id, 60).await;
    let message = world.until_swept(seconds(60), &unsent.id, "delivered").await;
    assert_eq!(message["attempts"], 2, "{message}");
    let steps = trail(&message);
    let place =
        |event: &str| steps.iter().position(|step| *step == event).unwrap_or_else(|| panic!("{event} in {steps:?}"));
    assert!(place("uncertain") < place("retrying"), "asked before it was sent again: {steps:?}");
    world.the_one(&unsent.to, "sms").await;
}
