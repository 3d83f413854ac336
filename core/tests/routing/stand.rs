//! Models and targets for tests.

use std::rc::Rc;

use tollgate_core::snapshot::{Provider, Target};
use tollgate_core::tokens::Family;
use tollgate_proto::v1 as proto;

/// Some moment: 2026-11-21 08:09:25 UTC.
pub(crate) const NOW_US: i64 = 1_795_248_565_000_000;
pub(crate) const SECOND_US: i64 = 1_000_000;

/// Returns a target, by `provider/account`, or `provider` where there is only one.
pub(crate) fn target(name: &str) -> Target {
    let (id, account) = name.split_once('/').unwrap_or((name, ""));
    let provider = proto::Provider {
        id: id.to_owned(),
        account: account.to_owned(),
        ..proto::Provider::default()
    };
    Target {
        id: name.to_owned(),
        provider: Rc::new(Provider::try_from(provider).unwrap()),
        model: "m".to_owned(),
        family: Family::Other,
        price: None,
        max_output_tokens: None,
        max_input_tokens: None,
        free: false,
        weight: 1,
        entry: 0,
        tools: None,
        vision: None,
    }
}
