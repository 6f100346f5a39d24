//! What an input shows of itself, and what its trial says.

use utoipa::PartialSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::{Deserialize, InputSpec, Moment, Serialize, ToSchema, Verdict};

/// An input as it is. A secret that the sender made is never among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its id.
    pub id: String,
    /// What was configured.
    #[serde(flatten)]
    pub spec: InputSpec,
    /// Where alerts are sent. It is a secret, shown when the input is made and when its secret is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a sender proves itself with, where one was made here; shown as the URL is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// When it was made.
    pub created: Moment,
}

/// What was configured is closed to other members, and so cannot be said together with more: the members of both stand in one schema.
impl PartialSchema for Input {
    fn schema() -> RefOr<Schema> {
        let text = |about: &str| -> RefOr<Schema> {
            let text = ObjectBuilder::new().schema_type(Type::String);
            text.description(Some(about)).into()
        };
        let RefOr::T(Schema::Object(mut input)) = InputSpec::schema() else {
            return InputSpec::schema();
        };
        input.additional_properties = None;
        input.description = Some("An input as it is.".to_owned());
        let url = "Where alerts are sent. It is a secret, shown when the input is made and when its secret is changed.";
        let secret =
            "What a sender proves itself with, where one was made here; shown as the URL is.";
        let own = [
            ("id", text("Its id.")),
            ("url", text(url)),
            ("secret", text(secret)),
            ("created", RefOr::Ref(Ref::from_schema_name(Moment::name()))),
        ];
        let own = own.map(|(name, schema)| (name.to_owned(), schema));
        input.properties.extend(own);
        let always = ["id", "created"];
        input.required.extend(always.map(str::to_owned));
        RefOr::T(Schema::Object(input))
    }
}

impl ToSchema for Input {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        InputSpec::schemas(schemas);
        schemas.push((Moment::name().into_owned(), Moment::schema()));
    }
}

/// What a sender is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// As what the body was read.
    pub format: String,
    /// Alerts that were read.
    pub alerts: usize,
    /// Samples that were read.
    pub samples: usize,
    /// Events that groups have now, or had already.
    pub events: usize,
    /// Alerts and samples that are for no group.
    pub unrouted: usize,
    /// Parts of the body that could not be read; they are kept for people to see.
    pub broken: Vec<String>,
    /// Why parts were passed over on purpose.
    pub passed_over: Vec<String>,
    /// Where each of the first events is asked for.
    pub decisions: Vec<String>,
}

/// What a trial shows: what would be done with a body. Nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    /// As what the body was read.
    pub format: String,
    /// Each alert, and the groups that would have it.
    pub alerts: Vec<TrialAlert>,
    /// Servers with their values.
    pub samples: Vec<TrialSample>,
    /// Parts of the body that could not be read.
    pub broken: Vec<String>,
    /// Why parts would be passed over on purpose.
    pub passed_over: Vec<String>,
}

/// One alert of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialAlert {
    /// The alert, as it was read.
    #[schema(value_type = Object)]
    pub alert: serde_json::Value,
    /// How bad it counts as.
    pub severity: String,
    /// What would be done while it is open.
    pub action: String,
    /// The groups that would have it.
    pub groups: Vec<TrialGroup>,
}

/// One group of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialGroup {
    /// Its id; absent: there is no such group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name or id that the routes ask for.
    pub wanted: String,
    /// The verdict that the event would get now, by the group as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Box<Verdict>>,
}

/// One server of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialSample {
    /// The server.
    pub host: String,
    /// Its value.
    pub value: String,
}

/// A body that was not acted on, or only in part. Kept for 7 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    /// When it came.
    pub at: Moment,
    /// Why.
    pub why: String,
    /// Its media type.
    pub media_type: String,
    /// Its beginning: at most 16 KiB.
    pub body: String,
}

/// How a secret is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// For so long the URL and the secret from before are good, too.
    #[serde(default)]
    #[schema(maximum = 86400)]
    pub grace_seconds: u32,
}
