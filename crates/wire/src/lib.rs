//! Everything that crosses a process border: the two ports between the roles, the public API's types, and the typed client.
//!
//! Deliberately absent: decisions and rows. Domain types never derive serde; here they meet JSON, once.
#![warn(missing_docs)]

pub mod client;
pub mod ports;
pub mod problem;
pub mod v1;
pub mod v2;
