//! `/api/sms/*`: the older paths of what concerns a phone number. Both spellings of a field are taken; refusals name the
//! documented one.

pub mod send_2fa;
pub mod validate_phone;
