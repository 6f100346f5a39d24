//! Cron texts of five fields, in UTC, as the old service read them (contract 2.5).

use crate::calendar::{DAY_MS, civil, days_of, weekday};
use crate::time::Timestamp;

/// A cron text and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    /// Also on the last day of the month.
    last: bool,
}

/// Why a text is no cron text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCron {
    /// It has not five fields.
    #[error("a cron text has five fields: minute, hour, day of month, month, day of week")]
    Fields,
    /// A field cannot be read or is out of its range.
    #[error("the field {0} of the cron text cannot be read")]
    Field(&'static str),
    /// It names no time at all, as the 30th of February.
    #[error("the cron text names a time that never comes")]
    Never,
}

/// The values that a field lets through, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    all: bool,
}

/// What a field may hold.
struct Form {
    name: &'static str,
    from: u64,
    to: u64,
    /// Names of values, the first for `from_name`.
    names: &'static [&'static str],
    first: u64,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Sunday is the last, as 7: so `sun-mon` runs backwards and is refused, as it was.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const fn form(name: &'static str, from: u64, to: u64, names: &'static [&'static str]) -> Form {
    Form {
        name,
        from,
        to,
        names,
        first: 1,
    }
}

/// Days without a match are looked at for so long: 29 February may be eight years away.
const DAYS_MAX: u64 = 366 * 9;

impl Field {
    fn parse(text: &str, form: &Form) -> Option<Self> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, number(step).filter(|step| *step > 0)?),
                None => (part, 1),
            };
            let (low, high) = match range.split_once('-') {
                // Of days and months a 0 can only be written: a step over all counts from the first.
                _ if range == "*" => (form.meant(form.from), form.to),
                Some((low, high)) => (form.value(low)?, form.value(high)?),
                // A step needs something to step through.
                None if part != range => return None,
                None => {
                    let value = form.value(range)?;
                    (value, value)
                }
            };
            if low > high {
                return None;
            }
            let mut value = low;
            while value <= high {
                bits |= 1 << form.meant(value);
                value = value.checked_add(step)?;
            }
        }
        let every = (form.from..=form.to).fold(0_u64, |all, value| all | 1 << form.meant(value));
        Some(Self {
            bits,
            all: bits == every,
        })
    }

    const fn has(self, value: u64) -> bool {
        self.bits >> value & 1 == 1
    }
}

impl Form {
    fn value(&self, text: &str) -> Option<u64> {
        let named = |at: usize| u64::try_from(at).ok().map(|at| at + self.first);
        let name = text.to_ascii_lowercase();
        let value = match self.names.iter().position(|known| *known == name) {
            Some(at) => named(at)?,
            None => number(text)?,
        };
        (self.from..=self.to).contains(&value).then_some(value)
    }

    /// Day 0 is day 1, month 0 is January, weekday 7 is Sunday, which is 0.
    fn meant(&self, value: u64) -> u64 {
        match (self.name, value) {
            ("day of month" | "month", 0) => 1,
            ("day of week", 7) => 0,
            _ => value,
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

impl Cron {
    /// Reads a cron text.
    ///
    /// # Errors
    /// [`BadCron`] names the rule that it breaks: answer 400.
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(BadCron::Fields);
        };
        let read =
            |text: &str, form: &Form| Field::parse(text, form).ok_or(BadCron::Field(form.name));
        let (last, days) = without_last(days);
        let days = match days {
            Some(days) => read(&days, &form("day of month", 0, 31, &[]))?,
            None => Field {
                bits: 0,
                all: false,
            },
        };
        let cron = Self {
            text: text.to_owned(),
            minutes: read(minutes, &form("minute", 0, 59, &[]))?,
            hours: read(hours, &form("hour", 0, 23, &[]))?,
            days,
            months: read(months, &form("month", 0, 12, &MONTHS))?,
            weekdays: read(weekdays, &form("day of week", 0, 7, &WEEKDAYS))?,
            last,
        };
        // A leap day lies in the span whatever the moment; whether one ever comes does not depend on it.
        cron.next(Timestamp::from_unix_ms(0))
            .map(|_| cron)
            .ok_or(BadCron::Never)
    }

    /// The text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first time strictly after `after`.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let first = after.unix_ms() / 60_000 + 1;
        let (first_day, mut minute) = (first / 1_440, first % 1_440);
        for day in first_day..first_day.saturating_add(DAYS_MAX) {
            if self.is_on(day)
                && let Some(found) = (minute..1_440).find(|minute| self.is_at(*minute))
            {
                return Some(Timestamp::from_unix_ms(day * DAY_MS + found * 60_000));
            }
            minute = 0;
        }
        None
    }

    fn is_at(&self, minute: u64) -> bool {
        self.hours.has(minute / 60) && self.minutes.has(minute % 60)
    }

    /// Where both day of month and day of week are restricted, either is enough.
    fn is_on(&self, day: u64) -> bool {
        let (year, month, of_month) = civil(day);
        let by_date = self.days.has(of_month) || self.last && of_month == days_of(year, month);
        let by_week = self.weekdays.has(weekday(day));
        let on = match (self.days.all, self.weekdays.all) {
            (true, true) => true,
            (true, false) => by_week,
            (false, true) => by_date,
            (false, false) => by_date || by_week,
        };
        on && self.months.has(month)
    }
}

/// Whether the list of days names the last one (`L`), and the rest of it.
fn without_last(days: &str) -> (bool, Option<String>) {
    let is_last = |part: &&str| part.eq_ignore_ascii_case("l");
    let last = days.split(',').any(|part| is_last(&part));
    let rest: Vec<&str> = days.split(',').filter(|part| !is_last(part)).collect();
    (last, (!rest.is_empty()).then(|| rest.join(",")))
}
