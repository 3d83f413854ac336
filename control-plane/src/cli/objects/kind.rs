//! What the management API has for each kind of object.

use hyper::Method;
use serde_json::{Value, json};

use super::client::{Client, Failure};
use super::fields;
use super::table::Column;

/// A kind of objects.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(super) name: &'static str,
    /// Path that lists them, with the size of a page where there are pages.
    list: &'static str,
    /// Where the list is in the answer.
    listed_at: &'static str,
    pub(super) columns: &'static [Column],
    /// Path that shows one, without its id.
    show: &'static str,
    pub(super) shown_at: &'static str,
    pub(super) new: &'static str,
    pub(super) made_at: &'static str,
}

impl Kind {
    /// Keys of clients.
    pub(crate) const KEY: Self = Self {
        name: "key",
        list: "/key/list?return_full_object=true&size=100",
        listed_at: "/keys",
        columns: &[
            Column("HASH", "/token"),
            Column("ALIAS", "/key_alias"),
            Column("USER", "/user_id"),
            Column("TEAM", "/team_id"),
            Column("MODELS", "/models"),
            Column("SPEND", "/spend"),
            Column("BUDGET", "/max_budget"),
            Column("BLOCKED", "/blocked"),
            Column("EXPIRES", "/expires"),
        ],
        show: "/key/info?key=",
        shown_at: "/info",
        new: "/key/generate",
        made_at: "",
    };
    /// Users.
    pub(crate) const USER: Self = Self {
        name: "user",
        list: "/user/list?page_size=100",
        listed_at: "/users",
        columns: &[
            Column("ID", "/user_id"),
            Column("EMAIL", "/user_email"),
            Column("ROLE", "/user_role"),
            Column("SPEND", "/spend"),
            Column("BUDGET", "/max_budget"),
        ],
        show: "/v2/user/info?user_id=",
        shown_at: "",
        new: "/user/new",
        made_at: "",
    };
    /// Teams.
    pub(crate) const TEAM: Self = Self {
        name: "team",
        list: "/team/list",
        listed_at: "",
        columns: &[
            Column("ID", "/team_id"),
            Column("NAME", "/team_alias"),
            Column("MODELS", "/models"),
            Column("SPEND", "/spend"),
            Column("BUDGET", "/max_budget"),
            Column("BLOCKED", "/blocked"),
        ],
        show: "/team/info?team_id=",
        shown_at: "/team_info",
        new: "/team/new",
        made_at: "",
    };
    /// Targets of models.
    pub(crate) const MODEL: Self = Self {
        name: "model",
        list: "/model/info",
        listed_at: "/data",
        columns: &[
            Column("ID", "/model_info/id"),
            Column("NAME", "/model_name"),
            Column("TARGET", "/litellm_params/model"),
            Column("GROUPS", "/model_info/access_groups"),
        ],
        show: "/model/info?litellm_model_id=",
        shown_at: "/data/0",
        new: "/model/new",
        made_at: "",
    };
    /// Accounts of providers.
    pub(crate) const PROVIDER: Self = Self {
        name: "provider",
        list: "/api/providers",
        listed_at: "/connections",
        columns: &[
            Column("ID", "/id"),
            Column("PROVIDER", "/provider"),
            Column("NAME", "/name"),
            Column("ACTIVE", "/isActive"),
            Column("STATE", "/testStatus"),
        ],
        show: "/api/providers/",
        shown_at: "/connection",
        new: "/api/providers",
        made_at: "/connection",
    };

    /// Asks for all of them, page by page.
    pub(super) async fn list(&self, client: &Client) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for page in 1_u64.. {
            let paged = self.list.contains("size=");
            let path = if paged { format!("{}&page={page}", self.list) } else { self.list.into() };
            let answer = client.ask(Method::GET, &path, None).await?;
            let found = self.found(&answer, self.listed_at)?;
            all.extend(found.as_array().cloned().unwrap_or_default());
            if answer.get("total_pages").and_then(Value::as_u64).is_none_or(|pages| page >= pages) {
                break;
            }
        }
        Ok(all)
    }

    /// Returns the id that the API knows an object by. Keys are found by their alias, too.
    pub(super) async fn id(&self, client: &Client, written: &str) -> Result<String, Failure> {
        let is_hash = written.len() == 64 && written.bytes().all(|it| it.is_ascii_hexdigit());
        if self.name != "key" || is_hash {
            return Ok(written.to_owned());
        }
        if written.starts_with("sk-") {
            return Err(Failure::usage(
                "a key does not belong on a command line; write its hash or its alias \
                 (`tollgate key list`)",
            ));
        }
        let path = format!("{}&key_alias={}", self.list, encoded(written));
        let answer = client.ask(Method::GET, &path, None).await?;
        let found = answer.get("keys").and_then(Value::as_array).into_iter().flatten();
        let mut found = found.filter(|key| key.get("key_alias").is_some_and(|it| it == written));
        let token = found.next().and_then(|key| key.get("token")?.as_str()).map(str::to_owned);
        token.ok_or_else(|| Failure::refused(format!("there is no key with the alias {written:?}")))
    }

    pub(super) fn show(&self, id: &str) -> String {
        format!("{}{}", self.show, encoded(id))
    }

    /// Returns the part of an answer that is meant.
    pub(super) fn found(&self, answer: &Value, at: &str) -> Result<Value, Failure> {
        let found = answer.pointer(at).filter(|value| !value.is_null()).cloned();
        found.ok_or_else(|| Failure::refused(format!("there is no such {}", self.name)))
    }

    /// Says how fields of one are changed; its id goes where the API wants it.
    pub(super) fn update(&self, id: &str, body: &mut Value) -> (Method, String) {
        let place = match self.name {
            "provider" => return (Method::PUT, self.show(id)),
            "model" => "model_info.id".to_owned(),
            "key" => "key".to_owned(),
            name => format!("{name}_id"),
        };
        fields::set(body, place.split('.'), id.into());
        (Method::POST, format!("/{}/update", self.name))
    }

    pub(super) fn delete(&self, id: &str) -> (Method, String, Option<Value>) {
        let body = match self.name {
            "provider" => return (Method::DELETE, self.show(id), None),
            "model" => json!({ "id": id }),
            "key" => json!({ "keys": [id] }),
            name => json!({ format!("{name}_ids"): [id] }),
        };
        (Method::POST, format!("/{}/delete", self.name), Some(body))
    }

    /// Says how one is blocked. `None`: it cannot be.
    pub(super) fn block(&self, id: &str, block: bool) -> Option<(Method, String, Value)> {
        let verb = if block { "block" } else { "unblock" };
        let body = match self.name {
            "provider" => return Some((Method::PUT, self.show(id), json!({ "isActive": !block }))),
            "key" => json!({ "key": id }),
            "team" => json!({ "team_id": id }),
            _ => return None,
        };
        Some((Method::POST, format!("/{}/{verb}", self.name), body))
    }

    pub(super) fn unblockable(&self) -> String {
        match self.name {
            "user" => "users are not blocked; block their keys".into(),
            name => format!("{name}s are not blocked; delete it, or block the provider"),
        }
    }
}

fn encoded(text: &str) -> String {
    // A space is no plus in a path.
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}
