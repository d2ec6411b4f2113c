//! Which rights each verb needs: the one table. Verbs look here before anything else, so what it says is what holds;
//! `docs/api.md` shows it, and a test asks every route of the API as every kind of caller.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use super::Scope;

/// Something that can be asked of the service. Named as the operation of the API that asks for it; other operations that ask
/// for the same are its aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the operation of that name, which the OpenAPI document describes")]
pub enum Verb {
    Healthz,
    Readyz,
    Metrics,
    ListProjects,
    CreateProject,
    ConnectionsOverview,
    CreateSignInLink,
    ListKeys,
    RewrapKeys,
    GetClock,
    AcceptClock,
    PostEvents,
    #[serde(alias = "search_events")]
    ListEvents,
    GetEvent,
    TailEvents,
    CountEvents,
    EventsHistogram,
    EventsFacets,
    ExportEvents,
    EventDelivery,
    ListAlerts,
    ListConnections,
    GetConnection,
    ConnectionHistory,
    ListQuarantine,
    ListReplays,
    GetReplay,
    GetRetention,
    GetReading,
    CreateConnection,
    /// A change to a connection that is not active, or to what an active one is called and how fast it sends.
    UpdateConnection,
    /// A change to what the active connection sends or where: the whole log could be sent elsewhere by it.
    RedirectConnection,
    #[serde(alias = "delete_connections")]
    DeleteConnection,
    /// Sends one test message of ours, no event.
    #[serde(alias = "check_candidate")]
    CheckConnection,
    StopConnection,
    ClearQuarantine,
    SetRetention,
    CancelReduction,
    SetReading,
    ListTokens,
    CreateToken,
    DeleteToken,
    RotateToken,
    /// Its calls hold nothing of events.
    GetWebhook,
    SetWebhook,
    DeleteWebhook,
    TestWebhook,
    PreviewConnection,
    ActivateConnection,
    ResendQuarantine,
    #[serde(alias = "estimate_replay")]
    BeginReplay,
    #[serde(alias = "pause_replay", alias = "resume_replay", alias = "cancel_replay")]
    ChangeReplay,
}

/// What a caller must have for a verb. Operators have everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing, not even a token.
    Nothing,
    /// To be known; what is shown is limited to what one may see.
    Token,
    /// All of these rights in the project that it is asked of.
    InProject(&'static [Scope]),
    /// This right, wherever.
    Anywhere(Scope),
    /// To be an operator.
    Operator,
}

impl Verb {
    /// The verb that an operation of the API asks for.
    #[must_use]
    pub fn of_operation(id: &str) -> Option<Self> {
        let name: serde::de::value::StrDeserializer<'_, Error> = id.into_deserializer();
        Self::deserialize(name).ok()
    }

    /// How a verb shows events, for those that want to know who looked; `None` for verbs that show none, that show them by
    /// another verb, or that tell of it themselves (exports).
    #[must_use]
    pub const fn looks(self) -> Option<&'static str> {
        match self {
            Self::ListEvents => Some("page"),
            Self::GetEvent => Some("event"),
            Self::TailEvents => Some("tail"),
            Self::CountEvents => Some("count"),
            Self::EventsHistogram => Some("histogram"),
            Self::EventsFacets => Some("facets"),
            Self::ListQuarantine => Some("quarantine"),
            _ => None,
        }
    }

    /// The table.
    #[must_use]
    pub const fn needs(self) -> Needs {
        use Scope::{Configure, Ingest, Read};
        match self {
            Self::Healthz | Self::Readyz => Needs::Nothing,
            Self::ListProjects => Needs::Token,
            Self::Metrics => Needs::Anywhere(Scope::Metrics),
            Self::CreateProject
            | Self::ConnectionsOverview
            | Self::CreateSignInLink
            | Self::ListKeys
            | Self::RewrapKeys
            | Self::GetClock
            | Self::AcceptClock => Needs::Operator,
            Self::PostEvents => Needs::InProject(&[Ingest]),
            Self::ListEvents
            | Self::GetEvent
            | Self::TailEvents
            | Self::CountEvents
            | Self::EventsHistogram
            | Self::EventsFacets
            | Self::ExportEvents
            | Self::EventDelivery
            | Self::ListAlerts
            | Self::ListConnections
            | Self::GetConnection
            | Self::ConnectionHistory
            | Self::ListQuarantine
            | Self::ListReplays
            | Self::GetReplay
            | Self::GetRetention
            | Self::GetReading => Needs::InProject(&[Read]),
            Self::CreateConnection
            | Self::UpdateConnection
            | Self::DeleteConnection
            | Self::CheckConnection
            | Self::StopConnection
            | Self::ClearQuarantine
            | Self::SetRetention
            | Self::CancelReduction
            | Self::SetReading
            | Self::ListTokens
            | Self::CreateToken
            | Self::DeleteToken
            | Self::RotateToken
            | Self::GetWebhook
            | Self::SetWebhook
            | Self::DeleteWebhook
            | Self::TestWebhook => Needs::InProject(&[Configure]),
            // Whoever decides what is sent where, or sends it, must be one who may read it.
            Self::RedirectConnection
            | Self::PreviewConnection
            | Self::ActivateConnection
            | Self::ResendQuarantine
            | Self::BeginReplay
            | Self::ChangeReplay => Needs::InProject(&[Read, Configure]),
        }
    }
}
