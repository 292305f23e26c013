//! `X-Twilio-Signature`: HMAC-SHA1 over the URL and the sorted form.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Signs a form POST. Names are sorted by byte; the values of a repeated name are sorted and deduplicated, as
/// Twilio's own libraries do it. Without parameters it is the signature of a GET or of a JSON body.
pub(super) fn signature(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut sorted: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut signed = String::from(url);
    for (name, value) in sorted {
        signed.push_str(name);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &[(&str, &str)] = &[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ];

    fn sign(url: &str, params: &[(&str, &str)]) -> String {
        let params: Vec<_> = params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        signature("12345", url, &params)
    }

    #[test]
    fn the_published_signature_of_a_call_comes_out() {
        assert_eq!(sign("https://mycompany.com/myapp.php?foo=1&bar=2", CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    #[test]
    fn an_explicit_port_is_part_of_what_is_signed() {
        assert_eq!(sign("https://mycompany.com:443/myapp.php?foo=1&bar=2", CALL), "kvajT1Ptam85bY51eRf/AJRuM3w=");
    }

    #[test]
    fn repeated_names_are_signed_as_a_sorted_set_of_values() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let params = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")];
        assert_eq!(sign(url, &params), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
        let again = [params[3], params[2], params[3], params[1], params[0]];
        assert_eq!(sign(url, &again), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    }

    #[test]
    fn a_json_body_is_signed_by_the_url_that_carries_its_hash() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=\
                   0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        assert_eq!(sign(url, &[]), "a9nBmqA0ju/hNViExpshrM61xv4=");
    }
}
