//! What tests, the simulator and the benches share.

pub mod bench;
pub mod fuzz;
pub mod receiver;
pub mod sim;
