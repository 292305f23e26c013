//! What a caller may not choose, whatever its scopes: where messages go ([`destinations`]), which sender they name and
//! which host a call takes its instructions from ([`allowed`]).

pub mod allowed;
pub mod destinations;

pub use allowed::{CallHosts, Senders};
pub use destinations::{Countries, Destinations};
