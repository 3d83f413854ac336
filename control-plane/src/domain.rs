//! What the control plane is about: keys and what they used. No serialisation, no SQL.
//!
//! Read [`ApiKey`] first, then [`LedgerRecord`].

pub mod address;
pub mod alert;
pub mod api_key;
pub mod claim;
pub mod commitment;
pub mod edit;
pub mod entity;
pub mod file_type;
pub mod health;
pub mod item;
pub mod kept;
pub mod key_change;
pub mod lifetime;
pub mod limits;
pub mod member;
pub mod meter;
pub mod model_list;
pub mod period;
pub mod person;
pub mod reconciliation;
pub mod replay;
pub mod report;
pub mod resource;
pub mod role;
pub mod secret;
pub mod session;
pub mod similarity;
pub mod standing;
pub mod timestamp;
pub mod usage;

pub use address::AddressLists;
pub use alert::Alert;
pub use api_key::{ApiKey, BudgetState, KeyPolicy};
pub use commitment::{Commitment, Terms, Used, WorkKind, Worst};
pub use edit::Edit;
pub use entity::{Entity, EntityChange, SharedBudget, Stamps};
pub use health::{HealthMark, HealthState, Marked};
pub use item::{Item, ItemKind};
pub use key_change::{Change, KeyChange};
pub use lifetime::Lifetime;
pub use limits::{Budget, Limits, LimitsChange, RateWindow, meters_of};
pub use meter::{Dimension, Meter, MeterRow, MeterSpec, Scope, Window};
pub use period::Period;
pub use person::Person;
pub use report::{HolderId, Holding, Report, Reported};
pub use resource::{Place, Resource, ResourceKind, ResourceQuery};
pub use role::{Role, TeamRole};
pub use secret::Secret;
pub use session::Session;
pub use similarity::{Similarity, Vector};
pub use standing::{Right, Standing};
pub use timestamp::Timestamp;
pub use usage::{Debit, Endpoint, LedgerRecord, RecordId, Units, UsageSource};
