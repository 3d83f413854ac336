use super::*;

fn usd(dollars: i64) -> NanoDollars {
    NanoDollars(dollars * 1_000_000_000)
}

fn written(limits: &Limits, rates: RateWindow) -> Vec<String> {
    let meters = meters_of(Scope::Key, "k", limits, rates);
    let line = |meter: MeterSpec| {
        let model = meter.model.map_or(String::new(), |model| format!(" {model}"));
        let mode = if meter.observe_only { " observed" } else { "" };
        let soft = meter.soft_amount.map_or(String::new(), |soft| format!(" soft {soft}"));
        let (dimension, window, amount) = (meter.dimension.as_str(), meter.window, meter.amount);
        format!("{dimension} {window} {amount}{model}{soft}{mode}")
    };
    meters.into_iter().map(line).collect()
}

#[test]
fn every_limit_makes_a_meter() {
    let limits = Limits {
        max_budget: Some(usd(5)),
        soft_budget: Some(usd(4)),
        budget_duration: Period::parse("30d"),
        budget_windows: vec![Budget { amount: usd(1), period: Period::parse("1d") }],
        tpm: Some(1),
        rpm: Some(2),
        tpd: Some(3),
        parallel: Some(4),
        model_tpm: [("m".to_owned(), 5)].into(),
        model_rpm: [("m".to_owned(), 6)].into(),
        model_budgets: [("m".to_owned(), Budget { amount: usd(2), period: None })].into(),
        observe_only: false,
    };

    assert_eq!(
        written(&limits, RateWindow::Fixed),
        [
            "requests fixed:60 2",
            "tokens fixed:60 1",
            "tokens fixed:86400 3",
            "parallel none 4",
            "requests fixed:60 6 m",
            "tokens fixed:60 5 m",
            "money none 2000000000 m",
            "money calendar:1d 1000000000",
            "money calendar:30d 5000000000 soft 4000000000",
        ]
    );
    assert_eq!(written(&limits, RateWindow::Sliding)[0], "requests sliding:60 2");
    assert_eq!(written(&Limits::default(), RateWindow::Fixed), Vec::<String>::new());
}

#[test]
fn a_soft_budget_alone_refuses_nothing() {
    let limits = Limits { soft_budget: Some(usd(4)), ..Limits::default() };

    let meters = written(&limits, RateWindow::Fixed);

    assert_eq!(meters, ["money none 4000000000 soft 4000000000 observed"]);
}

#[test]
fn of_two_budgets_over_the_same_time_the_lower_one_holds() {
    let day = Period::parse("1d");
    let limits = Limits {
        max_budget: Some(usd(2)),
        soft_budget: Some(usd(1)),
        budget_duration: day,
        budget_windows: vec![
            Budget { amount: usd(5), period: day },
            Budget { amount: usd(3), period: day },
        ],
        ..Limits::default()
    };

    let meters = written(&limits, RateWindow::Fixed);

    assert_eq!(meters, ["money calendar:1d 2000000000 soft 1000000000"]);
}

#[test]
fn a_shared_budget_fills_what_is_unset() {
    let own = Limits { rpm: Some(1), max_budget: Some(usd(1)), ..Limits::default() };
    let shared = Limits {
        rpm: Some(9),
        tpm: Some(8),
        budget_duration: Period::parse("1d"),
        ..Limits::default()
    };

    let both = own.or(&shared);

    assert_eq!((both.rpm, both.tpm), (Some(1), Some(8)));
    assert_eq!((both.max_budget, both.budget_duration), (Some(usd(1)), Period::parse("1d")));
    assert_eq!(Limits::default().or(&shared), shared);
}
