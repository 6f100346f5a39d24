//! The integration tests, in one binary so that it links once.
#[cfg(test)]
mod access;
mod architecture;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod certificates;
mod cloud;
#[cfg(test)]
mod colos;
mod fence;
mod fleet;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hooks;
mod launches;
#[cfg(test)]
mod projects;
#[cfg(test)]
mod restore;
mod roles;
mod sim;
mod store_crash;
mod store_history;
#[cfg(test)]
mod v1;
