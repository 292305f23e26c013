//! Stand-in until the provider's files land.
