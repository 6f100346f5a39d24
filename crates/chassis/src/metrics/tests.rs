use super::*;

#[test]
fn exposition_is_sorted_and_says_what_each_metric_is() {
    let metrics = Metrics::new();
    metrics
        .gauge("queue_length_items", "Items waiting.")
        .set(-3);
    let calls = |class| metrics.counter_with("calls_total", "Calls made.", &[("class", class)]);
    calls("list").add(2);
    calls("create").increment();
    let expected = "\
# HELP calls_total Calls made.
# TYPE calls_total counter
calls_total{class=\"create\"} 1
calls_total{class=\"list\"} 2
# HELP queue_length_items Items waiting.
# TYPE queue_length_items gauge
queue_length_items -3
# HELP metrics_dropped_total Series refused because there were too many.
# TYPE metrics_dropped_total counter
metrics_dropped_total 0
";
    assert_eq!(metrics.text(), expected);
}

#[test]
fn the_same_name_and_labels_are_the_same_series() {
    let metrics = Metrics::new();
    metrics.counter("events_total", "Events.").increment();
    let clone = metrics.clone();
    clone.counter("events_total", "Events.").increment();
    assert_eq!(metrics.counter("events_total", "Events.").get(), 2);
    metrics.gauge("open_items", "Open.").add(5);
    assert_eq!(metrics.gauge("open_items", "Open.").get(), 5);
}

#[test]
fn label_values_cannot_break_out() {
    let metrics = Metrics::new();
    metrics
        .counter_with("odd_total", "Odd.", &[("value", "a\"b\\c\nd")])
        .increment();
    assert!(
        metrics
            .text()
            .contains(r#"odd_total{value="a\"b\\c\nd"} 1"#)
    );
}

#[test]
fn too_many_series_are_refused_and_counted() {
    let metrics = Metrics::new();
    for id in 0..SERIES_MAX + 10 {
        metrics
            .counter_with("ids_total", "Ids.", &[("id", &id.to_string())])
            .increment();
    }
    assert!(metrics.text().contains("\nmetrics_dropped_total 10\n"));
    assert_eq!(metrics.text().matches("ids_total{").count(), SERIES_MAX);
}

#[test]
fn a_name_used_for_both_kinds_does_not_mix_them() {
    let metrics = Metrics::new();
    metrics.counter("both", "First.").increment();
    metrics.gauge("both", "Second.").set(9);
    assert!(metrics.text().contains("both 1\n"));
}

#[test]
fn a_latency_counts_in_every_bucket_that_it_fits() {
    let metrics = Metrics::new();
    let latency = metrics.latency("call_seconds_bucket", "Calls.", &[("call", "get")]);
    latency.observe(Duration::from_millis(5));
    latency.observe(Duration::from_secs(1));
    latency.observe(Duration::from_secs(60));
    let text = metrics.text();
    for (bound, count) in [("0.005", 1), ("0.5", 1), ("2.5", 2), ("10", 2), ("+Inf", 3)] {
        let line = format!("call_seconds_bucket{{call=\"get\",le=\"{bound}\"}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}
