use super::*;

fn check(form: &str) -> Result<NewMessage, u32> {
    Form::parse(form.as_bytes()).call("CA1".to_owned(), true).map_err(|error| error.code())
}

const PAIR: &str = "To=%2B14155550100&From=%2B15005550006";

#[test]
fn what_is_missing_is_named_by_code() {
    assert_eq!(check("From=%2B15005550006&Twiml=x").err(), Some(21201));
    assert_eq!(check("To=%2B14155550100&Twiml=x").err(), Some(21213));
    assert_eq!(check(PAIR).err(), Some(21205));
    assert_eq!(check(&format!("{PAIR}&Url=/voice")).err(), Some(21205));
    assert_eq!(check(&format!("{PAIR}&Twiml=x&Colour=red")).err(), Some(20001));
    assert_eq!(check(&format!("{PAIR}&Twiml=x&Record=true")).err(), Some(20001));
}

#[test]
fn magic_numbers_are_refused_as_with_test_credentials() {
    for (last, code) in [(1, 21217), (2, 21214), (3, 21215), (4, 21216)] {
        assert_eq!(check(&format!("To=%2B1500555000{last}&From=%2B15005550006&Twiml=x")).err(), Some(code));
    }
    for (last, code) in [(1, 21212), (2, 21210), (7, 21210)] {
        assert_eq!(check(&format!("To=%2B14155550100&From=%2B1500555000{last}&Twiml=x")).err(), Some(code));
    }
    assert_eq!(check("To=soon&From=%2B15005550006&Twiml=x").err(), Some(21217));
    assert_eq!(check("To=%2B14155550100&From=Acme&Twiml=x").err(), Some(21212));
}

#[test]
fn parameters_have_their_limits() {
    let with = |extra: &str| check(&format!("{PAIR}&Twiml=x&{extra}")).err();
    assert_eq!(check(&format!("{PAIR}&Twiml={}", "x".repeat(4000))).err(), None);
    assert_eq!(check(&format!("{PAIR}&Twiml={}", "x".repeat(4001))).err(), Some(20001));
    assert_eq!(with("Timeout=600"), None);
    assert_eq!(with("Timeout=601"), Some(20001));
    assert_eq!(with("StatusCallback=http://a_b.example/x"), Some(21609));
    assert_eq!(with("StatusCallbackEvent=answered&StatusCallbackEvent=hung-up"), Some(21626));
    assert_eq!(with("MachineDetection=Maybe"), Some(21207));
    assert_eq!(with("AsyncAmd=true&MachineDetection=Enable"), Some(21262));
    assert_eq!(with("Method=PUT"), Some(21221));
    assert_eq!(with("SendDigits=ww1234%23"), None);
    assert_eq!(with("SendDigits=call"), Some(21208));
}

#[test]
fn a_url_wins_over_twiml_and_events_default_to_completed() {
    let made = check(&format!("{PAIR}&Twiml=x&Url=https://a.example/voice")).expect("valid");
    let store::Detail::Call(detail) = made.detail else { panic!("a call") };
    assert_eq!(detail.source(), "https://a.example/voice");
    assert_eq!(detail.events, [Event::Completed]);
}
