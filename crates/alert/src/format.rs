//! The formats by name: how each is recognised, and which module reads it.

mod clouds;
mod datadog;
mod newrelic;
mod openstack;
mod own;
mod pagerduty;
mod prometheus;
mod zabbix;

use domain::time::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{Broken, Found};

macro_rules! formats {
    ($($(#[$doc:meta])* $case:ident $word:literal $read:path, $fits:path;)+) => {
        /// The shape of a body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Format {
            $($(#[$doc])* $case,)+
            /// Whatever a mapping of the customer's own says ([`crate::mapping`]).
            Mapped,
        }

        impl Format {
            /// All formats that have a parser of their own, in the order in which they are tried.
            pub const ALL: &[Self] = &[$(Self::$case),+];

            /// Its name in configurations.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)+
                    Self::Mapped => "mapped",
                }
            }

            pub(crate) fn read(self, value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
                match self {
                    $(Self::$case => $read(value, now),)+
                    Self::Mapped => Err(Broken::NotRecognised),
                }
            }

            fn fits(self, value: &Value) -> bool {
                match self {
                    $(Self::$case => $fits(value),)+
                    Self::Mapped => false,
                }
            }
        }
    };
}

formats! {
    /// Grafana's alerting webhook: Alertmanager's shape with fields of its own.
    Grafana "grafana" prometheus::grafana, prometheus::is_grafana;
    /// Alertmanager's webhook, version 4.
    Alertmanager "alertmanager" prometheus::alertmanager, prometheus::is_alertmanager;
    /// New Relic's first webhook: a form field `alert` with JSON in it.
    NewRelicLegacy "newrelic-legacy" newrelic::legacy, newrelic::is_legacy;
    /// New Relic's second webhook, with `current_state`.
    NewRelicIncident "newrelic-incident" newrelic::incident, newrelic::is_incident;
    /// New Relic's workflows, with the default template.
    NewRelicWorkflow "newrelic-workflow" newrelic::workflow, newrelic::is_workflow;
    /// Datadog, with the template of docs/alerts.md or one that names the same variables.
    Datadog "datadog" datadog::read, datadog::fits;
    /// A `CloudWatch` alarm in an SNS envelope, or bare.
    CloudWatch "cloudwatch" clouds::cloudwatch, clouds::is_cloudwatch;
    /// Rackspace Monitoring.
    Maas "maas" clouds::maas, clouds::is_maas;
    /// Zabbix, with the parameters of docs/alerts.md.
    Zabbix "zabbix" zabbix::read, zabbix::fits;
    /// An alarm of `OpenStack`'s Aodh.
    Aodh "aodh" openstack::aodh, openstack::is_aodh;
    /// `PagerDuty`'s Events version 2, which many tools can send.
    PagerDuty "pagerduty" pagerduty::read, pagerduty::fits;
    /// One `CloudEvent`, or a batch of them, whose data is in any other format.
    CloudEvents "cloudevents" own::cloudevents, own::is_cloudevents;
    /// A `StackStorm` trigger whose payload is in any other format.
    StackStorm "stackstorm" own::stackstorm, own::is_stackstorm;
    /// Metrics of servers.
    Samples "samples" own::samples, own::is_samples;
    /// The plain format of a shell script.
    Plain "plain" own::plain, own::is_plain;
    /// A receiver's call as of `OpenStack`'s Senlin: no state, one step. Never recognised, only declared.
    Senlin "senlin" openstack::senlin, never;
    /// A pre-signed signal as of `OpenStack`'s Heat: no state, one step. Never recognised, only declared.
    Heat "heat" openstack::heat, never;
}

/// A shape that says too little to be recognised.
const fn never(_value: &Value) -> bool {
    false
}

impl Format {
    /// The format of that name; `mapped` is none, since it needs a mapping.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == word)
    }

    /// Whether the call itself says all that is needed, as in the documents of Senlin: a POST without a body.
    pub(crate) const fn is_a_call(self) -> bool {
        matches!(self, Self::Senlin | Self::Heat)
    }

    /// What the value looks like.
    #[must_use]
    pub fn recognise(value: &Value) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.fits(value))
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether an object has all of these fields.
fn has(value: &Value, fields: &[&str]) -> bool {
    value
        .as_object()
        .is_some_and(|object| fields.iter().all(|field| object.contains_key(*field)))
}
