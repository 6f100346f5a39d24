//! TLS between the roles over sockets: who gets in, who does not, and certificates that change meanwhile (safety S24).
mod change;
mod config;
mod refused;
mod rig;
