//! Whether work may be asked for: what its lines say, whom they name, and what it uses at most.

mod batch;

use std::rc::Rc;
use std::sync::Arc;

use tollgate_core::meter::Meter;
use tollgate_core::money::NanoDollars;
use tollgate_core::policy::access::KeyPolicy;
use tollgate_core::policy::resolve::{Unresolved, resolve};
use tollgate_core::price::Price;
use tollgate_core::snapshot::{Model, Snapshot, Target};
use tollgate_proto::v1;

use crate::domain::{Place, ResourceKind, Worst};

pub(super) use batch::batch;

/// What judging goes by, as filters are told it.
pub(super) struct Context {
    pub(super) snapshot: Arc<v1::Snapshot>,
    pub(super) policy: v1::KeyPolicy,
    pub(super) of_customer: Vec<v1::Meter>,
    pub(super) place: Place,
    pub(super) tags: Vec<String>,
    pub(super) customer: Option<String>,
}

/// Why work may not be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A line of its file cannot be taken. 0: it is not a certain line.
    Line(u32, String),
    /// An object that is not the tenant's, or lies elsewhere. `None`: of a kind that nobody has.
    Unknown(Option<ResourceKind>, String),
    /// The model has no price, which a money limit needs.
    Unpriced(String),
    /// A field that a limit needs is not there.
    Uncapped(&'static str),
    /// Nothing can be said now.
    Unavailable,
}

impl Fault {
    pub(super) fn line(number: u32, why: impl Into<String>) -> Self {
        Self::Line(number, why.into())
    }
}

/// What is known of work that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// Public name of the model. Empty: it is not known.
    pub(super) model: String,
    /// The provider's name of it.
    pub(super) provider_model: String,
    /// What it costs, as this work. `None`: not known.
    pub(super) price: Option<Price>,
    /// The most that it uses. `None`: not known, for want of `missing`.
    pub(super) worst: Option<Worst>,
    /// The field that would say it.
    pub(super) missing: &'static str,
    /// The limits that it meets.
    pub(super) meters: Vec<Meter>,
    /// What its lines name.
    pub(super) named: Vec<(Option<ResourceKind>, String)>,
    /// Lines have another name of the model than the provider's own.
    pub(super) renamed: bool,
}

/// Judges a run. `caps`: what it may read and write at most.
pub(super) fn run(
    context: &Context,
    model: &str,
    caps: Option<(u64, u64)>,
) -> Result<Judged, Fault> {
    one(context, model, "max_prompt_tokens' and 'max_completion_tokens", Price::clone, |price| {
        let (input, output) = caps?;
        let cost = price.map_or(NanoDollars(0), |price| price.bound(input, output));
        Some(Worst { input, output, cost })
    })
}

/// Judges a job. `trains`: how long its file is, and how often it goes over that.
pub(super) fn job(
    context: &Context,
    model: &str,
    trains: Option<(u64, u64)>,
) -> Result<Judged, Fault> {
    let judged = one(context, model, "n_epochs", Price::clone, |price| {
        // No token has less than a byte.
        let (bytes, epochs) = trains?;
        let input = bytes.saturating_mul(epochs);
        let cost = price.and_then(|price| price.of_training(input)).unwrap_or_default();
        Some(Worst { input, output: 0, cost })
    })?;
    let price = judged.price.filter(|price| price.later.training.is_some());
    Ok(Judged { price, ..judged })
}

/// Judges work of one model that the request names.
fn one(
    context: &Context,
    name: &str,
    missing: &'static str,
    price: impl Fn(&Price) -> Price,
    worst: impl FnOnce(Option<&Price>) -> Option<Worst>,
) -> Result<Judged, Fault> {
    let room = Room::open(context)?;
    // That it may be used was said before it was asked about here.
    let found = room.find(name).ok();
    let priced = found.as_ref().and_then(Found::price).map(|it| price(&it));
    Ok(Judged {
        model: name.to_owned(),
        provider_model: found.as_ref().map(|it| it.target.model.clone()).unwrap_or_default(),
        worst: worst(priced.as_ref()),
        price: priced,
        missing,
        meters: room.meters(name, found.as_ref()),
        named: Vec::new(),
        renamed: false,
    })
}

/// What judging goes by, in the form that the core decides with.
struct Room<'a> {
    context: &'a Context,
    snapshot: Snapshot,
    policy: KeyPolicy,
    of_customer: Vec<Rc<Meter>>,
}

/// A model, and who is to serve it.
struct Found {
    model: Rc<Model>,
    target: Rc<Target>,
}

impl Found {
    fn price(&self) -> Option<Price> {
        let free = || self.target.free.then(Price::default);
        self.target.price.clone().or_else(free)
    }
}

impl<'a> Room<'a> {
    fn open(context: &'a Context) -> Result<Self, Fault> {
        let snapshot = Snapshot::try_from(v1::Snapshot::clone(&context.snapshot));
        let policy = KeyPolicy::from(context.policy.clone());
        let of_customer = Meter::read(context.of_customer.clone());
        match (snapshot, of_customer) {
            (Ok(snapshot), Some(of_customer)) if !policy.unknown_meters => {
                Ok(Self { context, snapshot, policy, of_customer })
            }
            _ => Err(Fault::Unavailable),
        }
    }

    /// Finds what a name stands for at the place in question, or says why there is nothing.
    fn find(&self, name: &str) -> Result<Found, String> {
        let shown: String = name.chars().take(LONGEST_SHOWN).collect();
        let model = resolve(&self.snapshot, &self.policy, name, None).map_err(|why| match why {
            Unresolved::NotAllowed => format!("This API key may not use model '{shown}'."),
            Unresolved::NotAName
            | Unresolved::Unknown
            | Unresolved::UnknownProvider
            | Unresolved::OtherProvider => format!("Model '{shown}' not found."),
        })?;
        let Place { provider, account } = &self.context.place;
        let is_there = |target: &&Rc<Target>| {
            target.provider.id == *provider && target.provider.account == *account
        };
        let target = model
            .targets
            .iter()
            .find(is_there)
            .map(Rc::clone)
            .ok_or_else(|| format!("Model '{shown}' is not served where the file is kept."))?;
        Ok(Found { model, target })
    }

    /// Returns the limits that work meets, each once.
    fn meters(&self, name: &str, found: Option<&Found>) -> Vec<Meter> {
        let nameless = Model { name: name.to_owned(), ..Model::default() };
        let model = found.map_or(&nameless, |found| &*found.model);
        let of_place = |it: &&Rc<tollgate_core::snapshot::Provider>| {
            it.id == self.context.place.provider && it.account == self.context.place.account
        };
        let provider = self.snapshot.providers.iter().find(of_place).map(|it| &**it);
        let mut all =
            self.snapshot.meters(&self.policy.meters, &self.context.tags, model, provider);
        all.extend(self.of_customer.iter().filter(|it| it.counts(&model.name)).map(Rc::clone));
        all.sort_by_key(|meter| meter.id);
        all.dedup_by_key(|meter| meter.id);
        all.iter().map(|meter| Meter::clone(meter)).collect()
    }
}

impl Context {
    /// Finds a limit.
    pub(super) fn meter(&self, id: u64) -> Option<&v1::Meter> {
        let all = self.policy.meters.iter().chain(&self.of_customer).chain(&self.snapshot.meters);
        all.into_iter().find(|meter| meter.id == id)
    }
}

const LONGEST_SHOWN: usize = 256;
