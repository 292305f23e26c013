//! Calls through the shipped menu.

use serde_json::json;

use super::{ASKED, GOODBYE, UNHEARD, WRONG, heard, person, times, walk};
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn a_call_walks_the_menu_by_its_keys() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let words = fresh::text();
    let deeds = json!([{"press": "9"}, {"press": "1"}, {"press": "2"}, {"say": words}]);
    let (message, lines) = walk(&world, &person(), &deeds, &json!({})).await;
    let recorded = format!("[recorded {words}]");
    let road = [
        "Hello, and thank you",
        ASKED,
        "[pressed 9]",
        ASKED,
        "[pressed 1]",
        "For your protection",
        "To speak to an agent",
        "[pressed 2]",
        "Our agents cannot take your call",
        "Your message is recorded",
        &recorded,
        GOODBYE,
    ];
    heard(&lines, &road);
    assert_eq!((lines.len(), lines.last().map(String::as_str)), (road.len(), Some(GOODBYE)), "{lines:#?}");
    assert_eq!(message["call"]["progress"], "completed", "{message}");
}

#[tokio::test]
async fn a_call_walks_the_menu_by_words() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let deeds = json!([{"say": "Sorry, could you repeat that?"}, {"say": "My account, please."}, {"say": "An agent!"}]);
    let (message, lines) = walk(&world, &person(), &deeds, &json!({})).await;
    heard(&lines, &[ASKED, "[said Sorry", ASKED, "[said My account", "For your protection", "[said An agent!]"]);
    heard(&lines, &["Your message is recorded", GOODBYE]);
    assert_eq!(message["recordings"], serde_json::Value::Null, "they said nothing: {message}");
}

#[tokio::test]
async fn wrong_input_thrice_ends_the_call() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let deeds = json!([{"press": "7"}, {"say": "bananas"}, {"press": "#"}, {"press": "1"}]);
    let (_, lines) = walk(&world, &person(), &deeds, &json!({})).await;
    assert_eq!((times(&lines, WRONG), times(&lines, GOODBYE)), (2, 1), "{lines:#?}");
    heard(&lines, &[ASKED, "[pressed 7]", WRONG, ASKED, "[said bananas]", WRONG, ASKED, "[pressed #]", GOODBYE]);
    assert_eq!(lines.last().map(String::as_str), Some(GOODBYE), "{lines:#?}");
}

#[tokio::test]
async fn no_input_ends_the_call() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let (_, lines) = walk(&world, &person(), &json!([]), &json!({})).await;
    assert_eq!((times(&lines, UNHEARD), times(&lines, GOODBYE)), (2, 1), "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some(GOODBYE), "{lines:#?}");
    // Who answers in between has all tries again.
    let deeds = json!(["nothing", {"press": "7"}, {"press": "9"}, "nothing", "nothing", "nothing"]);
    let (_, lines) = walk(&world, &person(), &deeds, &json!({})).await;
    assert_eq!((times(&lines, UNHEARD), times(&lines, WRONG), times(&lines, GOODBYE)), (3, 1, 1), "{lines:#?}");
}

#[tokio::test]
async fn a_call_that_repeats_for_ever_is_ended() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let deeds = vec![json!({"press": "9"}); 80];
    let (_, lines) = walk(&world, &person(), &json!(deeds), &json!({})).await;
    assert_eq!(times(&lines, "[pressed 9]"), 40, "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some(GOODBYE), "{lines:#?}");
}

#[tokio::test]
async fn a_machine_hears_its_own_words() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let (message, lines) = walk(&world, "+15005550053", &json!([]), &json!({"machine_detection": true})).await;
    assert_eq!(lines, ["Hello. We tried to reach you by telephone. Goodbye."]);
    assert_eq!(message["call"]["answered_by"], "machine_start", "{message}");
    let (_, lines) = walk(&world, "+15005550054", &json!([]), &json!({"machine_detection": true})).await;
    assert_eq!(lines, [""; 0], "nothing is said to a fax");
}
