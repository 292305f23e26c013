//! What a telephone says and asks: a menu described by data, and the way of a call through it.
//!
//! [`menu`] (what a menu is) · [`faults`] (what is wrong with one; a menu without faults ends every call) · [`shipped`]
//! (the one that ships) · [`hear`] (what was pressed or said, as a choice) · [`place`] (where a call is, as the next
//! request brings it back) · [`turn`] (what a call hears next). How a turn is told to the provider is the provider's
//! business (`provider::twilio::twiml`).
//!
//! A call ends, whatever the caller does: a question that is not answered is asked [`menu::Menu::tries`] times, no call
//! gets more than [`place::MOST_STEPS`] turns, and no way through a menu comes back to where it was without a question.

pub mod faults;
pub mod hear;
pub mod menu;
pub mod place;
pub mod shipped;
#[cfg(test)]
mod tests;
pub mod turn;

pub use faults::Fault;
pub use menu::{Ask, Choice, Menu, Node, Then};
pub use place::{Heard, Origin, Place};
pub use turn::{Next, Party, Turn};
