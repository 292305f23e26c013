//! What proves the whole: end-to-end flows on the local stack (`e2e/`), the simulator that stands in for the providers
//! (`simulator/`), a proxy that loses what AWS answers ([`fault_proxy`]), the API description ([`openapi`]), and every parser of what comes from outside under fire ([`fuzz`]).

pub mod fault_proxy;
pub mod fuzz;
pub mod openapi;
