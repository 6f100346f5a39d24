//! Tests of the whole state machine: facts of a real Nova, faults, the ground truth.

mod edits;
mod facts;
mod faults;
mod harness;
mod identity;
mod lists;
mod quota;
mod truth;
