//! What requests to Verify may say, and Twilio's refusals.

use super::{
    super::{
        answer::Error,
        form::{Form, is_e164, is_sid},
    },
    state::{Way, Which},
};

/// Every documented parameter of a start; in strict mode any other is refused.
const START: &[&str] = &[
    "Amount",
    "AppHash",
    "Channel",
    "ChannelConfiguration",
    "CustomCode",
    "CustomFriendlyName",
    "CustomMessage",
    "DeviceIp",
    "EnableSnaClientToken",
    "Locale",
    "Payee",
    "RateLimits",
    "RiskCheck",
    "SendDigits",
    "Tags",
    "TemplateCustomSubstitutions",
    "TemplateSid",
    "To",
];
/// And of a check.
const CHECK: &[&str] = &["Amount", "Code", "Payee", "SnaClientToken", "To", "VerificationSid"];

/// A verification being asked for.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) to: String,
    pub(super) way: Way,
}

fn invalid(name: &str) -> Error {
    Error::new(60200, format!("Invalid parameter `{name}`"))
}

impl Form {
    pub(super) fn start(&self, strict: bool) -> Result<Start, Error> {
        if strict {
            self.only(START)?;
        }
        let to = self.get("To").ok_or_else(|| Error::new(20001, "Missing required parameter To in the post body"))?;
        let way = match self.get("Channel") {
            Some("sms") => Way::Sms,
            Some("call") => Way::Call,
            Some("email") => Way::Email,
            Some("whatsapp") => Way::Whatsapp,
            Some(_) => return Err(invalid("Channel")),
            None => return Err(Error::new(20001, "Missing required parameter Channel in the post body")),
        };
        let fits = match way {
            Way::Email => to.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.')),
            Way::Sms | Way::Call | Way::Whatsapp => is_e164(to),
        };
        if !fits {
            return Err(invalid("To"));
        }
        if self.get("Locale").is_some_and(|locale| !is_locale(locale)) {
            return Err(invalid("Locale"));
        }
        if self.get("DeviceIp").is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
            return Err(invalid("DeviceIp"));
        }
        if self.get("CustomCode").is_some() {
            return Err(Error::new(60204, "Custom code not allowed").with_status(403));
        }
        refusal(to, way).map_or_else(|| Ok(Start { to: to.to_owned(), way }), Err)
    }

    pub(super) fn check(&self, strict: bool) -> Result<(Which<'_>, &str), Error> {
        if strict {
            self.only(CHECK)?;
        }
        let code = self.get("Code").ok_or_else(|| invalid("Code"))?;
        if !(4..=10).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("Code"));
        }
        match (self.get("To"), self.get("VerificationSid")) {
            (Some(to), None) => Ok((Which::To(to), code)),
            (None, Some(sid)) if is_sid(sid, "VE") => Ok((Which::Sid(sid), code)),
            (None, Some(_)) => Err(invalid("VerificationSid")),
            (Some(_), Some(_)) | (None, None) => {
                Err(Error::new(60200, "Either `To` or `VerificationSid` must be given, and not both"))
            }
        }
    }
}

/// `de`, `pt-BR`, `zh-HK`: two letters, and a region.
fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    (2..=3).contains(&language.len()) && letters(language) && region.is_none_or(|r| r.len() == 2 && letters(r))
}

fn refusal(to: &str, way: Way) -> Option<Error> {
    match (to, way) {
        ("+15005550001", _) => Some(invalid("To")),
        ("+15005550003", _) => Some(
            Error::new(60605, "The destination phone number has been blocked by Verify Geo-Permissions")
                .with_status(403),
        ),
        ("+15005550009", Way::Sms | Way::Whatsapp) => {
            Some(Error::new(60205, "SMS is not supported by landline phone number").with_status(403))
        }
        ("+15005550010", _) => Some(
            Error::new(
                60410,
                "The destination phone number has been temporarily blocked by Twilio due to fraudulent activities",
            )
            .with_status(403),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(body: &str) -> Result<Start, u32> {
        Form::parse(body.as_bytes()).start(true).map_err(|error| error.code())
    }

    #[test]
    fn a_start_is_taken_or_refused_as_twilio_does() {
        assert!(start("To=%2B14155552671&Channel=sms&Locale=pt-BR&DeviceIp=192.0.2.7").is_ok());
        assert!(start("To=ada%40example.com&Channel=email").is_ok());
        let refused = [
            ("Channel=sms", 20001),
            ("To=%2B14155552671", 20001),
            ("To=%2B14155552671&Channel=owl", 60200),
            ("To=4155552671&Channel=sms", 60200),
            ("To=%2B14155552671&Channel=email", 60200),
            ("To=%2B14155552671&Channel=sms&Locale=english", 60200),
            ("To=%2B14155552671&Channel=sms&DeviceIp=here", 60200),
            ("To=%2B14155552671&Channel=sms&CustomCode=1234", 60204),
            ("To=%2B14155552671&Channel=sms&Body=hello", 20001),
            ("To=%2B15005550003&Channel=sms", 60605),
            ("To=%2B15005550009&Channel=sms", 60205),
            ("To=%2B15005550010&Channel=call", 60410),
        ];
        for (body, code) in refused {
            assert_eq!(start(body).map(|start| start.to), Err(code), "{body}");
        }
    }

    #[test]
    fn a_check_names_its_verification_one_way() {
        let check = |body: &str| Form::parse(body.as_bytes()).check(true).is_ok();
        let sid = format!("VE{}", "0a".repeat(16));
        assert!(check("Code=123456&To=%2B14155552671") && check(&format!("Code=1234&VerificationSid={sid}")));
        for body in ["To=%2B1", "Code=123456", &format!("Code=1&To=%2B1&VerificationSid={sid}"), "Code=12345a&To=%2B1"]
        {
            assert!(!check(body), "{body}");
        }
    }
}
