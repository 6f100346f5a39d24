//! Who gets in, and what gets in: the running api, route by route, against every kind of token and every kind of bad input.
mod again;
mod dry;
mod edits;
mod history;
mod hooks;
mod input;
mod inputs;
mod jwks;
pub(crate) mod keys;
mod keystone;
mod matrix;
mod old;
mod openapi;
pub(crate) mod rig;
mod searches;
mod story;
pub(crate) mod trouble;
mod why;
