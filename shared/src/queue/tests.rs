use super::*;

#[test]
fn a_delay_is_whole_seconds_never_too_short_and_never_over_the_limit() {
    assert_eq!(whole_seconds(Duration::ZERO), 0);
    assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
    assert_eq!(whole_seconds(Duration::from_millis(2_000)), 2);
    assert_eq!(whole_seconds(Duration::from_secs(5_000)), 900);
}

#[test]
fn job_work_has_a_stable_form() {
    let id: JobId = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11".parse().unwrap();
    let text = serde_json::to_string(&JobWork::Chunk { id, number: 7 }).unwrap();
    assert_eq!(text, r#"{"kind":"chunk","id":"0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11","number":7}"#);
}

#[test]
fn message_is_of_its_job_or_its_callers_group() {
    let mut message = crate::testing::sample_message(jiff::Timestamp::UNIX_EPOCH);
    message.caller = "Ärger & Söhne, \u{1f4a5} ".repeat(20);
    let of_caller = group(&message);
    assert!(of_caller.len() <= 128 && of_caller.bytes().all(|byte| byte.is_ascii_graphic()), "{of_caller}");
    let job = JobId::new();
    message.job = Some(job);
    assert_eq!(group(&message), job.to_string());
    let other = Message { job: None, caller: "another".to_owned(), ..message };
    assert_ne!(group(&other), of_caller);
}

#[test]
fn privacy_work_has_a_stable_form() {
    let erase = PrivacyWork::Erase { person: PersonId::text("ada").unwrap() };
    assert_eq!(serde_json::to_string(&erase).unwrap(), r#"{"kind":"erase","person":"ada"}"#);
    let reseal = serde_json::to_string(&PrivacyWork::Reseal { segment: 2 }).unwrap();
    assert_eq!(reseal, r#"{"kind":"reseal","segment":2}"#);
    let reindex = serde_json::to_string(&PrivacyWork::Reindex { segment: 2 }).unwrap();
    assert_eq!(reindex, r#"{"kind":"reindex","segment":2}"#);
}

#[test]
fn work_has_a_stable_form() {
    let id: MessageId = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11".parse().unwrap();
    let text = serde_json::to_string(&Work::Message { id }).unwrap();
    assert_eq!(text, r#"{"kind":"message","id":"0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11"}"#);
}
