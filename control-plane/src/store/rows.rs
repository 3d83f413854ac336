//! From rows to domain types. What we did not write ourselves is an error that names the column.

use serde::de::DeserializeOwned;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::{
    Alert, ApiKey, BudgetState, Debit, Dimension, Entity, HealthMark, HealthState, HolderId, Item,
    ItemKind, LedgerRecord, Limits, Marked, Meter, MeterRow, MeterSpec, RecordId, Scope,
    SharedBudget, Stamps, Timestamp, UsageSource, Window,
};
use crate::store::daily::Counts;
use crate::store::driver::Driver;
use crate::store::ledger::CACHED;
use crate::store::{
    AuditEntry, DailySpend, LedgerEntry, ListedKey, SpendPart, StoreError, endpoints,
    stored_limits, units,
};

/// Reads columns of one row.
pub(super) struct Fields<'a, D: Driver>(pub(super) &'a D::Row);

impl<D: Driver> Fields<'_, D> {
    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(D::text(self.0, column)?)
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| self.broken(column))
    }

    pub(super) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(D::int(self.0, column)?)
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or_else(|| self.broken(column))
    }

    pub(super) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_| self.broken(column))
    }

    pub(super) fn key_hash(&self) -> Result<KeyHash, StoreError> {
        KeyHash::from_hex(&self.text("key_hash")?).ok_or_else(|| self.broken("key_hash"))
    }

    pub(super) fn holder(&self) -> Result<HolderId, StoreError> {
        HolderId::from_hex(&self.text("holder")?).ok_or_else(|| self.broken("holder"))
    }

    fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_micros)
    }

    fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int(column)?.map(Timestamp::from_micros))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| self.broken(column))
    }

    pub(super) fn broken(&self, column: &'static str) -> StoreError {
        let id = |column| D::text(self.0, column).ok().flatten();
        let row = id("key_hash").or_else(|| id("id")).unwrap_or_else(|| "?".into());
        StoreError::Inconsistent { column, row }
    }

    pub(super) fn api_key(&self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            hash: self.key_hash()?,
            name: self.text("name")?,
            alias: self.maybe_text("alias")?,
            user_id: self.maybe_text("user_id")?,
            team_id: self.maybe_text("team_id")?,
            models: self.json("models")?,
            aliases: self.json("aliases")?,
            metadata: self.json("metadata")?,
            tags: self.json("tags")?,
            expires_at: self.maybe_time("expires_at_us")?,
            allowed_routes: self.json("allowed_routes")?,
            organization_id: self.maybe_text("organization_id")?,
            budget_id: self.maybe_text("budget_id")?,
            limits: self.limits()?,
            budget: self.budget_state()?,
            spend: NanoDollars(self.int("spend_nanos")?),
            blocked: self.maybe_int("blocked")?.map(|flag| flag != 0),
            created_at: self.time("created_at_us")?,
            created_by: self.text("created_by")?,
            updated_at: self.time("updated_at_us")?,
            updated_by: self.text("updated_by")?,
            last_active: self.maybe_time("last_active_us")?,
            first_hash: self.maybe_text("first_hash")?.and_then(|hash| KeyHash::from_hex(&hash)),
            renewals: self.count("renewals")?,
            renewed_at: self.maybe_time("renewed_at_us")?,
        })
    }

    pub(super) fn entity(&self) -> Result<Entity, StoreError> {
        Ok(Entity {
            kind: Scope::parse(&self.text("kind")?).ok_or_else(|| self.broken("kind"))?,
            id: self.text("id")?,
            alias: self.maybe_text("alias")?,
            email: self.maybe_text("email")?,
            organization_id: self.maybe_text("organization_id")?,
            team_id: self.maybe_text("team_id")?,
            user_id: self.maybe_text("user_id")?,
            budget_id: self.maybe_text("budget_id")?,
            models: self.json("models")?,
            metadata: self.json("metadata")?,
            details: self.json("details")?,
            limits: self.limits()?,
            spend: NanoDollars(self.int("spend_nanos")?),
            budget: self.budget_state()?,
            blocked: self.maybe_int("blocked")?.map(|flag| flag != 0),
            stamps: self.stamps()?,
        })
    }

    pub(super) fn shared_budget(&self) -> Result<SharedBudget, StoreError> {
        Ok(SharedBudget { id: self.text("id")?, limits: self.limits()?, stamps: self.stamps()? })
    }

    fn stamps(&self) -> Result<Stamps, StoreError> {
        Ok(Stamps {
            created_at: self.time("created_at_us")?,
            created_by: self.text("created_by")?,
            updated_at: self.time("updated_at_us")?,
            updated_by: self.text("updated_by")?,
        })
    }

    pub(super) fn limits(&self) -> Result<Limits, StoreError> {
        let max_budget = self.maybe_int("max_budget_nanos")?;
        let limits = stored_limits::read(&self.text("limits")?, max_budget);
        limits.ok_or_else(|| self.broken("limits"))
    }

    /// Reads what was joined from the meter of the main budget.
    pub(super) fn budget_state(&self) -> Result<Option<BudgetState>, StoreError> {
        let used = self.maybe_int("budget_used")?.map(NanoDollars);
        let ends_at = self.maybe_time("budget_ends_us")?;
        Ok(used.zip(ends_at).map(|(used, ends_at)| BudgetState { used, ends_at }))
    }

    pub(super) fn meter(&self) -> Result<Meter, StoreError> {
        let scope = Scope::parse(&self.text("scope")?).ok_or_else(|| self.broken("scope"))?;
        let dimension = Dimension::parse(&self.text("dimension")?);
        let window = Window::parse(&self.text("limit_window")?);
        let spec = MeterSpec {
            scope,
            name: self.text("name")?,
            dimension: dimension.ok_or_else(|| self.broken("dimension"))?,
            model: Some(self.text("model")?).filter(|model| !model.is_empty()),
            window: window.ok_or_else(|| self.broken("limit_window"))?,
            amount: self.int("amount")?,
            soft_amount: self.maybe_int("soft_amount")?,
            observe_only: self.flag("observe_only")?,
        };
        Ok(Meter { id: self.count("id")?, spec })
    }

    pub(super) fn meter_row(&self) -> Result<MeterRow, StoreError> {
        let Meter { id, spec } = self.meter()?;
        Ok(MeterRow {
            id,
            spec,
            began: self.maybe_time("window_began_us")?,
            ends: self.maybe_time("window_ends_us")?,
            used: self.int("used")?,
            granted: self.int("granted")?,
            opening: self.int("opening")?,
            waited: self.maybe_time("waited_us")?,
        })
    }

    pub(super) fn listed_key(&self, deleted: bool) -> Result<ListedKey, StoreError> {
        let deleted = if deleted {
            Some((self.time("deleted_at_us")?, self.text("deleted_by")?))
        } else {
            None
        };
        Ok(ListedKey { key: self.api_key()?, deleted })
    }

    pub(super) fn health_mark(&self) -> Result<HealthMark, StoreError> {
        let (provider, account) = (self.text("provider")?, self.text("account")?);
        let state = HealthState::named(&self.text("state")?);
        Ok(HealthMark {
            of: Marked { provider, account, model: self.text("model")? },
            state: state.ok_or_else(|| self.broken("state"))?,
            until: self.time("until_us")?,
            level: u32::try_from(self.int("level")?).map_err(|_| self.broken("level"))?,
            reason: self.text("reason")?,
            since: self.time("since_us")?,
        })
    }

    pub(super) fn item(&self) -> Result<Item, StoreError> {
        Ok(Item {
            kind: ItemKind::named(&self.text("kind")?).ok_or_else(|| self.broken("kind"))?,
            id: self.text("id")?,
            body: self.json("body")?,
            sealed: self.maybe_text("sealed")?,
            stamps: self.stamps()?,
        })
    }

    pub(super) fn ledger_entry(&self) -> Result<LedgerEntry, StoreError> {
        Ok(LedgerEntry {
            record: self.ledger_record()?,
            user_id: self.maybe_text("user_id")?,
            team_id: self.maybe_text("team_id")?,
            key_alias: self.maybe_text("key_alias")?,
        })
    }

    pub(super) fn ledger_record(&self) -> Result<LedgerRecord, StoreError> {
        Ok(LedgerRecord {
            id: RecordId::from_hex(&self.text("id")?).ok_or_else(|| self.broken("id"))?,
            key_hash: self.key_hash()?,
            started_at: self.time("started_at_us")?,
            first_byte_at: self.maybe_time("first_byte_at_us")?,
            ended_at: self.time("ended_at_us")?,
            endpoint: endpoints::read(&self.text("endpoint")?),
            model: self.text("model")?,
            provider: self.maybe_text("provider")?,
            provider_model: self.maybe_text("provider_model")?,
            provider_response_id: self.maybe_text("provider_response_id")?,
            status: u16::try_from(self.int("status")?).map_err(|_| self.broken("status"))?,
            streamed: self.flag("streamed")?,
            aborted: self.flag("aborted")?,
            tokens: TokenUsage {
                input: self.count("input_tokens")?,
                output: self.count("output_tokens")?,
                total: self.count("total_tokens")?,
                cached_input: self.count("cached_input_tokens")?,
                cache_write: self.count("cache_write_tokens")?,
                reasoning: self.count("reasoning_tokens")?,
                audio_input: self.count("audio_input_tokens")?,
                audio_output: self.count("audio_output_tokens")?,
            },
            usage_source: usage_source(&self.text("usage_source")?),
            cost: NanoDollars(self.int("cost_nanos")?),
            unpriced: self.flag("unpriced")?,
            end_user: self.maybe_text("end_user")?,
            tags: self.json("tags")?,
            error_code: self.maybe_text("error_code")?,
            debits: self.debits()?,
            account: self.maybe_text("account")?,
            attempt: u32::try_from(self.int("attempt")?).map_err(|_| self.broken("attempt"))?,
            first_attempt: match self.maybe_text("first_attempt")? {
                None => None,
                Some(id) => {
                    Some(RecordId::from_hex(&id).ok_or_else(|| self.broken("first_attempt"))?)
                }
            },
            cached: self.maybe_text("served")?.is_some_and(|by| by == CACHED),
            units: match self.maybe_text("units")? {
                None => None,
                Some(text) => Some(units::read(&text).ok_or_else(|| self.broken("units"))?),
            },
        })
    }

    pub(super) fn debits(&self) -> Result<Vec<Debit>, StoreError> {
        let text = self.maybe_text("debits")?.unwrap_or_default();
        let parts = text.split(',').filter(|part| !part.is_empty());
        let debit = |part: &str| {
            let (meter, amount) = part.split_once(':')?;
            Some(Debit { meter: meter.parse().ok()?, amount: amount.parse().ok()? })
        };
        parts.map(|part| debit(part).ok_or_else(|| self.broken("debits"))).collect()
    }

    pub(super) fn spend_part(&self) -> Result<SpendPart, StoreError> {
        Ok(SpendPart {
            day: self.int("day")?,
            of: self.maybe_text("owner")?,
            key_hash: self.key_hash()?,
            model: self.text("model")?,
            counts: Counts {
                cost: NanoDollars(self.int("cost_nanos")?),
                input: self.count("input_tokens")?,
                output: self.count("output_tokens")?,
                total: self.count("total_tokens")?,
                ..Counts::default()
            },
        })
    }

    pub(super) fn tag_spend(&self) -> Result<(Vec<String>, Counts), StoreError> {
        let cost = NanoDollars(self.int("cost_nanos")?);
        let counts = Counts { cost, requests: self.count("total")?, ..Counts::default() };
        Ok((self.json("tags")?, counts))
    }

    pub(super) fn alert(&self) -> Result<Alert, StoreError> {
        Ok(Alert { meter: self.meter()?, used: self.int("used")?, at: self.time("at_us")? })
    }

    pub(super) fn add_daily_spend(&self, spend: &mut DailySpend) -> Result<(), StoreError> {
        let (day, cost) = (self.int("day")?, NanoDollars(self.int("cost_nanos")?));
        spend.keys.push((day, self.text("key_hash")?, cost));
        spend.users.extend(self.maybe_text("user_id")?.map(|user| (day, user, cost)));
        spend.models.push((day, self.text("model")?, cost));
        Ok(())
    }

    pub(super) fn audit_entry(&self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            change_id: self.text("change_id")?,
            object: self.text("object")?,
            at: self.time("at_us")?,
            actor: self.text("actor")?,
            action: self.text("action")?,
            before: self.maybe_text("state_before")?,
            after: self.maybe_text("state_after")?,
            request_id: self.maybe_text("request_id")?,
        })
    }
}

/// Writes debits as the ledger keeps them.
pub(super) fn debits_text(debits: &[Debit]) -> Option<String> {
    let parts = debits.iter().map(|debit| format!("{}:{}", debit.meter, debit.amount));
    (!debits.is_empty()).then(|| parts.collect::<Vec<_>>().join(","))
}

/// Names a source of usage in the ledger.
pub(super) fn usage_source_name(source: UsageSource) -> &'static str {
    match source {
        UsageSource::None => "none",
        UsageSource::Provider => "provider",
        UsageSource::Estimated => "estimated",
        UsageSource::Counted => "counted",
        UsageSource::Presumed => "presumed",
    }
}

fn usage_source(name: &str) -> UsageSource {
    match name {
        "provider" => UsageSource::Provider,
        "estimated" => UsageSource::Estimated,
        "counted" => UsageSource::Counted,
        "presumed" => UsageSource::Presumed,
        _ => UsageSource::None,
    }
}
