//! What hooks tell a customer, and the secrets around it.
//!
//! The one form in which a message travels from the supervisor to the hooks lane and on to receivers, and the keys that the api makes and only
//! the lane opens.

pub mod message;
pub mod secret;
