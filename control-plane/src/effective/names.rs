//! Combos, aliases and settings that were made over the management API.

use serde_json::{Map, Value};

use crate::config::{
    AliasConfig, ComboConfig, Member, ModelConfig, ModelSettings, ResilienceConfig, RoutingConfig,
    Strategy, TargetConfig, in_order,
};
use crate::domain::{Item, Limits};
use crate::effective::{IN_FILE, Merge};

/// Makes a model of targets that are tried in order.
pub(super) fn model(name: String, targets: Vec<TargetConfig>) -> ModelConfig {
    ModelConfig {
        name,
        targets,
        strict: false,
        settings: ModelSettings::default(),
        limits: Limits::default(),
        routing: RoutingConfig::default(),
        groups: Vec::new(),
        combo: false,
        kind: None,
    }
}

/// Reads a combo, or says what is wrong with it.
pub fn combo_of(item: &Item) -> Result<ComboConfig, String> {
    let name = item.text("name").unwrap_or_default().trim().to_owned();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err("name is missing, or longer than 100 characters".into());
    }
    let members = item.body.get("models").and_then(Value::as_array).into_iter().flatten();
    let members: Option<Vec<Member>> = members.map(member).collect();
    let members = members.filter(|members| !members.is_empty());
    let members = members.ok_or("models must be a list of names, or of model and weight")?;
    let strategy = item.text("strategy").map(Strategy::named).transpose()?;
    let config = item.body.get("config").unwrap_or(&Value::Null);
    let number = |name: &str| config.get(name).and_then(Value::as_u64);
    let narrow = |number: u64| u32::try_from(number).ok().filter(|number| *number > 0);
    let accounts = config.get("accountStrategy").and_then(Value::as_str);
    let routing = RoutingConfig {
        strategy: strategy.unwrap_or_default(),
        accounts: accounts.map(Strategy::named).transpose()?.unwrap_or_default(),
        max_attempts: number("maxAttempts").and_then(narrow),
        first_byte_timeout_ms: number("timeoutMs").and_then(narrow),
        attempts_within_ms: number("attemptsWithinMs").and_then(narrow),
        hold_ms: number("holdMs").and_then(narrow),
        hold_bytes: number("holdBytes").and_then(narrow),
    };
    Ok(ComboConfig { name, members, routing, groups: Vec::new() })
}

fn member(value: &Value) -> Option<Member> {
    if let Some(name) = value.as_str() {
        return Some(Member { model: name.to_owned(), weight: 1 });
    }
    let weight = value.get("weight").map_or(Some(1), Value::as_u64)?;
    let model = value.get("model").and_then(Value::as_str)?.to_owned();
    Some(Member { model, weight: u32::try_from(weight).ok().filter(|weight| *weight <= 1_000)? })
}

/// Reads the setting that says when accounts go out of rotation.
pub fn resilience_of(body: &Map<String, Value>) -> ResilienceConfig {
    let number = |name: &str| {
        let number = body.get(name).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
    };
    ResilienceConfig {
        failures: number("failures"),
        open_ms: number("open_ms"),
        cooldown_ms: number("cooldown_ms"),
        longest_cooldown_ms: number("longest_cooldown_ms"),
        refused_ms: number("refused_ms"),
    }
}

impl Merge<'_> {
    pub(super) fn combos<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        let mut added = Vec::new();
        for item in items {
            let combo = match combo_of(item) {
                Ok(combo) => combo,
                Err(why) => {
                    self.leave_out(item, why);
                    continue;
                }
            };
            if item.flag("isActive") == Some(false) {
                continue;
            }
            if self.file.models.iter().any(|model| model.name == combo.name) {
                let why = format!("{IN_FILE} a model {:?}", combo.name);
                self.leave_out(item, why);
                continue;
            }
            if self.config.models.iter().any(|model| model.name == combo.name) {
                let why = format!("{:?} is the name of a model", combo.name);
                self.leave_out(item, why);
                continue;
            }
            self.config.combos.push(combo.clone());
            added.push((item, combo));
        }
        for (item, combo) in added {
            match self.known().flatten(&combo) {
                Ok(model) => self.config.models.push(model),
                Err((_, why)) => {
                    self.config.combos.retain(|known| known.name != combo.name);
                    self.leave_out(item, why);
                }
            }
        }
    }

    pub(super) fn aliases<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        for item in items {
            let pattern = item.text("alias").unwrap_or(&item.id);
            if self.config.aliases.iter().any(|known| known.pattern == pattern) {
                self.leave_out(item, format!("{IN_FILE} this alias"));
                continue;
            }
            let target = item.text("model").unwrap_or_default();
            let Self { config, .. } = self;
            match AliasConfig::check(pattern, target, &config.models, &config.providers) {
                Ok(alias) => config.aliases.push(alias),
                Err(why) => self.leave_out(item, why),
            }
        }
        in_order(&mut self.config.aliases);
    }
}
