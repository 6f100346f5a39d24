//! The vocabulary and every decision of Holt, pure and synchronous.
//!
//! A scale event is *decided* ([`decide`]), what to do about it is *planned* ([`plan`]), what came of it is *settled*
//! ([`settle`]), and what lists of servers show is weighed as *evidence* ([`evidence`]). All of these read a [`group::Group`]
//! and give back a [`group::Change`]; nothing here writes, waits or asks.
//!
//! Deliberately absent: async, I/O, serde, clocks (`now` is an argument), environment, randomness (ids are arguments), floating
//! point, hash maps. That is what lets one seed replay a whole system, and a property test try a million worlds.
#![warn(missing_docs)]

pub mod access;
pub mod calendar;
pub mod capacity;
pub mod circle;
pub mod control;
pub mod decide;
pub mod draft;
pub mod event;
pub mod evidence;
pub mod group;
pub mod hold;
pub mod home;
pub mod hook;
pub mod ids;
pub mod member;
pub mod mutant;
pub mod outbox;
pub mod plan;
pub mod policy;
pub mod remove;
pub mod schedule;
pub mod settle;
pub mod slot;
pub mod time;
pub mod trace;
pub mod turn;
pub mod verdict;

#[cfg(test)]
mod fixture;
