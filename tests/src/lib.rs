//! What proves the whole: end-to-end flows on the local stack (`e2e/`), the simulator that stands in for the providers
//! (`simulator/`), and the API description ([`openapi`]).

pub mod openapi;
