//! What stands before every call: budget, permits, priorities.
