//! A worker is killed while a subscriber reads the event. It is told again, under the same id, and nothing is lost.

use serde_json::json;

use super::listener::Reply;
use crate::world::processes::kill;
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn an_event_whose_worker_is_killed_arrives_under_the_same_id() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _workers = world.own(&[Line::Events]).await;
    let hook = world.hook(&["message.delivered"]).await;
    let body =
        json!({"to": fresh::phone(), "body": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
    let id = world.direct("send-sms", &body).await;
    hook.listener.replies(&id, [Reply::Hang]);
    world.release(&id, "twilio", "fixed").await;
    let first = hook.listener.until(1, &id).await.remove(0);
    assert!(kill("events") > 0, "no events process of this stack was found");
    // The dead worker's lease is spared the waiting; the rest the sweep does.
    let listed = world.delivery_until(&hook, &first.id, |one| one["status"] == "pending").await;
    assert_eq!((&listed["attempts"], &listed["response_code"]), (&json!(1), &json!(null)), "{listed}");
    world.make_due(&hook, &first.id).await;
    let done = world.delivery_until(&hook, &first.id, |one| one["status"] == "delivered").await;
    let tried: Vec<_> =
        done["tried"].as_array().expect("tries").iter().map(|one| (&one["attempt"], &one["error"])).collect();
    assert_eq!(tried, [(&json!(1), &json!("interrupted")), (&json!(2), &json!(null))], "{done}");
    let told = hook.listener.received(&id);
    assert_eq!(told.len(), 2);
    assert_eq!((&told[1].id, &told[1].text), (&first.id, &first.text));
    told[1].is_genuine(&hook);
}

/// The worker that makes deliveries dies between two changes; the stream brings them again.
#[tokio::test]
async fn changes_are_told_though_the_worker_that_reads_them_is_killed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _workers = world.own(&[Line::Events]).await;
    let hook = world.hook(&["message.delivered"]).await;
    let mut ids = Vec::new();
    for round in 0..12 {
        ids.push(world.sms(&fresh::phone(), &fresh::text()).await);
        if round % 4 == 3 {
            kill("events");
        }
    }
    for id in &ids {
        world.until(id, "delivered").await;
        let delivery = world.delivery_of(&hook, id, "message.delivered").await;
        // Its try may have been cut off as well: it came, and nobody knows.
        let done = world.delivery_until(&hook, &delivery, |_| true).await;
        if done["status"] != "delivered" {
            world.make_due(&hook, &delivery).await;
        }
        world.delivery_until(&hook, &delivery, |one| one["status"] == "delivered").await;
        let told = hook.listener.received(id);
        assert!(!told.is_empty() && told.iter().all(|one| one.id == delivery), "one id: {told:?}");
    }
}
