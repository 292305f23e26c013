//! What people say about being written to: the contract's examples ([`examples`]), whose matter it is ([`own`]), the link
//! that proves an address ([`double_opt_in`]), what is written down about it ([`ledger`]), changes at the same moment
//! ([`races`]), their preferences about texts ([`texts`]), and when they
//! are best written to ([`optimal_time`]).

mod double_opt_in;
mod examples;
mod ledger;
mod optimal_time;
mod own;
mod races;
mod texts;
