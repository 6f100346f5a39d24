//! The merge of the layers, and the search for the key to blame when they do not fit.
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Error, Origin};

/// The layers merged so far, with the value each leaf had before and who set it last.
#[derive(Default)]
pub(super) struct Merged {
    table: Table,
    set: BTreeMap<Vec<String>, Setting>,
}

struct Setting {
    origin: Origin,
    before: Option<Value>,
    /// The text of a variable that has been read as something other than text.
    guessed: Option<String>,
}

impl Merged {
    /// Puts a TOML text over what is there.
    pub(super) fn text(&mut self, text: &str, origin: &Origin) -> Result<(), Error> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            Error::Syntax {
                origin: origin.clone(),
                line: before.map_or(1, |before| before.matches('\n').count() + 1),
                problem: error.message().to_owned(),
            }
        })?;
        let mut leaves = Vec::new();
        collect(&table, &mut Vec::new(), &mut leaves);
        for (path, value) in leaves {
            self.put(path, value, origin)?;
        }
        Ok(())
    }

    /// Puts one environment variable over what is there; `name` is `PREFIX__SECTION__KEY`.
    pub(super) fn variable(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let origin = Origin::Variable(name.to_owned());
        let path: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
        let value = typed(lookup(&self.table, &path), text);
        let guessed = (!value.is_str()).then(|| text.to_owned());
        self.put(path.clone(), value, &origin)?;
        if let Some(setting) = self.set.get_mut(&path) {
            setting.guessed = guessed;
        }
        Ok(())
    }

    /// Reads the merged layers into `T`.
    ///
    /// A variable without a default may have been taken for a number where a text was meant (a password of digits): where the
    /// guess is to blame it is taken back, once for each.
    pub(super) fn read<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        loop {
            let source = match self.table.clone().try_into() {
                Ok(config) => return Ok(config),
                Err(source) => Box::new(source),
            };
            let Some(path) = self.blame::<T>(&source) else {
                return Err(Error::Incomplete { source });
            };
            let guessed = self
                .set
                .get_mut(&path)
                .and_then(|setting| setting.guessed.take());
            if let Some(text) = guessed {
                restore(&mut self.table, &path, Some(Value::String(text)));
            } else if let Some(setting) = self.set.remove(&path) {
                return Err(Error::Value {
                    key: path.join("."),
                    origin: setting.origin,
                    source,
                });
            }
        }
    }

    fn put(&mut self, path: Vec<String>, value: Value, origin: &Origin) -> Result<(), Error> {
        let before = lookup(&self.table, &path).cloned();
        insert(&mut self.table, &path, value).map_err(|depth| Error::NotASection {
            origin: origin.clone(),
            key: path[..depth].join("."),
        })?;
        let origin = origin.clone();
        let setting = Setting {
            origin,
            before,
            guessed: None,
        };
        self.set.insert(path, setting);
        Ok(())
    }

    /// The key to blame is the one without which the error is another one, or none. Latest layers first: they are the likelier.
    fn blame<T: DeserializeOwned>(&self, source: &toml::de::Error) -> Option<Vec<String>> {
        // A value of the wrong type is named by the error itself, also where the key is required.
        let text = source.to_string();
        let is_named = |path: &&Vec<String>| {
            text.trim_end()
                .ends_with(&format!("in `{}`", path.join(".")))
        };
        if let Some(named) = self.set.keys().find(is_named) {
            return Some(named.clone());
        }
        let rank = |origin: &Origin| match origin {
            Origin::Variable(_) => 0,
            Origin::File(_) => 1,
            Origin::Defaults => 2,
        };
        let mut settings: Vec<_> = self.set.iter().collect();
        settings.sort_by_key(|(_, setting)| rank(&setting.origin));
        let to_blame = |(path, setting): &(&Vec<String>, &Setting)| {
            let mut without = self.table.clone();
            restore(&mut without, path, setting.before.clone());
            match without.try_into::<T>() {
                Ok(_) => true,
                Err(error) => error.message() != source.message() && !is_missing(&error, path),
            }
        };
        let (path, _) = settings.into_iter().find(to_blame)?;
        Some(path.clone())
    }
}

/// Taking a required key out changes the error as well: that proves nothing against the key.
fn is_missing(error: &toml::de::Error, path: &[String]) -> bool {
    path.last()
        .is_some_and(|key| error.message() == format!("missing field `{key}`"))
}

fn collect(table: &Table, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in table {
        path.push(key.clone());
        match value.as_table() {
            Some(section) if !section.is_empty() => collect(section, path, leaves),
            _ => leaves.push((path.clone(), value.clone())),
        }
        path.pop();
    }
}

fn lookup<'table>(table: &'table Table, path: &[String]) -> Option<&'table Value> {
    let (last, sections) = path.split_last()?;
    let mut table = table;
    for section in sections {
        table = table.get(section)?.as_table()?;
    }
    table.get(last)
}

/// Inserts with sections made on the way; an error is the depth at which a plain value stands in the way.
fn insert(table: &mut Table, path: &[String], value: Value) -> Result<(), usize> {
    let Some((last, sections)) = path.split_last() else {
        return Err(0);
    };
    let mut table = table;
    for (depth, section) in sections.iter().enumerate() {
        table = table
            .entry(section.clone())
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or(depth + 1)?;
    }
    // An empty section in a higher layer says nothing; it must not wipe what a lower one has set.
    let says_nothing = value.as_table().is_some_and(Table::is_empty);
    if !(says_nothing && table.get(last).is_some_and(Value::is_table)) {
        table.insert(last.clone(), value);
    }
    Ok(())
}

fn restore(table: &mut Table, path: &[String], before: Option<Value>) {
    match before {
        Some(value) => {
            // It stood there before, so nothing can stand in its way.
            insert(table, path, value).unwrap_or_default();
        }
        None => remove(table, path),
    }
}

/// Removes a leaf, and the sections that are empty without it.
fn remove(table: &mut Table, path: &[String]) {
    match path {
        [] => {}
        [last] => {
            table.remove(last);
        }
        [section, rest @ ..] => {
            let Some(Value::Table(inner)) = table.get_mut(section) else {
                return;
            };
            remove(inner, rest);
            if inner.is_empty() {
                table.remove(section);
            }
        }
    }
}

/// The text of a variable as a value of the type that the lower layers have there.
fn typed(before: Option<&Value>, text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    match before {
        Some(Value::String(_)) => plain(),
        _ => format!("value = {text}")
            .parse::<Table>()
            .ok()
            .filter(|table| table.len() == 1)
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(plain),
    }
}
