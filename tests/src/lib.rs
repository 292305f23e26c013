//! What proves the whole: end-to-end flows on the local stack (`e2e/`), the simulator that stands in for the providers
//! (`simulator/`), the API description ([`openapi`]), and every parser of what comes from outside under fire ([`fuzz`]).

pub mod fuzz;
pub mod openapi;
