use super::*;

fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn keys(active: &str, ids: &[(&str, u8)]) -> SealKeys {
    SealKeys {
        active: active.to_owned(),
        keys: ids.iter().map(|(id, byte)| ((*id).to_owned(), key(*byte))).collect(),
        delivery: None,
    }
}

fn lookup(key: u8) -> LookupKeys {
    lookup::tests::secret(1, &[], &[key])
}

fn seal(keys: &SealKeys) -> Result<Seal, SealError> {
    Seal::new(keys, &lookup(9))
}

pub(crate) fn test_seal() -> Seal {
    seal(&keys("k1", &[("k1", 1)])).unwrap()
}

#[test]
fn what_is_sealed_opens_only_for_its_own_row() {
    let seal = test_seal();
    let sealed = seal.seal("messages/1", b"hello").unwrap();
    assert!(!sealed.contains("hello"));
    assert_eq!(seal.open("messages/1", &sealed).unwrap(), b"hello");
    assert!(matches!(seal.open("messages/2", &sealed), Err(SealError::Broken)));
    assert_ne!(sealed, seal.seal("messages/1", b"hello").unwrap(), "a fresh nonce each time");
}

#[test]
fn a_rotated_key_still_opens_and_the_new_one_seals() {
    let old = seal(&keys("k1", &[("k1", 1)])).unwrap().seal("row", b"x").unwrap();
    let rotated = seal(&keys("k2", &[("k1", 1), ("k2", 2)])).unwrap();
    assert_eq!(rotated.open("row", &old).unwrap(), b"x");
    assert!(rotated.seal("row", b"x").unwrap().starts_with("k2."));
    let gone = seal(&keys("k2", &[("k2", 2)])).unwrap();
    assert!(matches!(gone.open("row", &old), Err(SealError::UnknownKey(id)) if id == "k1"));
}

#[test]
fn new_keys_are_taken_up_and_another_fingerprint_key_never() {
    let seal = test_seal();
    let old = seal.seal("row", b"x").unwrap();
    seal.take_up(&keys("k2", &[("k1", 1), ("k2", 2)]), &lookup(9)).unwrap();
    assert_eq!((seal.active().as_str(), seal.open("row", &old).unwrap()), ("k2", b"x".to_vec()));
    let new = seal.reseal("row", &old).unwrap().expect("it was sealed with the old key");
    assert!(new.starts_with("k2.") && seal.is_current(&new) && !seal.is_current(&old));
    assert_eq!(seal.reseal("row", &new).unwrap(), None);
    assert!(seal.reseal("another", &old).is_err(), "it is still bound to its row");

    let others = keys("k3", &[("k3", 3)]);
    assert!(matches!(seal.take_up(&others, &lookup(7)), Err(NoSeal::OtherFingerprints)));
    assert!(seal.take_up(&keys("k4", &[("k2", 2)]), &lookup(9)).is_err(), "the active one must be there");
    assert_eq!(seal.open("row", &new).unwrap(), b"x", "what was refused changed nothing");
}

#[test]
fn a_key_that_is_not_known_is_remembered_so_that_the_secret_is_read_anew() {
    let sealed = seal(&keys("k2", &[("k2", 2)])).unwrap().seal("row", b"x").unwrap();
    let seal = test_seal();
    assert!(!seal.met_unknown.load(Ordering::Relaxed));
    assert!(seal.open("row", &sealed).is_err());
    assert!(seal.met_unknown.load(Ordering::Relaxed));
}

#[test]
fn broken_input_is_an_error_and_bad_secrets_are_refused() {
    let opener = test_seal();
    for text in ["", "k1", "k1.", "k1.AAAA", "k1.****", "nokey.AAAA"] {
        assert!(opener.open("row", text).is_err(), "{text}");
    }
    assert!(seal(&keys("k3", &[("k1", 1)])).is_err());
    let short =
        SealKeys { active: "k1".into(), keys: [("k1".into(), STANDARD.encode([1; 16]))].into(), delivery: None };
    assert!(seal(&short).is_err());
}
