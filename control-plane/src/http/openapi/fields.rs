//! Fields of request bodies: what the document says of them, and what a test sends to prove that
//! the handler reads them.

use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType};
use utoipa::openapi::{Schema, Type};

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Whole,
    /// An amount in US dollars.
    Dollars,
    /// Yes or no.
    Flag,
    /// A list of texts.
    Texts,
    /// A list of objects.
    Objects,
    /// An object.
    Object,
}

/// A field of a body.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it means.
    pub meaning: &'static str,
}

impl Kind {
    /// Returns a value that no field of this kind takes.
    pub fn wrong(self) -> Value {
        match self {
            Self::Text => json!({ "not": "a text" }),
            Self::Whole | Self::Dollars | Self::Flag => json!("not one"),
            Self::Texts | Self::Objects | Self::Object => json!(7),
        }
    }

    /// Describes what is taken; `null` clears a field or leaves it alone.
    pub(super) fn schema(self, meaning: &str) -> Schema {
        let of = |kind: Type| {
            let schema = ObjectBuilder::new().description(Some(meaning));
            schema.schema_type(SchemaType::from_iter([kind, Type::Null])).into()
        };
        let list = |items: Type| {
            let items = ObjectBuilder::new().schema_type(items);
            let schema = ArrayBuilder::new().description(Some(meaning)).items(items);
            schema.schema_type(SchemaType::from_iter([Type::Array, Type::Null])).into()
        };
        match self {
            Self::Text => of(Type::String),
            Self::Whole => of(Type::Integer),
            Self::Dollars => of(Type::Number),
            Self::Flag => of(Type::Boolean),
            Self::Object => of(Type::Object),
            Self::Texts => list(Type::String),
            Self::Objects => list(Type::Object),
        }
    }
}

pub(super) const fn text(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Text, meaning }
}

pub(super) const fn whole(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Whole, meaning }
}

pub(super) const fn dollars(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Dollars, meaning }
}

pub(super) const fn flag(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Flag, meaning }
}

pub(super) const fn texts(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Texts, meaning }
}

pub(super) const fn object(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Object, meaning }
}

pub(super) const fn objects(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Objects, meaning }
}

/// Limits that keys, users, teams and all others may have.
pub(super) const LIMITS: &[Field] = &[
    dollars("max_budget", "Most that may be spent, in USD."),
    dollars("soft_budget", "Spend in USD that raises an alert and refuses nothing."),
    text(
        "budget_duration",
        "How long a budget lasts, such as 1d, 7d, 30d or 1mo; then it begins anew.",
    ),
    objects("budget_limits", "Several budgets at once: budget_duration and max_budget each."),
    whole("tpm_limit", "Tokens a minute."),
    whole("rpm_limit", "Requests a minute."),
    whole("tpd_limit", "Tokens a day."),
    whole("max_parallel_requests", "Requests at a time."),
    object("model_tpm_limit", "Tokens a minute, by model."),
    object("model_rpm_limit", "Requests a minute, by model."),
    object("model_max_budget", "Budgets by model: budget_limit and time_period each."),
    flag("observe_only", "Count, and refuse nothing."),
];

/// What may be said of a key.
pub(super) const KEY: &[Field] = &[
    text("key_alias", "A name that no other key has."),
    text("duration", "How long it lives, such as 30s, 5m, 2h, 7d, 2w or 1mo; -1: for ever."),
    text("user_id", "The user it belongs to."),
    text("team_id", "The team it belongs to."),
    text("organization_id", "The organisation it belongs to; its team's without one."),
    text("budget_id", "A budget that it shares: limits hold where it has none of its own."),
    texts("models", "Models it may call, by name, pattern or access group; empty: all."),
    object("aliases", "Name that its requests write, and name that it stands for."),
    texts("tags", "Tags that each of its requests carries."),
    object("metadata", "Free JSON; allowed_ips and denied_ips in it hold."),
    dollars("spend", "What counts as spent so far, in USD."),
    flag("blocked", "Refuses everything."),
    texts("allowed_routes", "Paths, patterns that end in * or groups of routes; empty: all."),
    text("key_type", "A word for allowed_routes: default, llm_api, management or read_only."),
];

pub(super) const CHOSEN_KEY: &[Field] =
    &[text("key", "The key itself: sk- and 13 or more letters, digits, - or _.")];

pub(super) const PASSWORD: &[Field] = &[
    text("username", "The name of the administrator."),
    text("password", "The password, or the master key where there is none."),
];

pub(super) const KEY_ID: &[Field] = &[text("key", "The key, or its hash.")];

pub(super) const KEYS: &[Field] =
    &[texts("keys", "Keys, or their hashes."), texts("key_aliases", "Aliases of keys.")];

pub(super) const KEY_CHANGES: &[Field] =
    &[objects("keys", "Of each key its name and the fields to change; up to 500.")];

pub(super) const USER_CHANGES: &[Field] = &[
    objects("users", "Of each user their id or address and the fields to change; up to 500."),
    flag("all_users", "Change all of them by user_updates instead."),
    object("user_updates", "The fields to change of all users."),
];

pub(super) const TEAM_KEY_CHANGES: &[Field] = &[
    text("team_id", "The team."),
    texts("key_ids", "Keys of it, or their hashes; up to 500."),
    flag("all_keys_in_team", "All of its keys instead."),
    object("update_fields", "Limits, budgets, duration, tags or metadata to change."),
];

pub(super) const PERMISSION_CHANGES: &[Field] = &[
    texts("permissions", "What members may do to keys, such as /key/generate."),
    texts("team_ids", "The teams."),
    flag("apply_to_all_teams", "All teams instead."),
];

pub(super) const PUBLIC_MODELS: &[Field] = &[texts("model_groups", "Names of models.")];

pub(super) const ESTIMATE: &[Field] = &[
    text("model", "The model."),
    whole("input_tokens", "Tokens of the prompt, besides those of the cache."),
    whole("output_tokens", "Tokens of the answer, those of reasoning included."),
    whole("cache_read_input_tokens", "Tokens read from the provider's cache."),
    whole("cache_creation_input_tokens", "Tokens written to it."),
    whole("reasoning_tokens", "Tokens of reasoning."),
    whole("num_requests_per_day", "How many such requests a day."),
    whole("num_requests_per_month", "How many a month."),
];

pub(super) const KEY_NAMES: &[Field] = &[texts("keys", "Keys, or their hashes.")];

pub(super) const RESET: &[Field] =
    &[dollars("reset_to", "What counts as spent from now on, in USD.")];

/// What users, teams, organisations, customers and tags share.
pub(super) const ENTITY: &[Field] = &[
    text("budget_id", "A budget that it shares."),
    dollars("spend", "What counts as spent so far, in USD."),
];

/// What those have that keys belong to.
pub(super) const OWNER: &[Field] = &[
    texts("models", "Models its keys may call; empty: all."),
    object("metadata", "Free JSON; allowed_ips, denied_ips and tags in it hold for its keys."),
];

pub(super) const USER: &[Field] = &[
    text("user_id", "Its id; made up without one."),
    text("user_email", "Its address; no other user has it."),
    text("user_alias", "What people call it."),
    text("user_role", "proxy_admin, proxy_admin_viewer, internal_user or internal_user_viewer."),
];

pub(super) const PARTS_OF_USER: &[Field] = &[
    objects("teams", "Teams to be a member of, by id or with team_id and max_budget_in_team."),
    texts("organizations", "Organisations to be a member of."),
];

pub(super) const KEY_OF_USER: &[Field] = &[
    flag("auto_create_key", "Make a key as well; true without a word."),
    text("key_alias", "Alias of that key."),
    text("team_id", "Team of that key."),
    text("duration", "How long that key lives."),
    object("aliases", "Aliases of models of that key."),
];

pub(super) const USER_IDS: &[Field] = &[texts("user_ids", "Their ids.")];

pub(super) const NEW_TEAM: &[Field] = &[text("team_id", "Its id; made up without one.")];

pub(super) const TEAM: &[Field] = &[
    text("team_alias", "What people call it."),
    text("organization_id", "The organisation it belongs to."),
    flag("blocked", "Refuses all requests of its keys."),
    texts("team_member_permissions", "What members may do to keys of the team."),
    dollars("team_member_budget", "Most that each member may spend of it, in USD."),
    text("team_member_budget_duration", "How long that budget lasts; then it begins anew."),
    whole("team_member_tpm_limit", "Tokens a minute of each member."),
    whole("team_member_rpm_limit", "Requests a minute of each member."),
    text("team_member_key_duration", "How long new keys of members live, unless said of one."),
];

pub(super) const RENEWAL: &[Field] = &[
    text("new_key", "The new secret; a random one without it."),
    text("grace_period", "How long the former secret goes on, such as 24h."),
];

pub(super) const TEAM_ID: &[Field] = &[text("team_id", "Its id.")];

pub(super) const TEAM_IDS: &[Field] = &[texts("team_ids", "Their ids.")];

pub(super) const ORGANIZATION: &[Field] = &[
    text("organization_id", "Its id; made up without one."),
    text("organization_alias", "What people call it."),
];

pub(super) const ORGANIZATION_IDS: &[Field] = &[texts("organization_ids", "Their ids.")];

pub(super) const ORGANIZATIONS: &[Field] = &[texts("organizations", "Their ids.")];

pub(super) const CUSTOMER: &[Field] = &[
    text("user_id", "What requests name it as."),
    text("alias", "What people call it."),
    flag("blocked", "Refuses all requests that name it."),
    object("metadata", "Free JSON."),
];

pub(super) const TAG: &[Field] =
    &[text("name", "What requests name it as."), text("description", "What it stands for.")];

pub(super) const TAG_NAME: &[Field] = &[text("name", "Its name.")];

pub(super) const TAG_NAMES: &[Field] = &[texts("names", "Their names.")];

pub(super) const BUDGET: &[Field] = &[text("budget_id", "Its id; made up without one.")];

pub(super) const BUDGET_IDS: &[Field] = &[texts("budgets", "Their ids.")];

pub(super) const ID: &[Field] = &[text("id", "Its id.")];

pub(super) const MODEL: &[Field] = &[
    text("model_name", "The name that clients write."),
    object(
        "litellm_params",
        "Where it is: model, api_key, api_base, rpm, tpm, weight, order, prices.",
    ),
    object("model_info", "What is known of it: id, access_groups, and anything else."),
];

pub(super) const CREDENTIAL: &[Field] = &[
    text("credential_name", "What models name it by."),
    object("credential_values", "api_key, which is sealed, api_base, api_version."),
    object("credential_info", "Anything to know about it."),
];

pub(super) const CREDENTIAL_CHANGE: &[Field] = &[
    object("credential_values", "Values to replace, by name."),
    object("credential_info", "Facts to replace, by name."),
];

pub(super) const COST: &[Field] = &[
    text("model", "The model."),
    objects("messages", "A request that is to be priced."),
    object("completion_response", "An answer whose usage is to be priced."),
];

pub(super) const REPLAY: &[Field] = &[
    text("key", "Whose requests: of this key, or of its hash."),
    text("user_id", "Whose requests: of this user."),
    text("team_id", "Whose requests: of this team."),
    text("end_user", "Whose requests: of this customer."),
    text("start_date", "First day, YYYY-MM-DD."),
    text("end_date", "Last day."),
    object("policy", "What is to be otherwise: limits as keys have them, models, blocked."),
];

pub(super) const EXPLAIN: &[Field] = &[
    text("key", "The key that would make the request, or its hash."),
    text("path", "Path of the request; /v1/chat/completions when unset."),
    object("headers", "Headers of the request, by name."),
    object("body", "Body of the request. Unset: a GET."),
    text("client_address", "Where the client calls from."),
];

pub(super) const COUNT: &[Field] = &[text("model", "The model."), text("prompt", "What to count.")];

pub(super) const CUSTOMERS_OF: &[Field] = &[
    text("api_key", "Of this key alone."),
    text("startTime", "First day, YYYY-MM-DD."),
    text("endTime", "Last day."),
];

pub(super) const ALIAS: &[Field] =
    &[text("alias", "The name."), text("model", "What it stands for.")];

pub(super) const CONNECTION: &[Field] = &[
    text("provider", "A provider of the catalogue, or a node."),
    text("name", "What people call it."),
    text("apiKey", "Its key, which is sealed and never shown."),
    text("baseUrl", "Where it is."),
    text("apiVersion", "Azure's version of the API."),
    text("proxy", "A proxy to reach it through."),
    text("defaultModel", "A model that is offered as provider/model."),
    whole("priority", "Its place among the accounts of its provider."),
    whole("weight", "Its share of requests."),
    flag("isActive", "Whether it is used."),
    object("limits", "rpm, tpm, tpd and max_parallel_requests of the account."),
];

pub(super) const NODE: &[Field] = &[
    text("name", "What people call it."),
    text("prefix", "What models are written with: prefix/model."),
    text("type", "openai-compatible or anthropic-compatible."),
    text("apiType", "chat or responses."),
    text("baseUrl", "Where it is."),
];

pub(super) const PROVIDER_MODEL: &[Field] = &[
    text("provider", "Whose it is."),
    text("modelId", "Its name there."),
    text("modelName", "What people call it."),
];

pub(super) const COMBO: &[Field] = &[
    text("name", "The name that clients write."),
    text("strategy", "How a model of the chain is chosen."),
    objects("models", "The chain: names, or model and weight."),
    object("config", "Settings of the strategy."),
    flag("isActive", "Whether it is used."),
];

pub(super) const COMBO_NAME: &[Field] = &[text("comboName", "Its name.")];

pub(super) const MARK: &[Field] = &[text("provider", "Its provider."), text("model", "Its model.")];

pub(super) const RESILIENCE: &[Field] = &[
    object("profiles", "When accounts go out of rotation, in OmniRoute's terms."),
    object("resilience", "The same in ours."),
];
