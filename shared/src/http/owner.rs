//! Whose an object is. The caller that made it controls it; another needs `settings:manage`, and is told that there is no
//! such object, so that ids cannot be tried out.

use std::ops::Deref;

use super::{ApiError, Caller, Scope};
use crate::job::Job;
use crate::message::Message;

/// An object that a caller made.
pub trait Made {
    /// The subject of the token it was made with.
    fn maker(&self) -> &str;
}

impl Made for Job {
    fn maker(&self) -> &str {
        &self.caller
    }
}

impl Made for Message {
    fn maker(&self) -> &str {
        &self.caller
    }
}

/// An object that its present caller may control. Only [`Caller::owned`] makes one, so a function that takes it cannot be
/// called with somebody else's object.
#[derive(Clone, Debug)]
pub struct Owned<T>(T);

impl<T> Owned<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Caller {
    /// Returns the object if this caller made it or manages settings; `not_found` otherwise, as if it did not exist.
    pub fn owned<T: Made>(&self, object: Option<T>, not_found: impl Fn() -> ApiError) -> Result<Owned<T>, ApiError> {
        self.note_check();
        let object = object.ok_or_else(&not_found)?;
        if object.maker() == self.subject || self.has(Scope::ManageSettings) {
            return Ok(Owned(object));
        }
        Err(not_found())
    }

    /// Notes that this request names no object, where an endpoint takes requests that name one and others.
    pub fn names_no_object(&self) {
        self.note_check();
    }

    /// Whether this caller made the object.
    pub fn made(&self, object: &impl Made) -> bool {
        object.maker() == self.subject
    }
}
