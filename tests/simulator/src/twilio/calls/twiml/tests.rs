//! What is read of TwiML, and what is none.

use super::*;

fn say(text: &str) -> Verb {
    Verb::Say { text: text.to_owned(), times: 1 }
}

#[test]
fn words_are_read_with_their_entities() {
    let document = r#"<?xml version="1.0" encoding="UTF-8"?>
        <Response><Say language="en-GB">Tom &amp; <![CDATA[<Ann>]]> &#x2014; it&apos;s 5 &lt; 6</Say></Response>"#;
    assert_eq!(parse(document), Ok(vec![say("Tom & <Ann> — it's 5 < 6")]));
}

#[test]
fn verbs_come_in_their_order_and_a_gather_says_what_it_asks() {
    let document = r#"<Response><Gather numDigits="1"><Say>Press 1.</Say><Pause length="2"/></Gather>
        <Play>https://a.example/x.mp3</Play><Redirect>/again?a=1&amp;b=2</Redirect><Hangup/></Response>"#;
    let expected = [
        say("Press 1."),
        Verb::Pause(2),
        Verb::Gather(Gather { keys: true, words: false, digits: Some(1), timeout: 5, action: None }),
        Verb::Play("https://a.example/x.mp3".to_owned()),
        Verb::Redirect("/again?a=1&b=2".to_owned()),
        Verb::Hangup,
    ];
    assert_eq!(parse(document), Ok(expected.to_vec()));
    assert_eq!(parse("<Response/>"), Ok(Vec::new()));
}

#[test]
fn what_waits_for_somebody_tells_where_to_go_on() {
    let document = r#"<Response><Gather input="dtmf speech" action="/g?a=1&amp;b=2" numDigits="2" timeout="7"/>
        <Record action="/r" recordingStatusCallback="/s"/><Dial action="/d"><Number>+14155550100</Number></Dial></Response>"#;
    let action = |path: &str| Some(path.to_owned());
    let expected = [
        Verb::Gather(Gather { keys: true, words: true, digits: Some(2), timeout: 7, action: action("/g?a=1&b=2") }),
        Verb::Record { action: action("/r"), callback: action("/s") },
        Verb::Dial { number: "+14155550100".to_owned(), action: action("/d") },
    ];
    assert_eq!(parse(document), Ok(expected.to_vec()));
}

#[test]
fn what_is_no_twiml_has_twilios_code() {
    for document in ["", "hello", "<Response>", "<Response><Say>x</Response>", "<Response>&nbsp;</Response>"] {
        assert_eq!(parse(document), Err(12100), "{document}");
    }
    for document in [
        "<Say>x</Say>",
        "<Response><Shout>x</Shout></Response>",
        r#"<Response><Pause length="long"/></Response>"#,
        r#"<Response><Gather retries="3"/></Response>"#,
        r#"<Response><Gather input="telepathy"/></Response>"#,
    ] {
        assert_eq!(parse(document), Err(12200), "{document}");
    }
}
