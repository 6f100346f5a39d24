//! Colos: two running services, each with a store and an owner of its own; whatever is asked of one for the other is answered by the other.
mod away;
mod forward;
mod planes;
mod rig;
mod takeover;
