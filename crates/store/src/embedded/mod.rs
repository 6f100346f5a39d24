//! SQLite inside the process: the default store of one machine.
