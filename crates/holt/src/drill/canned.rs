//! Bodies of every format, from the corpus that the parsers are tested with.

/// One format: how it says that something is wrong, and how that it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canned {
    /// Its name in an input.
    pub(crate) format: &'static str,
    /// The media type that its senders use.
    pub(crate) media: &'static str,
    /// Something is wrong.
    pub(crate) opens: &'static str,
    /// It is over; a format without it knows no states, and asks for one step.
    pub(crate) closes: Option<&'static str>,
}

macro_rules! body {
    ($file:literal) => {
        include_str!(concat!("../../../alert/corpus/", $file))
    };
}

/// All formats but that of metrics, whose samples must be fresh.
pub(crate) const CANNED: &[Canned] = &[
    Canned {
        format: "grafana",
        media: "application/json",
        opens: body!("grafana/alerting.json"),
        closes: Some(body!("grafana/ok.json")),
    },
    Canned {
        format: "alertmanager",
        media: "application/json",
        opens: body!("alertmanager/firing.json"),
        closes: Some(body!("alertmanager/resolved.json")),
    },
    Canned {
        format: "newrelic-legacy",
        media: "application/x-www-form-urlencoded",
        opens: body!("newrelic-legacy/opened.form"),
        closes: Some(body!("newrelic-legacy/ended.form")),
    },
    Canned {
        format: "newrelic-incident",
        media: "application/json",
        opens: body!("newrelic-incident/open.json"),
        closes: Some(body!("newrelic-incident/closed.json")),
    },
    Canned {
        format: "newrelic-workflow",
        media: "application/json",
        opens: body!("newrelic-workflow/activated.json"),
        closes: Some(body!("newrelic-workflow/closed.json")),
    },
    Canned {
        format: "datadog",
        media: "application/json",
        opens: body!("datadog/triggered.json"),
        closes: Some(body!("datadog/recovered.json")),
    },
    Canned {
        format: "cloudwatch",
        media: "text/plain",
        opens: body!("cloudwatch/alarm.json"),
        closes: Some(body!("cloudwatch/ok.json")),
    },
    Canned {
        format: "maas",
        media: "application/json",
        opens: body!("maas/critical.json"),
        closes: Some(body!("maas/ok.json")),
    },
    Canned {
        format: "zabbix",
        media: "application/json",
        opens: body!("zabbix/problem.json"),
        closes: Some(body!("zabbix/resolved.json")),
    },
    Canned {
        format: "aodh",
        media: "application/json",
        opens: body!("aodh/alarm.json"),
        closes: Some(body!("aodh/ok.json")),
    },
    Canned {
        format: "pagerduty",
        media: "application/json",
        opens: body!("pagerduty/trigger.json"),
        closes: Some(body!("pagerduty/resolve.json")),
    },
    Canned {
        format: "cloudevents",
        media: "application/cloudevents+json",
        opens: body!("cloudevents/one.json"),
        closes: Some(body!("cloudevents/closed.json")),
    },
    Canned {
        format: "stackstorm",
        media: "application/json",
        opens: body!("stackstorm/payload.json"),
        closes: Some(body!("stackstorm/closed.json")),
    },
    Canned {
        format: "plain",
        media: "application/json",
        opens: body!("plain/open.json"),
        closes: Some(body!("plain/closed.json")),
    },
    Canned {
        format: "senlin",
        media: "application/json",
        opens: body!("senlin/trigger.json"),
        closes: None,
    },
    Canned {
        format: "heat",
        media: "application/json",
        opens: body!("heat/signal.json"),
        closes: None,
    },
];

/// Percent of use that one server says, now.
pub(crate) fn sample(value: u32) -> String {
    serde_json::json!({"host": "web-1", "value": value}).to_string()
}
