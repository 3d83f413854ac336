//! Terms of commitments as the database has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::{Value, json};
use tollgate_core::money::NanoDollars;
use tollgate_core::price::Price;
use tollgate_proto::v1;

use crate::domain::{Dimension, Place, Terms, WorkKind, Worst};
use crate::snapshot;

/// Writes terms.
pub(super) fn text(terms: &Terms) -> String {
    let Worst { input, output, cost } = terms.worst.unwrap_or_default();
    let meters = terms.meters.iter().map(|(meter, dimension)| json!([meter, dimension.as_str()]));
    // As filters are told it: the form that others can read as well.
    let price = terms.price.as_ref().map(|it| STANDARD.encode(snapshot::price(it).encode_to_vec()));
    json!({
        "kind": terms.kind.name(),
        "provider": terms.place.provider,
        "account": terms.place.account,
        "model": terms.model,
        "provider_model": terms.provider_model,
        "price": price,
        "worst": terms.worst.map(|_| json!([input, output, cost.0])),
        "customer": terms.customer,
        "meters": meters.collect::<Vec<_>>(),
        "files": terms.files,
    })
    .to_string()
}

/// Reads terms. `None`: we did not write them.
pub(super) fn read(text: &str) -> Option<Terms> {
    let value: Value = serde_json::from_str(text).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let price = match text("price") {
        None => None,
        Some(written) => {
            let bytes = STANDARD.decode(written).ok()?;
            Some(Price::from(&v1::Price::decode(&*bytes).ok()?))
        }
    };
    let worst: Option<(u64, u64, i64)> =
        serde_json::from_value(value.get("worst")?.clone()).ok()?;
    let meters: Vec<(u64, String)> = serde_json::from_value(value.get("meters")?.clone()).ok()?;
    let meters = meters.into_iter().map(|(meter, name)| Some((meter, Dimension::parse(&name)?)));
    Some(Terms {
        kind: WorkKind::named(&text("kind")?)?,
        place: Place { provider: text("provider")?, account: text("account")? },
        model: text("model")?,
        provider_model: text("provider_model")?,
        price,
        worst: worst.map(|(input, output, cost)| Worst { input, output, cost: NanoDollars(cost) }),
        customer: text("customer"),
        meters: meters.collect::<Option<_>>()?,
        files: serde_json::from_value(value.get("files")?.clone()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use tollgate_core::money::AttoDollars;
    use tollgate_core::price::{LaterPrices, PriceTier};

    use super::*;

    #[test]
    fn terms_round_trip() {
        let later = LaterPrices { training: Some(AttoDollars(9)), ..LaterPrices::default() };
        let tier = PriceTier { above: 5, input: Some(AttoDollars(4)), ..PriceTier::default() };
        let price = Price { input: AttoDollars(3), tiers: vec![tier], later, ..Price::default() };
        let full = Terms {
            kind: WorkKind::Batch,
            place: Place { provider: "p".into(), account: "a".into() },
            model: "m".into(),
            provider_model: "pm".into(),
            price: Some(price),
            worst: Some(Worst { input: 1, output: 2, cost: NanoDollars(3) }),
            customer: Some("c".into()),
            meters: vec![(7, Dimension::Money)],
            files: Some(("a".into(), "b".into())),
        };
        let bare = Terms {
            price: None,
            worst: None,
            customer: None,
            meters: Vec::new(),
            files: None,
            ..full.clone()
        };

        for terms in [full, bare] {
            assert_eq!(read(&text(&terms)), Some(terms));
        }
        assert_eq!(read("{}"), None);
    }
}
