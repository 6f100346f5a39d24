//! The only way to a compute API: a small port, the OpenStack client behind it, and the guard that stands before every call.
//!
//! Deliberately absent: groups, policies, retries of a create, a delete by filter, creation of several servers by one call.
#![warn(missing_docs)]

#[cfg(test)]
mod double;
pub mod error;
pub mod guard;
pub mod home;
pub mod openstack;
pub mod port;
pub mod proof;
pub mod transport;
