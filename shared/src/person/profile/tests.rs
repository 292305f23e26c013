//! Claimed, on file, proven: what each is, and how one becomes the other.

use super::*;
use crate::clock::from_millis;
use crate::person::ProofSource;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn person() -> Person {
    Person::new(PersonId::text("123").unwrap(), AT)
}

fn number(last: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1415555267{last}"), "US").unwrap()
}

fn phone(last: u8) -> Address {
    Address::Phone(number(last))
}

fn code(at: i64) -> Proof {
    Proof::new(ProofSource::Code, from_millis(at))
}

fn all() -> BTreeSet<String> {
    BTreeSet::new()
}

#[test]
fn claimed_address_is_in_force_only_once_proven() {
    let mut person = person();
    person.claim_address(&phone(1));
    person.grant_pending(Channel::Sms, all(), "form".to_owned(), AT);
    assert_eq!((person.address(Channel::Sms), person.claim(Channel::Sms)), (None, Some(phone(1))));
    assert!(person.only_claims(&phone(1)) && !person.has_proven(&phone(1)));
    assert_eq!(person.standing(Channel::Sms, None), Standing::Pending);
    person.prove(&phone(1), code(5));
    assert_eq!((person.address(Channel::Sms), person.claim(Channel::Sms)), (Some(phone(1)), None));
    assert!(person.has_proven(&phone(1)));
    assert_eq!(person.standing(Channel::Sms, None), Standing::Granted);
    assert!(person.replaced.is_empty());
}

#[test]
fn claim_leaves_the_proven_address_in_force() {
    let mut person = person();
    person.set_phone(number(1));
    person.prove(&phone(1), code(1));
    person.grant(Channel::Sms, all(), "form".to_owned(), AT);
    person.claim_address(&phone(2));
    assert!(person.has_proven(&phone(1)) && person.only_claims(&phone(2)));
    assert_eq!(person.standing(Channel::Sms, None), Standing::Granted);
    // A number nobody claims or has is nobody's by its code.
    person.prove(&phone(3), code(2));
    assert!(person.has_proven(&phone(1)) && !person.has_proven(&phone(3)));
    person.prove(&phone(2), code(3));
    assert!(person.has_proven(&phone(2)) && !person.has_proven(&phone(1)));
    // What was agreed to was agreed to for the number before; the old one is to be told.
    assert_eq!(person.standing(Channel::Sms, None), Standing::None);
    assert_eq!(person.replaced, [Replaced { address: phone(1), proof: code(1) }]);
}

#[test]
fn number_on_file_replaces_the_proven_one_and_is_unproven() {
    let mut person = person();
    person.claim_address(&phone(1));
    person.prove(&phone(1), code(1));
    person.claim_address(&phone(3));
    person.set_phone(number(2));
    assert_eq!((person.address(Channel::Sms), person.claim(Channel::Sms)), (Some(phone(2)), None));
    assert!(!person.is_verified(Channel::Sms));
    assert_eq!(person.replaced, [Replaced { address: phone(1), proof: code(1) }]);
}

#[test]
fn lost_proof_leaves_what_the_address_was_without_it() {
    let (mut claimed, mut filed) = (person(), person());
    claimed.claim_address(&phone(1));
    claimed.prove(&phone(1), code(1));
    claimed.lose_proof(&phone(1));
    assert!(claimed.only_claims(&phone(1)) && claimed.address(Channel::Sms).is_none());
    filed.set_phone(number(1));
    filed.prove(&phone(1), code(1));
    filed.lose_proof(&phone(1));
    assert_eq!(filed.address(Channel::Sms), Some(phone(1)));
    assert!(!filed.is_verified(Channel::Sms) && filed.replaced.is_empty());
}

#[test]
fn another_claim_drops_what_was_agreed_to_for_the_one_before() {
    let mut person = person();
    person.claim_address(&phone(1));
    person.grant_pending(Channel::Sms, all(), "form".to_owned(), AT);
    person.claim_address(&phone(2));
    assert_eq!(person.standing(Channel::Sms, None), Standing::None);
    person.prove(&phone(1), code(1));
    assert!(!person.is_verified(Channel::Sms), "it is not claimed any more");
}

#[test]
fn proof_that_is_given_again_keeps_its_beginning() {
    let mut person = person();
    person.set_phone(number(1));
    person.prove(&phone(1), code(1));
    person.prove(&phone(1), code(9));
    let proof = person.proof(Channel::Sms).unwrap();
    assert_eq!((proof.at, proof.renewed), (from_millis(1), from_millis(9)));
}
