//! What SendGrid takes for an e-mail address.

/// One `@` with something sensible on both sides; SendGrid wants a domain with a dot.
pub(super) fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let bad = |c: char| c.is_whitespace() || c.is_control() || "<>,;:@\"()[]\\".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && address.len() <= 254
        && !local.contains(bad)
        && !domain.contains(bad)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}
