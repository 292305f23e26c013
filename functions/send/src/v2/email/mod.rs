//! `/api/v2/communications/email`: an e-mail to one or several, with files. [`send`]: the endpoint · [`recipients`]: who
//! gets it · [`attachments`]: what comes with it.

pub mod attachments;
pub mod recipients;
pub mod send;
