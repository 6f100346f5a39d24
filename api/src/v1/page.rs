//! Pages of groups, policies and webhooks: in order of id, clamped, with a link to the next one (contract 1.5).

use wire::v1::json::Json;

use super::Error;
use super::extract::Asked;
use super::view::link;

/// Items on a page, at most and where nothing is said.
const LIMIT: usize = 100;

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    asked: &'a Asked,
    pub(super) limit: usize,
    marker: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// Reads `limit` and `marker`. A limit is clamped, a marker is any text (rows B149 to B152).
    ///
    /// # Errors
    /// 400 for a limit that is no whole number.
    pub(super) fn of(asked: &'a Asked) -> Result<Self, Error> {
        let limit = match asked.text("limit").map(str::trim) {
            None => LIMIT,
            Some(text) => {
                clamp(text).ok_or_else(|| Error::query("Invalid query argument for \"limit\""))?
            }
        };
        let marker = asked.text("marker");
        Ok(Self {
            asked,
            limit,
            marker,
        })
    }

    /// Whether an id lies behind the marker.
    pub(super) fn is_behind(&self, id: &str) -> bool {
        self.marker.is_none_or(|marker| id > marker)
    }

    /// The list below `name`, and its links. `items` are in order of id, behind the marker, one more than the limit if there are more.
    pub(super) fn page(&self, name: &str, base: &str, mut items: Vec<(String, Json)>) -> Json {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|(last, _)| link("next", &self.next(base, last)));
        let links = Json::List(next.into_iter().collect());
        let list = Json::List(items.into_iter().map(|(_, item)| item).collect());
        let mut body = Json::object([(name, list)]);
        body.put(&format!("{name}_links"), links);
        body
    }

    /// Parameters in order of name; those that are not ours stay (row B154).
    fn next(&self, base: &str, last: &str) -> String {
        let given = self
            .asked
            .0
            .iter()
            .filter(|(name, _)| name != "limit" && name != "marker");
        let mut pairs: Vec<(&str, String)> = given
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        pairs.push(("limit", self.limit.to_string()));
        pairs.push(("marker", last.to_owned()));
        pairs.sort();
        let pairs = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        format!("{base}?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

/// A whole number of any length, moved into 1 to 100.
fn clamp(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(1);
    }
    Some(digits.parse().unwrap_or(LIMIT).clamp(1, LIMIT))
}

fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let one = |b: u8| {
        if plain(b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    text.bytes().map(one).collect()
}
