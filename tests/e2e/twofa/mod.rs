//! Second factors: [`flows`] as a portal and its people see them, [`limits`] and [`races`]: the exact rules, on the stack's
//! tables with a clock of the test's own ([`portal`]).

mod flows;
mod limits;
mod portal;
mod races;
