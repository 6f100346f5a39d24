//! Percentages: JSON numbers kept as the exact double that the caller wrote (contract 3.1).

use std::fmt;

use domain::policy::Percent;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A percentage as a JSON number. Nothing is computed with the double: its bits go to [`Percent`], which is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentNumber(pub Percent);

impl Serialize for PercentNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from_bits(self.0.double_bits()))
    }
}

impl<'de> Deserialize<'de> for PercentNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(NumberVisitor)
    }
}

/// Whole percentages beyond this are refused: no larger one is meant.
const WHOLE_MAX: i32 = 1_000_000_000;

struct NumberVisitor;

impl NumberVisitor {
    fn whole<E: de::Error>(whole: Option<i32>) -> Result<PercentNumber, E> {
        let whole = whole.filter(|w| (-WHOLE_MAX..=WHOLE_MAX).contains(w));
        let whole = whole.ok_or_else(|| E::custom("a percentage must not be beyond 1000000000"))?;
        Self::double(f64::from(whole))
    }

    fn double<E: de::Error>(double: f64) -> Result<PercentNumber, E> {
        let percent = Percent::from_double_bits(double.to_bits());
        percent
            .map(PercentNumber)
            .ok_or_else(|| E::custom("a percentage must be a finite number"))
    }
}

impl de::Visitor<'_> for NumberVisitor {
    type Value = PercentNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of percent")
    }

    fn visit_f64<E: de::Error>(self, double: f64) -> Result<PercentNumber, E> {
        Self::double(double)
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<PercentNumber, E> {
        Self::whole(i32::try_from(whole).ok())
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<PercentNumber, E> {
        Self::whole(i32::try_from(whole).ok())
    }
}

impl PartialSchema for PercentNumber {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some(
                "Percent of the desired size; the result is rounded away from zero.",
            ))
            .into()
    }
}

impl ToSchema for PercentNumber {}

#[cfg(test)]
mod tests;
