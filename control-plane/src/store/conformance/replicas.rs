//! What several control planes on one database hear of each other.

use super::fixtures::{add, hash, key};
use super::news::next;
use super::postgres_server::PostgresServer;
use crate::store::news::{Heard, News};

pub(super) async fn news_of_one_reach_the_others(server: &PostgresServer) {
    let ours = server.fresh("news_of_one_reach_the_others").await;
    let other = server.open("news_of_one_reach_the_others").await;
    let (mut feed, mut others) = (ours.newsroom().feed(), other.newsroom().feed());

    let first = add(other.as_ref(), &key("sk-1")).await;
    let second = add(ours.as_ref(), &key("sk-2")).await;

    // Each exactly once, also in the process that told it.
    let first = News::KeyChanged { hash: hash("sk-1"), revision: first.revision };
    let second = News::KeyChanged { hash: hash("sk-2"), revision: second.revision };
    for feed in [&mut feed, &mut others] {
        let mut heard = [next(feed).await, next(feed).await];
        heard.sort_by_key(|heard| *heard != Heard::News(first.clone()));
        assert_eq!(heard, [Heard::News(first.clone()), Heard::News(second.clone())]);
    }
    let end = News::KeyChanged { hash: hash("end"), revision: 0 };
    ours.tell(std::slice::from_ref(&end)).await.unwrap();
    assert_eq!(next(&mut feed).await, Heard::News(end.clone()));
    assert_eq!(next(&mut others).await, Heard::News(end));
}

pub(super) async fn a_lost_connection_is_made_again_and_said(server: &PostgresServer) {
    let database = "a_lost_connection_is_made_again_and_said";
    let ours = server.fresh(database).await;
    let other = server.open(database).await;
    let mut feed = ours.newsroom().feed();

    server
        .run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{database}' AND query LIKE 'LISTEN%'"
        ))
        .await;

    assert_eq!(next(&mut feed).await, Heard::Missed);
    let added = add(other.as_ref(), &key("sk-1")).await;
    let news = News::KeyChanged { hash: hash("sk-1"), revision: added.revision };
    assert_eq!(next(&mut feed).await, Heard::News(news));
}
