//! Settings, read once at start from the environment the template sets. A missing one is a deployment error and ends
//! the start with its name.
