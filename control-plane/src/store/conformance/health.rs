//! What a store does with accounts that are out of rotation.

use super::fixtures::at;
use super::news::next;
use crate::domain::{HealthMark, HealthState, Marked};
use crate::store::Store;
use crate::store::news::{Heard, News};

pub(super) async fn marks_come_back_until_they_are_over(store: &dyn Store) {
    let (model, account) = (mark("m", HealthState::Open, 20), mark("", HealthState::Refused, 30));

    let kept = store.mark_health(&[model.clone(), account.clone()], at(1)).await.unwrap();

    assert_eq!(kept, [model.clone(), account.clone()]);
    assert_eq!(store.health(at(1)).await.unwrap(), [account.clone(), model]);
    assert_eq!(store.health(at(20)).await.unwrap(), [account]);
    assert_eq!(store.health(at(30)).await.unwrap(), []);
}

pub(super) async fn a_mark_is_told_when_it_says_something_new(store: &dyn Store) {
    let mut feed = store.newsroom().feed();
    let first = mark("m", HealthState::Cooling, 20);
    let longer = HealthMark { level: 2, ..mark("m", HealthState::Cooling, 40) };
    let fit = HealthMark::fit(first.of.clone(), at(5));

    store.mark_health(std::slice::from_ref(&first), at(1)).await.unwrap();
    let again = store.mark_health(std::slice::from_ref(&first), at(2)).await.unwrap();
    let since_then = HealthMark { since: at(3), ..longer.clone() };
    store.mark_health(&[since_then], at(3)).await.unwrap();
    store.mark_health(std::slice::from_ref(&fit), at(5)).await.unwrap();
    let over = store.mark_health(std::slice::from_ref(&fit), at(6)).await.unwrap();

    assert_eq!((again, over), (Vec::new(), Vec::new()));
    assert_eq!(store.health(at(6)).await.unwrap(), []);
    for told in [first, longer] {
        let news = News::HealthChanged { marks: vec![told] };
        assert_eq!(next(&mut feed).await, Heard::News(news));
    }
    let Heard::News(News::HealthChanged { marks }) = next(&mut feed).await else { panic!() };
    assert_eq!(marks[0].state, HealthState::Fit);
}

pub(super) fn mark(model: &str, state: HealthState, until: i64) -> HealthMark {
    let (provider, account) = ("p".to_owned(), "a\"b".to_owned());
    let of = Marked { provider, account, model: model.to_owned() };
    HealthMark { of, state, until: at(until), level: 1, reason: "overloaded".into(), since: at(1) }
}
