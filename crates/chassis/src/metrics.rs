//! Counters and gauges, and their text for a Prometheus scraper.
//!
//! Deliberately absent: a process-wide registry, floats, and labels with unbounded values (ids belong in logs).
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// More series than this are a label with an id in it; further ones count into the void, and `metrics_dropped_total` tells.
const SERIES_MAX: usize = 4_096;

/// One process's metrics; cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<Families>>,
}

#[derive(Default)]
struct Families {
    by_name: BTreeMap<&'static str, Family>,
    series: usize,
    dropped: u64,
}

struct Family {
    help: &'static str,
    series: BTreeMap<String, Series>,
}

#[derive(Clone)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
}

/// Only goes up. Name it `.._total`.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down. Name it with its unit last.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Moves it.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took, as the buckets of a Prometheus histogram: each counts what took no longer than its bound.
#[derive(Clone, Debug)]
pub struct Latency([Counter; BOUNDS.len()]);

/// Upper bounds in seconds, as they are shown, and in microseconds.
const BOUNDS: [(&str, u128); 7] = [
    ("0.005", 5_000),
    ("0.025", 25_000),
    ("0.1", 100_000),
    ("0.5", 500_000),
    ("2.5", 2_500_000),
    ("10", 10_000_000),
    ("+Inf", u128::MAX),
];

impl Latency {
    /// One more, which took so long.
    pub fn observe(&self, took: Duration) {
        let took = took.as_micros();
        for (counter, (_, bound)) in self.0.iter().zip(BOUNDS) {
            if took <= bound {
                counter.increment();
            }
        }
    }
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter of that name; the same one for the same name.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.counter_with(name, help, &[])
    }

    /// The counter of that name and those labels; label values must come from a small fixed set.
    pub fn counter_with(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
    ) -> Counter {
        match self.series(name, help, labels, Series::Counter(Counter::default())) {
            Series::Counter(counter) => counter,
            Series::Gauge(_) => Counter::default(),
        }
    }

    /// The gauge of that name; the same one for the same name.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.gauge_with(name, help, &[])
    }

    /// The gauge of that name and those labels; label values must come from a small fixed set.
    pub fn gauge_with(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
    ) -> Gauge {
        match self.series(name, help, labels, Series::Gauge(Gauge::default())) {
            Series::Gauge(gauge) => gauge,
            Series::Counter(_) => Gauge::default(),
        }
    }

    /// The histogram of that name and those labels; name it `.._seconds_bucket`.
    pub fn latency(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
    ) -> Latency {
        Latency(BOUNDS.map(|(bound, _)| {
            let mut labels = labels.to_vec();
            labels.push(("le", bound));
            self.counter_with(name, help, &labels)
        }))
    }

    fn series(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        fresh: Series,
    ) -> Series {
        let key = label_text(labels);
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let known = families
            .by_name
            .get(name)
            .and_then(|family| family.series.get(&key))
            .cloned();
        if let Some(series) = known {
            return series;
        }
        if families.series >= SERIES_MAX {
            families.dropped += 1;
            return fresh;
        }
        families.series += 1;
        let family = families.by_name.entry(name).or_insert_with(|| Family {
            help,
            series: BTreeMap::new(),
        });
        family.series.insert(key, fresh.clone());
        fresh
    }

    /// Everything in Prometheus text format 0.0.4, sorted by name; the registry's own counter comes last.
    pub fn text(&self) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, family) in &families.by_name {
            let kind = match family.series.values().next() {
                Some(Series::Counter(_)) => "counter",
                Some(Series::Gauge(_)) => "gauge",
                None => continue,
            };
            push(
                &mut text,
                format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", family.help),
            );
            for (labels, series) in &family.series {
                match series {
                    Series::Counter(counter) => push(
                        &mut text,
                        format_args!("{name}{labels} {}\n", counter.get()),
                    ),
                    Series::Gauge(gauge) => {
                        push(&mut text, format_args!("{name}{labels} {}\n", gauge.get()))
                    }
                }
            }
        }
        let dropped = families.dropped;
        push(
            &mut text,
            format_args!(
                "# HELP metrics_dropped_total Series refused because there were too many.\n# TYPE metrics_dropped_total counter\nmetrics_dropped_total {dropped}\n"
            ),
        );
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(arguments).unwrap_or_default();
}

fn label_text(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests;
