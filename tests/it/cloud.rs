//! The OpenStack client over real sockets against the simulated cloud: what the client believes is compared with what the cloud knows.
mod colo;
mod creates;
mod evidence;
