//! Statements about answers that are kept.

use std::collections::BTreeMap;

use sqlx::SqlSafeStr;
use tollgate_core::key::hex;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::kept::{CacheKey, KeptAnswer, KeptFigures, KeptVector, Purge};
use crate::domain::{Change, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::{Driver, Value};
use crate::store::news::News;
use crate::store::rows::Fields;
use crate::store::{StoreError, sql, vectors};

/// The setting that says how often all that is kept was purged.
const GENERATION: &str = "cache_generation";

impl<D: Driver> SqlStore<D> {
    pub(super) async fn answer(
        &self,
        key: &CacheKey,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let args = vec![hex(key).into(), now.as_micros().into()];
        let rows = self.driver.read(sql::kept::KEPT_ANSWER.into_sql_str(), args).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = Fields::<D>(row);
        Ok(Some(KeptAnswer {
            key: *key,
            tenant: row.text("tenant")?,
            model: row.text("model")?,
            content_type: row.text("content_type")?,
            body: row.text("body")?,
            tokens: read(&row.json("tokens")?),
            cost: NanoDollars(row.int("cost_nanos")?),
            created_at: row.time("created_at_us")?,
            expires_at: row.time("expires_at_us")?,
        }))
    }

    pub(super) async fn put_answer(
        &self,
        kept: &KeptAnswer,
        vector: Option<&KeptVector>,
        generation: u64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        if generation_in::<D>(&mut tx).await? != generation {
            return Ok(false);
        }
        let args: Vec<Value> = vec![
            hex(&kept.key).into(),
            kept.tenant.as_str().into(),
            kept.model.as_str().into(),
            kept.content_type.as_str().into(),
            kept.body.as_str().into(),
            serde_json::json!(counts(&kept.tokens)).to_string().into(),
            kept.cost.0.into(),
            kept.created_at.as_micros().into(),
            kept.expires_at.as_micros().into(),
        ];
        D::run(&mut tx, sql::kept::KEEP_ANSWER.into_sql_str(), args).await?;
        if let Some(vector) = vector {
            vectors::put::<D>(&mut tx, kept, vector).await?;
        }
        D::commit(tx).await?;
        Ok(true)
    }

    pub(super) async fn forget_answers(
        &self,
        purge: &Purge,
        _change: &Change,
    ) -> Result<(u64, u64), StoreError> {
        let mut tx = self.driver.begin().await?;
        let (statement, args): (&'static str, Vec<Value>) = match purge {
            Purge::All => (sql::kept::FORGET_ANSWERS, Vec::new()),
            Purge::Model(model) => (sql::kept::FORGET_ANSWERS_OF, vec![model.as_str().into()]),
            Purge::One(key) => (sql::kept::FORGET_ANSWER, vec![hex(key).into()]),
            Purge::MadeBefore(at) => {
                (sql::kept::FORGET_ANSWERS_BEFORE, vec![at.as_micros().into()])
            }
        };
        let gone = D::run(&mut tx, statement.into_sql_str(), args).await?.len();
        let generation = generation_in::<D>(&mut tx).await?.saturating_add(1);
        let args = vec![GENERATION.into(), generation.to_string().into()];
        D::run(&mut tx, sql::SET_SETTING.into_sql_str(), args).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        self.commit(tx, &[News::SharedChanged { revision }]).await?;
        Ok((gone as u64, revision))
    }

    pub(super) async fn forget_old_answers(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![now.as_micros().into()];
        let gone = D::run(&mut tx, sql::kept::FORGET_OLD_ANSWERS.into_sql_str(), args).await?.len();
        vectors::forget_old::<D>(&mut tx, now).await?;
        D::commit(tx).await?;
        Ok(gone as u64)
    }

    pub(super) async fn answers(&self, now: Timestamp) -> Result<KeptFigures, StoreError> {
        let read = async |statement: &'static str| {
            let args = vec![now.as_micros().into()];
            self.driver.read(statement.into_sql_str(), args).await
        };
        let answers = read(sql::kept::KEPT_FIGURES).await?;
        let vectors = read(sql::kept::VECTOR_FIGURES).await?;
        let (Some(answers), Some(vectors)) = (answers.first(), vectors.first()) else {
            return Ok(KeptFigures::default());
        };
        let (answers, vectors) = (Fields::<D>(answers), Fields::<D>(vectors));
        Ok(KeptFigures {
            entries: answers.count("total")?,
            bytes: answers.count("bytes")?,
            similar: vectors.count("total")?,
        })
    }

    /// Returns how often all that is kept was purged.
    pub(super) async fn cache_generation(&self) -> Result<u64, StoreError> {
        let args = vec![GENERATION.into()];
        let rows = self.driver.read(sql::SETTING.into_sql_str(), args).await?;
        generation_of::<D>(&rows)
    }
}

async fn generation_in<D: Driver>(tx: &mut D::Tx) -> Result<u64, StoreError> {
    let rows = D::run(tx, sql::SETTING.into_sql_str(), vec![GENERATION.into()]).await?;
    generation_of::<D>(&rows)
}

fn generation_of<D: Driver>(rows: &[D::Row]) -> Result<u64, StoreError> {
    let Some(row) = rows.first() else { return Ok(FIRST) };
    Ok(Fields::<D>(row).text("value")?.parse().unwrap_or(FIRST))
}

fn counts(tokens: &TokenUsage) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([
        ("input", tokens.input),
        ("output", tokens.output),
        ("total", tokens.total),
        ("cached_input", tokens.cached_input),
        ("cache_write", tokens.cache_write),
        ("reasoning", tokens.reasoning),
        ("audio_input", tokens.audio_input),
        ("audio_output", tokens.audio_output),
    ])
}

fn read(counts: &BTreeMap<String, u64>) -> TokenUsage {
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    TokenUsage {
        input: count("input"),
        output: count("output"),
        total: count("total"),
        cached_input: count("cached_input"),
        cache_write: count("cache_write"),
        reasoning: count("reasoning"),
        audio_input: count("audio_input"),
        audio_output: count("audio_output"),
    }
}

/// Before the first purge.
const FIRST: u64 = 1;
