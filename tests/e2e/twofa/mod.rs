//! Second factors: [`flows`] as a portal and its people see them, [`step_up`] where a person's own token needs a fresh one, [`limits`] and [`races`]: the exact rules, on the stack's
//! tables with a clock of the test's own ([`portal`]).

mod flows;
mod limits;
mod portal;
mod races;
mod step_up;
