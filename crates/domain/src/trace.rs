//! Where an event belongs in the trace that watches it. Nothing is decided by it.

use std::fmt;
use std::num::NonZeroU128;
use std::str::FromStr;

/// A place in a trace that is kept: what comes next is a child of `span`. Events that no trace watches have none.
///
/// As text it is a `traceparent` (W3C Trace Context, version 00) with the flag "sampled".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub id: NonZeroU128,
    /// The span that caused what carries this; never zero in a `traceparent`.
    pub span: u64,
}

/// A `traceparent` that cannot be read, or that nobody keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no traceparent of a trace that is kept")]
pub struct NoTrace;

/// The flag of a trace that whoever began it keeps.
const SAMPLED: u64 = 1;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.id, self.span)
    }
}

impl FromStr for Trace {
    type Err = NoTrace;

    /// Reads versions to come too, as far as this one goes (W3C Trace Context 3.2.4).
    fn from_str(text: &str) -> Result<Self, NoTrace> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            part.filter(|part| part.bytes().all(lower)).ok_or(NoTrace)
        };
        let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_bad| NoTrace);
        let version = part(2)?;
        let id = u128::from_str_radix(part(32)?, 16).map_err(|_bad| NoTrace)?;
        let span = number(part(16)?)?;
        let flags = number(part(2)?)?;
        let ends = parts.next().is_none();
        let known = version == "00" && ends || version != "00" && version != "ff";
        match NonZeroU128::new(id) {
            Some(id) if known && span != 0 && flags & SAMPLED != 0 => Ok(Self { id, span }),
            Some(_) | None => Err(NoTrace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_reads_back_as_it_was_written() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace: Trace = text.parse().unwrap();
        assert_eq!(trace.span, 0x00f0_67aa_0ba9_02b7);
        assert_eq!(trace.to_string(), text);
        let later = text.replace("00-4", "01-4") + "-what-comes";
        assert_eq!(later.parse(), Ok(trace));
    }

    #[test]
    fn what_is_no_traceparent_or_is_not_kept_is_no_trace() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(text.parse::<Trace>(), Err(NoTrace), "{text}");
        }
    }
}
