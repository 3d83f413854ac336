//! Asks for every list and report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use tokio::sync::watch;
use tollgate_control_plane::clock::SystemClock;
use tollgate_control_plane::config::{Config, Source};
use tollgate_control_plane::domain::Secret;
use tollgate_control_plane::entropy::SystemEntropy;
use tollgate_control_plane::http::{self, App};
use tollgate_control_plane::prices::PriceList;
use tollgate_control_plane::reload::Reload;
use tollgate_control_plane::service::{Parts, Service};
use tollgate_control_plane::store::Store;
use tollgate_control_plane::vault::Vault;
use tollgate_core::key::KeyHash;
use tower::ServiceExt;

use crate::Size;

const MASTER: &str = "sk-bench";

/// Asks for each whose path holds `filter`, and prints how long that took.
pub(crate) async fn all(store: Arc<dyn Store>, size: Size, filter: &str) -> anyhow::Result<()> {
    let router = router(store).await?;
    println!("{:>9} {:>9} {:>9} {:>10}  of", "p50 ms", "p99 ms", "max ms", "bytes");
    for (name, path) in REPORTS.iter().filter(|(name, _)| name.contains(filter)) {
        let mut took = Vec::with_capacity(ROUNDS);
        let mut bytes = 0;
        for round in 0..ROUNDS {
            let path = written(path, size, i64::try_from(round)?);
            let start = Instant::now();
            bytes = asked(&router, &path).await?.max(bytes);
            took.push(start.elapsed());
        }
        took.sort_unstable();
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len() - 1));
        let ms = |it: Option<&Duration>| it.map_or(0.0, |it| it.as_secs_f64() * 1e3);
        let (p50, p99, max) = (ms(at(50)), ms(at(99)), ms(took.last()));
        let slow = if p99 > 200.0 { "  SLOW" } else { "" };
        println!("{p50:>9.1} {p99:>9.1} {max:>9.1} {bytes:>10}  {name}{slow}");
    }
    Ok(())
}

const ROUNDS: usize = 100;

/// What is asked for. `{…}` is another one each time. `/team/list` has no pages: it answers with
/// every team and every key of it.
const REPORTS: &[(&str, &str)] = &[
    ("/key/list, first page", "/key/list?page=1&size=100&return_full_object=true"),
    ("/key/list, any page", "/key/list?page={key_page}&size=100&return_full_object=true"),
    ("/key/list by spend", "/key/list?page={key_page}&size=100&sort_by=spend&sort_order=desc"),
    ("/key/list by alias", "/key/list?page={key_page}&size=100&sort_by=key_alias"),
    ("/key/list of a team", "/key/list?team_id={team}&size=100&return_full_object=true"),
    ("/key/list of a user", "/key/list?user_id={user}&size=100&return_full_object=true"),
    ("/key/aliases", "/key/aliases?page={key_page}&size=100"),
    ("/key/info", "/key/info?key={key}"),
    ("/user/list", "/user/list?page={user_page}&page_size=100"),
    ("/user/list by spend", "/user/list?page={user_page}&page_size=100&sort_by=spend"),
    ("/user/info", "/user/info?user_id={user}"),
    ("/v2/team/list", "/v2/team/list?page={team_page}&page_size=100"),
    ("/team/info", "/team/info?team_id={team}"),
    ("/organization/list", "/organization/list"),
    ("/audit", "/audit?page=1&page_size=100"),
    ("/spend/keys", "/spend/keys?limit=100"),
    ("/spend/users of one", "/spend/users?user_id={user}"),
    ("/spend/tags", "/spend/tags"),
    ("/spend/tags of days", "/spend/tags?start_date={first}&end_date={last}"),
    ("/spend/logs of a request", "/spend/logs?request_id={record}"),
    ("/spend/logs of a key", "/spend/logs?api_key={key}&page=1&page_size=100"),
    ("/spend/logs by day of a key", "/spend/logs?api_key={key}&start_date={first}&end_date={last}"),
    (
        "/spend/logs by day of a user",
        "/spend/logs?user_id={user}&start_date={first}&end_date={last}",
    ),
    ("/spend/logs/v2, first page", "/spend/logs/v2?page=1&page_size=100"),
    ("/spend/logs/v2, any page", "/spend/logs/v2?page={row_page}&page_size=100"),
    (
        "/spend/logs/v2 of days",
        "/spend/logs/v2?start_date={first}&end_date={last}&page=7&page_size=100",
    ),
    ("/spend/logs/v2 of a team", "/spend/logs/v2?team_id={team}&page=20&page_size=100"),
    ("/spend/logs/v2 of a user", "/spend/logs/v2?user_id={user}&page=2&page_size=100"),
    ("/spend/logs/v2 of a customer", "/spend/logs/v2?end_user={customer}&page=1&page_size=100"),
    ("/spend/logs/v2 of a model", "/spend/logs/v2?model={model}&page=200&page_size=100"),
    ("/spend/logs/v2 of no model", "/spend/logs/v2?model=nothing&page=1&page_size=100"),
    ("/spend/logs/v2 that failed", "/spend/logs/v2?status_filter=failure&page=20&page_size=100"),
    (
        "/spend/logs/v2 that failed, of a team",
        "/spend/logs/v2?status_filter=failure&team_id={team}&page=1",
    ),
    (
        "/global/spend/report of a day",
        "/global/spend/report?start_date={last}&end_date={last}&group_by=team",
    ),
    (
        "/global/spend/report by customer",
        "/global/spend/report?start_date={last}&end_date={last}&group_by=customer",
    ),
    (
        "/key/spend/report of a key",
        "/key/spend/report?api_key={key}&start_date={first}&end_date={last}",
    ),
    (
        "/user/spend/report",
        "/user/spend/report?internal_user_id={user}&start_date={first}&end_date={last}",
    ),
    (
        "/team/spend/report of a team",
        "/team/spend/report?team_id={team}&start_date={first}&end_date={last}",
    ),
    ("/global/spend", "/global/spend"),
    ("/global/spend/logs", "/global/spend/logs"),
    ("/global/spend/keys", "/global/spend/keys?limit=10"),
    ("/global/spend/teams", "/global/spend/teams"),
    ("/global/spend/models", "/global/spend/models?limit=10"),
    ("/global/spend/tags", "/global/spend/tags?start_date={first}&end_date={last}"),
    ("/global/spend/provider", "/global/spend/provider"),
    ("/global/activity", "/global/activity?start_date={first}&end_date={last}"),
    ("/global/activity/model", "/global/activity/model?start_date={first}&end_date={last}"),
    ("/user/daily/activity of all", "/user/daily/activity?start_date={first}&end_date={last}"),
    (
        "/user/daily/activity of one",
        "/user/daily/activity?user_id={user}&start_date={first}&end_date={last}",
    ),
    ("/team/daily/activity of all", "/team/daily/activity?start_date={first}&end_date={last}"),
    (
        "/team/daily/activity of one",
        "/team/daily/activity?team_ids={team}&start_date={first}&end_date={last}",
    ),
    ("/tag/daily/activity", "/tag/daily/activity?start_date={first}&end_date={last}"),
    ("/customer/daily/activity", "/customer/daily/activity?start_date={first}&end_date={last}"),
    (
        "/organization/daily/activity",
        "/organization/daily/activity?start_date={first}&end_date={last}",
    ),
];

/// Writes the path of a round.
fn written(path: &str, size: Size, round: i64) -> String {
    // A prime: neighbours are far from each other.
    let any = |most: i64| round * 7_919 % most.max(1);
    let key = KeyHash::of(format!("sk-{}", any(size.keys)).as_bytes()).to_hex();
    let record = any(size.rows);
    let last = OffsetDateTime::now_utc().date();
    let mut path = path.to_owned();
    for (name, value) in [
        ("{key}", key),
        ("{key_page}", (1 + any(size.keys / 100)).to_string()),
        ("{user_page}", (1 + any(size.users / 100)).to_string()),
        ("{team_page}", (1 + any(size.teams / 100)).to_string()),
        ("{row_page}", (1 + round * 97_919 % (size.rows / 100).max(1)).to_string()),
        ("{team}", format!("team-{}", any(size.teams))),
        ("{user}", format!("user-{}", any(size.users))),
        ("{customer}", format!("customer-{}", any(size.customers) / 10 * 10)),
        ("{model}", format!("model-{}", any(20))),
        ("{record}", format!("{:032x}{record:016x}", record % 8)),
        ("{first}", day(last - time::Duration::days(29 - any(3)))),
        ("{last}", day(last - time::Duration::days(any(3)))),
    ] {
        path = path.replace(name, &value);
    }
    path
}

fn day(day: Date) -> String {
    day.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

/// Returns how many bytes the answer has.
async fn asked(router: &Router, path: &str) -> anyhow::Result<usize> {
    let request = Request::get(path).header("authorization", format!("Bearer {MASTER}"));
    let answer = router.clone().oneshot(request.body(Body::empty())?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        anyhow::bail!("{path}: {status} {}", String::from_utf8_lossy(&body));
    }
    Ok(body.len())
}

async fn router(store: Arc<dyn Store>) -> anyhow::Result<Router> {
    let service = Service::new(Parts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        master_key: Some(Secret::new(MASTER)),
        vault: Vault::with_key(&[1; 32])?,
    });
    let reload = Reload::begin(config()?, PriceList::built_in()?, service.clone(), store).await?;
    let (_draining, drained) = watch::channel(false);
    Ok(http::router(App::new(service, &reload, drained)))
}

fn config() -> anyhow::Result<Config> {
    let source = Source {
        file: PathBuf::from("config.yaml"),
        data_dir: std::env::temp_dir(),
        env: BTreeMap::new(),
    };
    let text = "filter: { file: tollgate_filter.wasm }";
    Ok(source.read(text, &PriceList::default())?)
}
