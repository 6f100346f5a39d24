use super::*;

fn settings(endpoint: &str) -> Settings {
    Settings {
        endpoint: Some(endpoint.to_owned()),
        one_in: 0,
        per_second: 2,
    }
}

const ASKED: Context = Context {
    trace: 0x4bf9,
    span: 0x00f0,
};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:9";

#[tokio::test(start_paused = true)]
async fn a_tracer_without_a_collector_makes_no_span() {
    let process = Process::simulated(crate::SimulatedProcess::default());
    let before = process.entropy.clone();
    let off = Tracer::start(&process, &Settings::default(), "test").unwrap();
    assert!(!off.is_on());
    assert!(off.begin(Some(ASKED), "a", Kind::Server).is_none());
    assert!(off.child(Some(ASKED), "b", Kind::Consumer).is_none());
    // Nor does it draw a number: a simulation goes on as it would without.
    let same = Process::simulated(crate::SimulatedProcess::default());
    assert_eq!(before.u64(), same.entropy.u64());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_traced_as_often_as_a_second_allows() {
    let process = Process::simulated(crate::SimulatedProcess::default());
    let tracer = Tracer::start(&process, &settings(NOBODY), "test").unwrap();
    let begun = || tracer.begin(Some(ASKED), "a", Kind::Server).is_some();
    assert!(tracer.begin(None, "a", Kind::Server).is_none());
    assert_eq!([begun(), begun(), begun()], [true, true, false]);
    process.clock.sleep(Duration::from_secs(1)).await;
    assert!(begun());
}

#[tokio::test(start_paused = true)]
async fn a_trace_that_is_kept_goes_on_however_many_begin() {
    let process = Process::simulated(crate::SimulatedProcess::default());
    let tracer = Tracer::start(&process, &settings(NOBODY), "test").unwrap();
    let children = (0..100).filter_map(|_| tracer.child(Some(ASKED), "b", Kind::Consumer));
    assert_eq!(children.count(), 100);
    assert!(tracer.child(None, "b", Kind::Consumer).is_none());
}

#[tokio::test]
async fn what_nobody_takes_is_dropped_and_counted() {
    let process = Process::system();
    let tracer = Tracer::start(&process, &settings(NOBODY), "test").unwrap();
    for _ in 0..WAITING_MAX + 100 {
        drop(tracer.child(Some(ASKED), "b", Kind::Consumer));
    }
    process.stop.request();
    process
        .tasks
        .drain(&process.clock, Duration::from_secs(10))
        .await;
    let dropped = process.metrics.counter("traces_dropped_total", "");
    assert!(dropped.get() >= 100, "{}", dropped.get());
}

#[tokio::test(start_paused = true)]
async fn a_span_is_said_as_otlp_says_it() {
    let process = Process::simulated(crate::SimulatedProcess::default());
    let tracer = Tracer::start(&process, &settings(NOBODY), "test").unwrap();
    let mut span = tracer.child(Some(ASKED), "worker.execute", Kind::Consumer);
    let span = span.as_mut().unwrap();
    span.set("holt.slot", "s".repeat(1_000));
    span.fail("unknown");
    let ended = Ended {
        end_us: 1_700_000_000_000_000,
        took: Duration::from_micros(1_500),
        attributes: std::mem::take(&mut span.ended.attributes),
        ..span.ended
    };
    let said = otlp::message("holt-worker", &[ended]);
    let resource = &said["resourceSpans"][0];
    let name = &resource["resource"]["attributes"][0];
    assert_eq!(name["value"]["stringValue"], "holt-worker");
    let span = &resource["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "00000000000000000000000000004bf9");
    assert_eq!(span["parentSpanId"], "00000000000000f0");
    assert_eq!(span["startTimeUnixNano"], "1699999999998500000");
    assert_eq!(span["endTimeUnixNano"], "1700000000000000000");
    assert_eq!(span["kind"], 5);
    assert_eq!(span["status"]["code"], 2);
    let value = &span["attributes"][0]["value"]["stringValue"];
    assert_eq!(value.as_str().unwrap().len(), VALUE_CHARS_MAX);
}

#[tokio::test]
async fn an_address_that_is_none_stops_the_start() {
    let process = Process::system();
    let error = Tracer::start(&process, &settings("localhost:4318"), "test").unwrap_err();
    assert!(error.to_string().contains("telemetry.traces.endpoint"));
}
