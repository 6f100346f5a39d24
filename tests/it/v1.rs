//! The surface of the old service against the running router: each behaviour row of its contract is a test that bears its number.
mod clock;
mod config;
mod execute;
mod groups;
mod launch;
mod live;
mod pages;
mod policies;
pub(crate) mod rig;
mod rights;
mod schedules;
mod table;
mod webhooks;
