//! End-to-end flows on the deployed local stack.
