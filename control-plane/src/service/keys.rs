//! Keys: making, changing, finding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::{
    ApiKey, Edit, KeyChange, KeyPolicy, Lifetime, Limits, Secret, Timestamp, limits,
};
use crate::service::{Actor, Service, ServiceError};
use crate::store::{KeyPage, KeyQuery, Renewal};

/// What callers may say about a key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyFields {
    /// The fields that are stored as they come. `expires_at` is ours to set.
    pub change: KeyChange,
    /// How long it lives from now on. Cleared: for ever.
    pub lifetime: Edit<Lifetime>,
}

/// A key that was made.
#[derive(Debug)]
pub struct Generated {
    /// The key itself; this is the only time it is seen.
    pub secret: Secret,
    /// What is stored of it.
    pub key: ApiKey,
}

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The state this was read at; read before the key itself, so never too new.
    pub revision: u64,
    /// `None`: there is no such key.
    pub policy: Option<KeyPolicy>,
}

impl Service {
    /// Returns what a key may do; the master key may do everything.
    pub async fn resolve(&self, hash: &KeyHash) -> Result<Resolved, ServiceError> {
        let revision = self.store.revision().await?;
        if self.is_master(hash) {
            let policy = KeyPolicy { tenant: "master".to_owned(), ..KeyPolicy::default() };
            return Ok(Resolved { revision, policy: Some(policy) });
        }
        let Some((key, until)) = self.used_key(hash).await? else {
            return Ok(Resolved { revision, policy: None });
        };
        let owners = self.owners_of(&key).await?;
        let mut policy = key.policy(self.now());
        policy.expires_at = policy.expires_at.into_iter().chain(until).min();
        policy.blocked |= owners.blocked;
        policy.models = owners.models;
        policy.meters = owners.meters;
        policy.addresses.extend(owners.addresses);
        for tag in owners.tags {
            if !policy.tags.contains(&tag) {
                policy.tags.push(tag);
            }
        }
        Ok(Resolved { revision, policy: Some(policy) })
    }

    /// Makes a key, or changes the one whose text is `chosen`.
    pub async fn generate_key(
        &self,
        chosen: Option<Secret>,
        fields: KeyFields,
        actor: &Actor,
    ) -> Result<Generated, ServiceError> {
        let secret = self.secret(chosen)?;
        let change = self.change("key.generate", actor);
        let what = self.checked(fields, change.at).await?;
        let mut key = ApiKey {
            hash: KeyHash::of(secret.expose().as_bytes()),
            name: display_name(&secret),
            alias: None,
            user_id: None,
            team_id: None,
            models: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            metadata: serde_json::Map::new(),
            tags: Vec::new(),
            expires_at: None,
            allowed_routes: Vec::new(),
            organization_id: None,
            budget_id: None,
            limits: Limits::default(),
            spend: NanoDollars::ZERO,
            budget: None,
            blocked: None,
            created_at: change.at,
            created_by: change.actor.clone(),
            updated_at: change.at,
            updated_by: change.actor.clone(),
            last_active: None,
            first_hash: None,
            renewals: 0,
            renewed_at: None,
        };
        what.apply(&mut key, &change);
        let changed = self.store.add_key(&key, &what, &change).await?;
        Ok(Generated { secret, key: changed.key })
    }

    /// Changes the fields that were given.
    pub async fn update_key(
        &self,
        hash: &KeyHash,
        fields: KeyFields,
        actor: &Actor,
    ) -> Result<ApiKey, ServiceError> {
        let what = self.checked(fields, self.now()).await?;
        self.changed("key.update", hash, &what, actor).await
    }

    /// Blocks a key, or opens it again.
    pub async fn block_key(
        &self,
        hash: &KeyHash,
        blocked: bool,
        actor: &Actor,
    ) -> Result<ApiKey, ServiceError> {
        let action = if blocked { "key.block" } else { "key.unblock" };
        let what = KeyChange { blocked: Some(blocked), ..KeyChange::default() };
        self.changed(action, hash, &what, actor).await
    }

    /// Deletes keys and returns those that existed.
    pub async fn delete_keys(
        &self,
        hashes: &[KeyHash],
        actor: &Actor,
    ) -> Result<Vec<KeyHash>, ServiceError> {
        let change = self.change("key.delete", actor);
        Ok(self.store.delete_keys(hashes, &change).await?.hashes)
    }

    /// Finds a key by its hash.
    pub async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, ServiceError> {
        Ok(self.store.key_by_hash(hash).await?)
    }

    /// Finds the key that somebody uses: by its hash, or by one that it had and that is still
    /// good, until when.
    pub async fn used_key(
        &self,
        hash: &KeyHash,
    ) -> Result<Option<(ApiKey, Option<Timestamp>)>, ServiceError> {
        if let Some(key) = self.store.key_by_hash(hash).await? {
            return Ok(Some((key, None)));
        }
        let former = self.store.key_by_former_hash(hash, self.now()).await?;
        Ok(former.map(|(key, until)| (key, Some(until))))
    }

    /// Gives a key a new secret, and changes it. The former one is good for the grace period.
    pub async fn renew_key(
        &self,
        hash: &KeyHash,
        chosen: Option<Secret>,
        grace: Option<Lifetime>,
        fields: KeyFields,
        actor: &Actor,
    ) -> Result<Generated, ServiceError> {
        let secret = self.secret(chosen)?;
        let change = self.change("key.regenerate", actor);
        let what = self.checked(fields, change.at).await?;
        let former_until = match grace {
            None => change.at,
            Some(grace) => grace.after(change.at).ok_or_else(|| {
                ServiceError::invalid("grace_period", "ends after the last day we can write")
            })?,
        };
        let new = KeyHash::of(secret.expose().as_bytes());
        let renewal = Renewal { hash: new, name: display_name(&secret), former_until };
        let renewed = self.store.renew_key(hash, &renewal, &what, &change).await?;
        let key = renewed.ok_or(ServiceError::NotFound("key"))?.key;
        Ok(Generated { secret, key })
    }

    /// Finds a key by its alias.
    pub async fn key_by_alias(&self, alias: &str) -> Result<Option<ApiKey>, ServiceError> {
        Ok(self.store.key_by_alias(alias).await?)
    }

    /// Lists keys.
    pub async fn keys(&self, query: &KeyQuery) -> Result<KeyPage, ServiceError> {
        Ok(self.store.keys(query).await?)
    }

    async fn changed(
        &self,
        action: &'static str,
        hash: &KeyHash,
        what: &KeyChange,
        actor: &Actor,
    ) -> Result<ApiKey, ServiceError> {
        let change = self.change(action, actor);
        let changed = self.store.change_key(hash, what, &change).await?;
        Ok(changed.ok_or(ServiceError::NotFound("key"))?.key)
    }

    /// Returns the secret that was chosen, if it may be one, or a random one.
    fn secret(&self, chosen: Option<Secret>) -> Result<Secret, ServiceError> {
        match chosen {
            Some(secret) => self.acceptable(secret),
            None => Ok(self.random_key()),
        }
    }

    /// Checks what was said about a key, and that the budget is there which it names.
    async fn checked(&self, fields: KeyFields, now: Timestamp) -> Result<KeyChange, ServiceError> {
        let what = checked(fields, now)?;
        self.check_budget_id(&what.budget_id).await?;
        Ok(what)
    }

    fn random_key(&self) -> Secret {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        Secret::new(format!("sk-{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn acceptable(&self, secret: Secret) -> Result<Secret, ServiceError> {
        let text = secret.expose();
        let Some(rest) = text.strip_prefix("sk-") else {
            return Err(ServiceError::invalid("key", "must start with 'sk-'"));
        };
        if !(13..=MAX_NAME).contains(&rest.len()) {
            return Err(ServiceError::invalid("key", "must be at least 16 characters long"));
        }
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(ServiceError::invalid(
                "key",
                "may hold letters, digits, '-' and '_' alone",
            ));
        }
        if self.is_master(&KeyHash::of(text.as_bytes())) {
            return Err(ServiceError::invalid("key", "is the master key"));
        }
        Ok(secret)
    }
}

/// Checks what was said about a key, and turns its lifetime into a moment.
fn checked(fields: KeyFields, now: Timestamp) -> Result<KeyChange, ServiceError> {
    let KeyFields { mut change, lifetime } = fields;
    let names = [
        ("key_alias", &change.alias),
        ("user_id", &change.user_id),
        ("team_id", &change.team_id),
        ("organization_id", &change.organization_id),
        ("budget_id", &change.budget_id),
    ];
    for (field, name) in names {
        if name.as_value().is_some_and(|name| name.len() > MAX_NAME) {
            let why = format!("may be at most {MAX_NAME} bytes long");
            return Err(ServiceError::invalid(field, why));
        }
    }
    change.limits.check().and_then(|()| limits::amount("spend", change.spend))?;
    change.expires_at = match lifetime {
        Edit::Keep => Edit::Keep,
        Edit::Clear => Edit::Clear,
        Edit::Set(lifetime) => Edit::Set(lifetime.after(now).ok_or_else(|| {
            ServiceError::invalid("duration", "ends after the last day we can write")
        })?),
    };
    Ok(change)
}

/// `sk-...` and the last four characters: what people recognise a key by.
fn display_name(secret: &Secret) -> String {
    let text = secret.expose();
    let last = text.len().saturating_sub(4);
    format!("sk-...{}", text.get(last..).unwrap_or_default())
}

/// Longest name, in bytes: PostgreSQL indexes about 2700.
const MAX_NAME: usize = 255;
