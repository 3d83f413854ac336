//! Combos: named chains of models, which become the targets of one model.

use std::collections::BTreeSet;

use crate::config::parse::Reader;
use crate::config::raw::{RawCombo, RawMember};
use crate::config::{
    ModelConfig, ModelSettings, ProviderConfig, RoutingConfig, Strategy, TargetConfig,
};
use crate::domain::Limits;
use crate::prices::PriceList;

/// A named chain of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComboConfig {
    /// The name clients write.
    pub name: String,
    /// In order of preference; at least one.
    pub members: Vec<Member>,
    /// How they are tried.
    pub routing: RoutingConfig,
    /// Access groups it belongs to.
    pub groups: Vec<String>,
}

/// A part of a combo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `provider/model`, or the name of a model or of another combo.
    pub model: String,
    /// Its share where weights count.
    pub weight: u32,
}

/// What is known when combos are resolved.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Everybody who answers.
    pub providers: &'a [ProviderConfig],
    /// Models that are no combos.
    pub models: &'a [ModelConfig],
    /// All combos.
    pub combos: &'a [ComboConfig],
    /// List prices, for members that are `provider/model`.
    pub prices: &'a PriceList,
}

impl Known<'_> {
    /// Makes a combo a model, or says which member cannot be resolved, and why.
    pub fn flatten(&self, combo: &ComboConfig) -> Result<ModelConfig, (usize, String)> {
        let targets = self.targets(combo, &mut Vec::new())?;
        Ok(ModelConfig {
            name: combo.name.clone(),
            targets,
            strict: false,
            settings: ModelSettings::default(),
            limits: Limits::default(),
            routing: combo.routing,
            groups: combo.groups.clone(),
            combo: true,
            kind: None,
        })
    }

    /// Resolves members. `path` has the combos that lead here.
    fn targets<'a>(
        &'a self,
        combo: &'a ComboConfig,
        path: &mut Vec<&'a str>,
    ) -> Result<Vec<TargetConfig>, (usize, String)> {
        path.push(&combo.name);
        let mut found = Vec::with_capacity(combo.members.len());
        for (at, member) in combo.members.iter().enumerate() {
            let targets = self.member(&member.model, path).map_err(|message| (at, message))?;
            found.push((member.weight, targets));
        }
        path.pop();
        let weighted = combo.routing.strategy == Strategy::Weighted;
        Ok(if weighted { shared_out(found) } else { chained(found) })
    }

    fn member<'a>(
        &'a self,
        name: &str,
        path: &mut Vec<&'a str>,
    ) -> Result<Vec<TargetConfig>, String> {
        if let Some(combo) = self.combos.iter().find(|combo| combo.name == name) {
            if path.contains(&name) {
                return Err(format!("combos lead in a circle: {} → {name}", path.join(" → ")));
            }
            if path.len() >= DEEPEST {
                return Err(format!(
                    "combos may be {DEEPEST} deep: {} → {name} is deeper",
                    path.join(" → ")
                ));
            }
            return self.targets(combo, path).map_err(|(_, message)| message);
        }
        if let Some(model) = self.models.iter().find(|model| model.name == name) {
            return Ok(model.targets.clone());
        }
        let parts = name.split_once('/').filter(|(_, model)| !model.is_empty());
        let provider = parts.and_then(|(id, model)| {
            let provider = self.providers.iter().find(|provider| provider.id == id)?;
            Some((provider, model))
        });
        let (provider, model) = provider.ok_or_else(|| {
            format!("{name:?} is neither a combo, nor a model, nor provider/model")
        })?;
        Ok(vec![TargetConfig::listed(provider, model, self.prices)])
    }
}

/// One after the other; the members' weights are theirs.
fn chained(members: Vec<(u32, Vec<TargetConfig>)>) -> Vec<TargetConfig> {
    members.into_iter().flat_map(|(_, targets)| targets).collect()
}

/// A member is one ticket, however many targets it stands for: they share its weight.
fn shared_out(members: Vec<(u32, Vec<TargetConfig>)>) -> Vec<TargetConfig> {
    let scale = if members.iter().all(|(_, targets)| targets.len() == 1) { 1 } else { FINE };
    let share = |(weight, targets): (u32, Vec<TargetConfig>)| {
        let count = u32::try_from(targets.len()).unwrap_or(u32::MAX).max(1);
        let weight = weight.saturating_mul(scale) / count;
        targets.into_iter().map(move |target| TargetConfig { weight, ..target })
    };
    members.into_iter().flat_map(share).collect()
}

impl Reader<'_> {
    pub(super) fn combos(
        &mut self,
        raw: Vec<RawCombo>,
        models: &[ModelConfig],
    ) -> Vec<ComboConfig> {
        let mut seen: BTreeSet<String> = models.iter().map(|model| model.name.clone()).collect();
        let mut combos = Vec::new();
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("combos[{at}]");
            let name_place = format!("{place}.name");
            let name = self.required(&name_place, raw.name.clone(), "name that clients write");
            if let Some(name) = &name
                && !seen.insert(name.clone())
            {
                self.problem(name_place, format!("{name:?} is taken by a model or another combo"));
            }
            if raw.models.is_empty() {
                self.problem(format!("{place}.models"), "missing: at least one model");
            }
            let routing = self.routing(&place, &raw.routing());
            let members = raw.models.into_iter().map(RawMember::member).collect();
            combos.extend(name.map(|name| ComboConfig {
                name,
                members,
                routing,
                groups: raw.groups,
            }));
        }
        combos
    }

    /// Makes combos models.
    pub(super) fn flattened(&mut self, known: Known<'_>) -> Vec<ModelConfig> {
        let mut models = Vec::new();
        for (at, combo) in known.combos.iter().enumerate() {
            match known.flatten(combo) {
                Ok(model) => models.push(model),
                Err((member, message)) => {
                    self.problem(format!("combos[{at}].models[{member}]"), message);
                }
            }
        }
        models
    }
}

/// How deep combos may name combos.
const DEEPEST: usize = 3;
/// Divisible by every count up to ten.
const FINE: u32 = 2_520;
