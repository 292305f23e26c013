//! Answers published in the tests of twilio-go, twilio-python and twilio-csharp (token `12345`), and what they leave out.

use super::*;

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const FORM: &str = "To=%2B18005551212&Digits=1234&CallSid=CA1234567890ABCDE&From=%2B14158675309&Caller=%2B14158675309";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

fn keys() -> Keys {
    Keys { auth_tokens: vec!["12345".to_owned()], shared: BTreeMap::new() }
}

fn headers(kind: &str, signature: &str) -> HeaderMap {
    let kind = (CONTENT_TYPE, kind.parse().unwrap());
    [kind, (SIGNATURE.parse().unwrap(), signature.parse().unwrap())].into_iter().collect()
}

fn form(url: &str, body: &str, signature: &str) -> bool {
    verify(url, &headers("application/x-www-form-urlencoded; charset=UTF-8", signature), body.as_bytes(), &keys())
        .is_ok()
}

fn json(url: &str, body: &str, signature: &str) -> bool {
    verify(url, &headers("application/json", signature), body.as_bytes(), &keys()).is_ok()
}

/// Our own signature of `text`, for cases without a published answer.
fn sign(algorithm: hmac::Algorithm, key: &str, text: &str) -> String {
    BASE64_STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), text.as_bytes()))
}

#[test]
fn published_forms_are_accepted() {
    let table = [
        (URL, FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (URL, "Digits=1234&Digits=1234&SidAccount=AC123&Sid=CA123&Digits=5678", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (URL, "property=value&boolean=true", "NBdBDr/T/lgjI+tlgpXjKZQZs/k="),
        ("https://MyCompany.com/myapp.php?foo=1&bar=2", FORM, "g9IN/x4Cft2g517EjYvEvM/W7LU="),
    ];
    for (url, body, signature) in table {
        assert!(form(url, body, signature), "{url} {body}");
    }
    let conference = format!("{FORM}&ReasonConferenceEnded=test&Reason=Participant");
    assert!(form(URL, &conference, "vOEb5UThFn24KEfnOFLQY2AE5FY="));
    assert!(!form(URL, &conference, "95+Bu0JVPi0r/SsESZCVf0dWAjw="), "ReasonConferenceEnded before Reason");
}

#[test]
fn the_port_may_be_there_or_not_on_either_side() {
    let with_port = "https://mycompany.com:1234/myapp.php?foo=1&bar=2";
    let table = [
        (with_port, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (with_port, "CYn1h0gLBdNxDGkKJg6hYohgeD8="),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("https://MyCompany.com:1234/myapp.php?foo=1&bar=2", "PCqOZm8cnu/L6+u5i5fuEd+Iac4="),
        ("http://MyCompany.com/myapp.php?foo=1&bar=2", "XY7AlKOKL6im4yWyX84gldUrtis="),
        ("http://username:password@MyCompany.com/myapp.php?foo=1&bar=2", "PJ08CxXr7KLPjEQCTc8LkUSMwSM="),
        ("http://Username:Password@MyCompany.com/myapp.php?foo=1&bar=2", "SkTSKyDJH9kUlhItI0slbgZ1UsI="),
    ];
    for (url, signature) in table {
        assert!(form(url, FORM, signature), "{url}");
    }
    assert!(!form(URL, FORM, "CYn1h0gLBdNxDGkKJg6hYohgeD8="), "a port that is not the URL's own");
}

#[test]
fn a_json_body_is_covered_by_its_hash_in_the_url() {
    let url = format!("{URL}&bodySHA256={JSON_HASH}");
    assert!(json(&url, JSON, "a9nBmqA0ju/hNViExpshrM61xv4="));
    let only = format!("https://mycompany.com/myapp.php?bodySHA256={JSON_HASH}");
    assert!(json(&only, JSON, "y77kIzt2vzLz71DgmJGsen2scGs="));
    assert!(!json(&url, r#"{"property": "evil", "boolean": true}"#, "a9nBmqA0ju/hNViExpshrM61xv4="));
    assert!(!json(&url, &format!("{JSON}\n"), "a9nBmqA0ju/hNViExpshrM61xv4="));
    assert!(!json(URL, JSON, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
}

#[test]
fn a_signature_of_the_url_alone_vouches_for_no_body() {
    let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "12345", URL);
    assert!(json(URL, "", &signature), "a GET");
    assert!(!json(URL, JSON, &signature));
    assert!(!form(URL, FORM, &signature));
}

#[test]
fn any_change_is_refused() {
    let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert!(!form("https://mycompany.com/myapp.php?foo=1&bar=3", FORM, signature));
    assert!(!form("https://mycompany.org/myapp.php?foo=1&bar=2", FORM, signature));
    assert!(!form("http://mycompany.com/myapp.php?foo=1&bar=2", FORM, signature));
    assert!(!form(URL, &FORM.replace("1234", "1235"), signature));
    assert!(!form(URL, &format!("{FORM}&Added=1"), signature), "unknown parameters are signed too");
    assert!(!form(URL, &FORM.replace("Digits=1234&", ""), signature));
    for bad in ["", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93", "not base64"]
    {
        assert!(!form(URL, FORM, bad), "{bad}");
    }
    assert_eq!(verify(URL, &HeaderMap::new(), FORM.as_bytes(), &keys()), Err(BadSignature("no signature header")));
}

#[test]
fn empty_values_and_spaces_are_signed_decoded() {
    let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "12345", &format!("{URL}Bodya b+cEmptyZebraüaLow"));
    assert!(form(URL, "aLow=&Zebra=%C3%BC&Empty=&Body=a+b%2Bc", &signature));
}

#[test]
fn the_sdks_spellings_of_a_query_are_accepted() {
    let url = "https://mycompany.com/x?text=it's+a%20b&a=1&b=2&a=3";
    for spelled in [
        "https://mycompany.com/x?text=it's+a%20b&a=1&b=2&a=3",
        "https://mycompany.com/x?text=it%27s+a%20b&a=1&b=2&a=3",
        "https://mycompany.com/x?text=it's%20a%20b&a=1&a=3&b=2",
        "https://mycompany.com:443/x?text=it's%20a%20b&a=1&a=3&b=2",
    ] {
        assert!(form(url, "", &sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "12345", spelled)), "{spelled}");
    }
}

#[test]
fn both_tokens_of_a_rotation_are_accepted_and_an_empty_one_never() {
    let rotated = |tokens: &[&str]| Keys {
        auth_tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
        shared: BTreeMap::new(),
    };
    let headers = headers("application/x-www-form-urlencoded", "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let check = |tokens: &[&str]| verify(URL, &headers, FORM.as_bytes(), &rotated(tokens));
    assert_eq!(check(&["new", "12345"]), Ok(()));
    assert_eq!(check(&["12345", "old"]), Ok(()));
    assert!(check(&["new", "newer"]).is_err());
    assert_eq!(check(&[]), Err(BadSignature("an unknown key")));
    assert_eq!(check(&[""]), Err(BadSignature("an unknown key")));
}

#[test]
fn the_settings_header_chooses_a_shared_key() {
    let id = "webhooks_sharedkey_1";
    let keys =
        Keys { auth_tokens: vec!["12345".to_owned()], shared: BTreeMap::from([(id.to_owned(), "shared".to_owned())]) };
    let text = format!("{URL}{}", form_text(FORM.as_bytes()));
    let check = |settings: &str, signature: &str| {
        let mut headers = headers("application/x-www-form-urlencoded", signature);
        headers.insert(SETTINGS, settings.parse().unwrap());
        verify(URL, &headers, FORM.as_bytes(), &keys).is_ok()
    };
    let good = sign(hmac::HMAC_SHA256, "shared", &text);
    assert!(check("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", &good));
    assert!(check("algorithm=HMAC_SHA256, key=webhooks_sharedkey_1", &good));
    assert!(!check("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", &good), "another key");
    assert!(!check("key=webhooks_sharedkey_1,algorithm=HMAC_SHA512", &good), "an unknown algorithm");
    assert!(!check("algorithm=HMAC_SHA256", &sign(hmac::HMAC_SHA256, "12345", &text)), "no key named");
    assert!(!check(
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1",
        &sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "shared", &text)
    ));
    assert!(check("", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), "an empty header says nothing");
}
