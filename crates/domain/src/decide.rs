//! What is asked of a group, and what each gate says to it.

use crate::draft::Draft;
use crate::event::Event;

/// Judges events in order of arrival, each against the running desired size and cooldowns, and leaves one verdict per event and the
/// new desired size in the draft. The same id twice in one batch gets one verdict; the second is dropped here.
pub fn decide(_draft: &mut Draft<'_>, _events: &[Event]) {}
