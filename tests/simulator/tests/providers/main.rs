//! The simulator over the network, as a client and its webhooks see it.

#[cfg(test)]
mod callers;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod twilio;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod world;
