//! `general_settings`, `litellm_settings` and `router_settings`.

use serde_yaml_ng::Value;

use crate::config::Strategy;
use crate::config::foreign::fields::{Section, text};
use crate::config::foreign::groups::Sharing;
use crate::config::foreign::litellm::{REFERENCE, reasons};
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, number, section};
use crate::config::foreign::variables::Variables;

/// What the three sections say that is of use here.
pub(super) struct Settings<'a> {
    pub(super) general: Section<'a>,
    pub(super) library: Section<'a>,
    pub(super) router: Section<'a>,
    /// The variable of the master key.
    pub(super) master_key: Option<String>,
    /// URL of the database, or `env:` and its variable.
    pub(super) database: Option<String>,
    pub(super) sharing: Sharing,
    pub(super) check_seconds: Option<f64>,
    pub(super) cache: Option<Value>,
    max_body_bytes: Option<u64>,
    allowed_ips: Vec<String>,
    behind_proxy: bool,
    failures: Option<u64>,
    pause_ms: Option<u64>,
}

impl<'a> Settings<'a> {
    pub(super) fn read(whole: &Section<'a>, variables: &Variables<'_>) -> Self {
        let general = whole.section("general_settings");
        let library = whole.section("litellm_settings");
        let router = whole.section("router_settings");
        let whole_of = |name: &str| router.whole(name).or_else(|| library.whole(name));
        let waits = router.number("stream_timeout").or_else(|| router.number("timeout"));
        let waits = waits.or_else(|| library.number("request_timeout"));
        let checks = general.flag("background_health_checks") == Some(true);
        let every = general.number("health_check_interval").unwrap_or(CHECK_SECONDS);
        let megabytes = general.number("max_request_size_mb");
        let pause = router.number("cooldown_time").or_else(|| library.number("cooldown_time"));
        Self {
            master_key: master_key(&general, variables),
            database: database(&general, variables),
            sharing: Sharing {
                strategy: strategy(&router),
                retries: whole_of("num_retries"),
                timeout: waits.filter(|seconds| *seconds > 0.0),
            },
            check_seconds: checks.then_some(every).filter(|seconds| *seconds > 0.0),
            cache: cache(&library),
            max_body_bytes: megabytes.and_then(|it| rounded(it * 1_048_576.0)),
            allowed_ips: general.texts("allowed_ips"),
            behind_proxy: general.flag("use_x_forwarded_for") == Some(true),
            failures: whole_of("allowed_fails").map(|fails| (fails + 1).min(1_000)),
            pause_ms: pause.and_then(|seconds| rounded((seconds * 1_000.0).min(86_400_000.0))),
            general,
            library,
            router,
        }
    }

    /// Writes the section `server`.
    pub(super) fn server(&self) -> Value {
        let gateway = section([
            ("error_profile", "litellm".into()),
            ("max_body_bytes", maybe(self.max_body_bytes)),
            ("allowed_ips", list(self.allowed_ips.clone())),
            ("trusted_hops", maybe(self.behind_proxy.then_some(1))),
        ]);
        section([("gateway", gateway)])
    }

    /// Writes the section `resilience`.
    pub(super) fn resilience(&self) -> Value {
        let pause = self.pause_ms.filter(|ms| *ms > 0);
        section([
            ("failures", maybe(self.failures)),
            ("open_ms", maybe(pause)),
            ("cooldown_ms", maybe(pause)),
            ("longest_cooldown_ms", maybe(pause.filter(|ms| *ms > LONGEST_MS))),
        ])
    }

    /// Writes the section `aliases`.
    pub(super) fn aliases(&self, is_model: impl Fn(&str) -> bool, notes: &Notes) -> Value {
        let aliases = self.router.section("model_group_alias");
        let written = aliases.entries().filter_map(|(alias, target)| {
            let target = target.get("model").unwrap_or(target);
            let place = aliases.at(&alias);
            let target = text(target).filter(|target| is_model(target));
            if target.is_none() {
                notes.lost(place, "stands for no model of the list");
            } else if is_model(&alias) {
                notes.lost(place, "is the name of a model, which wins here");
                return None;
            }
            Some((Value::from(alias), Value::from(target?)))
        });
        Value::Mapping(written.collect())
    }

    /// Notes what nothing here follows from.
    pub(super) fn finish(&self) {
        self.general.finish(|name| reasons::why("general_settings", name));
        self.library.finish(|name| reasons::why("litellm_settings", name));
        self.router.finish(|name| reasons::why("router_settings", name));
        if self.library.value("drop_params").and_then(Value::as_bool) == Some(false) {
            let message = "fields that a dialect cannot carry are left out here, unless the model \
                           is `strict`";
            self.library.notes().lost(self.library.at("drop_params"), message);
        }
    }
}

fn master_key(general: &Section<'_>, variables: &Variables<'_>) -> Option<String> {
    let place = general.at("master_key");
    let Some(written) = general.text("master_key") else {
        return variables.value(MASTER_KEY).map(|_| MASTER_KEY.to_owned());
    };
    if let Some(name) = written.strip_prefix(REFERENCE) {
        return variables.reference(&place, name);
    }
    Some(variables.literal(&place, MASTER_KEY, &written))
}

fn database(general: &Section<'_>, variables: &Variables<'_>) -> Option<String> {
    let place = general.at("database_url");
    let reference = |name: &str| Some(format!("env:{name}"));
    let Some(written) = general.text("database_url") else {
        return variables.value(DATABASE).and_then(|_| reference(DATABASE));
    };
    if let Some(name) = written.strip_prefix(REFERENCE) {
        return variables.reference(&place, name).and_then(|name| reference(&name));
    }
    let url = url::Url::parse(&written).ok();
    if url.is_none_or(|url| url.password().is_some()) {
        return reference(&variables.literal(&place, DATABASE, &written));
    }
    Some(written)
}

fn strategy(router: &Section<'_>) -> Strategy {
    let Some(name) = router.text("routing_strategy") else { return Strategy::Weighted };
    let known = if name == "usage-based-routing-v2" { "usage-based-routing" } else { &name };
    Strategy::named(known).unwrap_or_else(|_| {
        let message = format!("{name:?} is no strategy here; requests are shared by weight");
        router.notes().lost(router.at("routing_strategy"), message);
        Strategy::Weighted
    })
}

fn cache(library: &Section<'_>) -> Option<Value> {
    let on = library.flag("cache") == Some(true);
    let params = library.section("cache_params");
    let ttl = params.number("ttl").filter(|seconds| *seconds > 0.0);
    let by_wish = params.text("mode").is_some_and(|mode| mode == "default_off");
    if by_wish {
        let message = "answers are kept for all requests or none; none";
        params.notes().lost(params.at("mode"), message);
    }
    if let Some(kind) = params.text("type")
        && kind.contains("semantic")
    {
        let message = "answers to the same questions are kept; for similar ones write \
                       cache.semantic.embedding_model";
        params.notes().changed(params.at("type"), message);
    }
    params.finish(|name| reasons::why("cache_params", name));
    if !on || by_wish {
        return None;
    }
    Some(section([
        ("enabled", true.into()),
        ("eligibility", "all".into()),
        ("ttl_seconds", ttl.map_or(Value::Null, |seconds| number(seconds.min(86_400.0)))),
    ]))
}

fn rounded(number: f64) -> Option<u64> {
    format!("{number:.0}").parse().ok()
}

const MASTER_KEY: &str = "LITELLM_MASTER_KEY";
const DATABASE: &str = "DATABASE_URL";
/// LiteLLM's own default.
const CHECK_SECONDS: f64 = 300.0;
/// Ours.
const LONGEST_MS: u64 = 120_000;
