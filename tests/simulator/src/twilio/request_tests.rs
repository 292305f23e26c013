use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

fn check(form: &str) -> Result<NewMessage, u32> {
    let now = NOW.parse().expect("a time");
    Form::parse(form.as_bytes()).message("SM1".to_owned(), true, now).map_err(|error| error.code())
}

#[test]
fn what_is_missing_is_named_by_code() {
    assert_eq!(check("From=%2B15005550006&Body=x").err(), Some(21604));
    assert_eq!(check("To=%2B14155550100&Body=x").err(), Some(21603));
    assert_eq!(check("To=%2B14155550100&From=%2B15005550006&Body=").err(), Some(21602));
    assert_eq!(check("To=%2B14155550100&From=%2B15005550006&Body=x&Colour=red").err(), Some(20001));
}

#[test]
fn addresses_must_be_well_formed_and_of_one_channel() {
    for (to, from, code) in [
        ("4155550100", "%2B15005550006", 21211),
        ("whatsapp:4155550100", "whatsapp:%2B14155238886", 21211),
        ("%2B14155550100", "whatsapp:%2B14155238886", 21910),
        ("whatsapp:%2B14155550100", "%2B15005550006", 21910),
        ("%2B14155550100", "%2B14155550100", 21266),
        ("whatsapp:%2B14155550100", "whatsapp:x", 63007),
        ("%2B14155550100", "a-very-long-sender", 21212),
    ] {
        assert_eq!(check(&format!("To={to}&From={from}&Body=x")).err(), Some(code), "{to} {from}");
    }
    assert!(check("To=%2B14155550100&From=Acme&Body=x").is_ok());
    assert!(check("To=%2B14155550100&From=72345&Body=x").is_ok());
}

#[test]
fn magic_numbers_are_refused_as_with_test_credentials() {
    for (last, code) in [(1, 21211), (2, 21612), (3, 21408), (4, 21610), (9, 21614)] {
        assert_eq!(check(&format!("To=%2B1500555000{last}&From=%2B15005550006&Body=x")).err(), Some(code));
    }
    for (last, code) in [(1, 21212), (7, 21606), (8, 21611)] {
        assert_eq!(check(&format!("To=%2B14155550100&From=%2B1500555000{last}&Body=x")).err(), Some(code));
    }
}

#[test]
fn size_limits_hold_at_the_edge() {
    let send = |extra: String| check(&format!("To=%2B14155550100&From=%2B15005550006&{extra}"));
    assert!(send(format!("Body={}", "a".repeat(1600))).is_ok());
    assert_eq!(send(format!("Body={}", "a".repeat(1601))).err(), Some(21617));
    assert!(send("MediaUrl=https://a.example/x.png&".repeat(10)).is_ok());
    assert_eq!(send("MediaUrl=https://a.example/x.png&".repeat(11)).err(), Some(21623));
    assert_eq!(send("Body=x&StatusCallback=http://a_b.example/x".to_owned()).err(), Some(21609));
    assert_eq!(send("Body=x&StatusCallback=/x".to_owned()).err(), Some(21609));
    assert_eq!(send("Body=x&ValidityPeriod=36001".to_owned()).err(), Some(20001));
}

#[test]
fn templates_need_their_sid_and_json_variables() {
    let sid = format!("HX{}", "0".repeat(32));
    let send = |extra: &str| check(&format!("To=whatsapp:%2B14155550100&From=whatsapp:%2B14155238886&{extra}"));
    assert_eq!(send("Body=x&ContentVariables={}").err(), Some(21654));
    assert_eq!(send("ContentSid=HX1").err(), Some(21655));
    assert_eq!(send(&format!("ContentSid={sid}&ContentVariables=1")).err(), Some(21656));
    assert!(send(&format!("ContentSid={sid}&ContentVariables=%7B%221%22:%22x%22%7D")).is_ok());
}

#[test]
fn scheduling_needs_a_service_and_a_time_within_the_window() {
    let service = format!("MessagingServiceSid=MG{}", "a".repeat(32));
    let send = |extra: &str| check(&format!("To=%2B14155550100&Body=x&{extra}")).map(|message| message.status);
    assert_eq!(send(&service), Ok(Status::Accepted));
    assert_eq!(send(&format!("{service}&ScheduleType=fixed")), Err(35111));
    assert_eq!(send("From=%2B15005550006&ScheduleType=fixed&SendAt=2026-01-01T01:00:00Z"), Err(35118));
    assert_eq!(send(&format!("{service}&ScheduleType=fixed&SendAt=2026-01-01T00:04:59Z")), Err(35114));
    assert_eq!(send(&format!("{service}&ScheduleType=fixed&SendAt=2026-01-01T00:05:00Z")), Ok(Status::Scheduled));
    assert_eq!(send(&format!("{service}&ScheduleType=fixed&SendAt=2026-02-06T00:00:00Z")), Err(35115));
    assert_eq!(send(&format!("{service}&ScheduleType=soon&SendAt=2026-01-01T00:10:00Z")), Err(35126));
}

#[test]
fn our_id_is_taken_from_the_status_callback() {
    let form = "To=%2B14155550100&From=Acme&Body=x&StatusCallback=http%3A%2F%2Flocalhost%2Fs%3Fmessage%3Dm-1%23rc%3D2";
    assert_eq!(check(form).expect("valid").our_id.as_deref(), Some("m-1"));
}
