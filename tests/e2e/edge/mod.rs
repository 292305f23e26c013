//! What happens before anything is sent: who is it, may they, how often, and what did they write.

mod authentication;
mod input;
mod limits;
