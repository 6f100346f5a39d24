//! Hooks over real HTTP: a customer's receiver beside the whole service and a simulated cloud.
mod asked;
mod faults;
mod life;
mod refused;
mod rig;
