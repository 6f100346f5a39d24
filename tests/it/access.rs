//! Who gets in, and what gets in: the running api, route by route, against every kind of token and every kind of bad input.
mod input;
mod keys;
mod matrix;
mod old;
mod openapi;
mod rig;
mod story;
mod trouble;
mod why;
