//! What any [`Store`] must do, run against both databases.
//!
//! Each check gets a store of its own. PostgreSQL runs all of them in one test, since nextest
//! starts a process for each test and a server takes a second to start.

mod commitments;
mod copies;
mod daily;
mod entities;
mod fixtures;
mod health;
mod items;
mod kept;
mod keys;
mod leases;
mod limits;
mod master_keys;
mod news;
mod postgres_server;
mod proofs;
mod renewals;
mod replicas;
mod resources;
mod sessions;
mod spend;
mod tls;
mod usage;
mod vanished;

use std::collections::BTreeMap;

use crate::domain::Secret;
use crate::store::open_for_proofs;

/// Makes a list of the checks, a test of each for SQLite, and one of all for PostgreSQL.
macro_rules! store_tests {
    ($($subject:ident::$check:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                let store = super::open_for_proofs(&super::Secret::new(url)).await.unwrap();
                super::$subject::$check(store.as_ref()).await;
            })*
        }

        #[tokio::test]
        async fn postgres_keeps_the_contract() {
            let Some(server) = postgres_server::PostgresServer::start() else { return };
            $({
                let store = server.fresh(stringify!($check)).await;
                $subject::$check(store.as_ref()).await;
            })*
            replicas::news_of_one_reach_the_others(&server).await;
            replicas::a_lost_connection_is_made_again_and_said(&server).await;
        }
    };
}

store_tests!(
    commitments::work_is_charged_once_and_gives_back_the_rest,
    commitments::all_is_reserved_or_nothing,
    commitments::what_no_provider_took_is_given_back,
    commitments::work_is_asked_about_when_it_is_due,
    commitments::work_of_a_key_that_is_gone_is_charged,
    kept::an_answer_comes_back_until_it_is_too_old,
    kept::a_purge_forgets_what_it_names_and_refuses_what_is_older,
    kept::a_vector_is_found_in_its_context_until_it_is_too_old,
    kept::a_vector_goes_with_its_answer,
    kept::the_newest_vectors_are_compared,
    keys::a_key_comes_back_as_it_was,
    keys::a_key_that_is_added_again_is_changed,
    keys::an_alias_belongs_to_one_key,
    keys::a_change_keeps_what_it_does_not_name,
    keys::every_change_has_a_higher_revision_and_an_audit_record,
    keys::a_refused_change_leaves_no_trace,
    keys::the_audit_log_is_filtered_and_paged,
    keys::deleted_keys_are_kept_apart,
    keys::lists_are_filtered_sorted_and_paged,
    entities::an_entity_comes_back_as_it_was,
    entities::entities_come_in_the_order_that_is_asked_for,
    entities::a_change_of_a_team_is_told_of_its_keys,
    entities::what_belongs_to_an_organization_goes_with_it,
    entities::members_go_with_what_they_are_members_of,
    entities::customers_and_tags_are_told_to_all,
    entities::a_shared_budget_limits_each_of_those_that_share_it,
    entities::too_many_keys_to_name_are_told_as_all,
    health::marks_come_back_until_they_are_over,
    health::a_mark_is_told_when_it_says_something_new,
    items::an_item_comes_back_as_it_was,
    items::a_change_of_an_item_is_told_and_audited_without_its_secret,
    items::a_seal_is_replaced_unless_it_is_another_by_now,
    limits::limits_come_back_as_they_were,
    limits::configured_limits_come_and_go_with_the_configuration,
    limits::rates_are_counted_as_configured,
    limits::a_meter_keeps_its_id_while_its_identity_stays,
    limits::a_budget_begins_with_what_was_spent,
    limits::a_budget_that_ends_no_more_counts_all_that_was_spent,
    limits::spend_that_is_set_counts_against_the_budget,
    news::every_change_of_a_key_is_told,
    news::what_is_not_committed_is_not_told,
    news::what_belongs_to_no_change_is_told,
    leases::holders_share_a_limit,
    leases::a_debit_counts_with_its_record_once,
    leases::what_is_consumed_counts_once_a_sequence,
    leases::a_window_begins_anew,
    leases::a_senders_clock_may_be_wrong,
    leases::who_waits_is_told,
    leases::a_meter_that_is_gone_limits_nothing,
    leases::many_meters_go_into_one_report,
    vanished::what_a_vanished_holder_held_counts_as_used,
    vanished::a_holder_that_comes_back_says_what_was_used,
    vanished::a_holder_that_comes_back_holds_what_it_does_not_mention,
    vanished::who_waits_hears_of_a_holder_that_vanished,
    vanished::holders_hear_of_changed_limits,
    vanished::a_record_nobody_holds_for_is_charged_all_the_same,
    resources::an_object_comes_back_as_it_was,
    resources::nobody_takes_an_object_that_is_anothers,
    resources::what_was_deleted_may_be_made_again,
    resources::pages_follow_each_other_both_ways,
    spend::spend_is_counted_for_all_whom_a_record_names,
    spend::spend_is_summed_by_whom_and_by_tags,
    daily::what_was_used_is_added_up_by_day_and_by_whom,
    daily::days_tell_who_cost_most_and_what_a_model_did,
    spend::usage_comes_in_pages,
    spend::pages_of_usage_go_over_days,
    spend::spend_can_be_forgotten,
    sessions::a_session_comes_back_as_it_was,
    sessions::a_login_begins_one_session,
    sessions::sessions_that_are_over_are_forgotten,
    sessions::an_identity_is_one_users_and_a_users_only_one,
    master_keys::the_first_master_key_is_made_once,
    master_keys::a_database_in_use_gets_no_master_key_by_itself,
    renewals::a_renewed_key_is_what_it_was,
    renewals::a_former_secret_is_good_as_long_as_it_was_said,
    renewals::who_knows_a_key_by_a_former_secret_hears_of_it,
    proofs::totals_are_proven,
    proofs::what_owners_spent_is_proven,
    spend::soft_limits_that_are_crossed_are_listed,
    usage::usage_is_counted_once,
    usage::a_key_is_exhausted_once,
    usage::usage_of_unknown_keys_is_kept,
    usage::ledger_records_come_back_as_they_were,
    usage::usage_is_found_by_what_it_is_about,
    usage::spend_adds_up_by_day,
    usage::concurrent_batches_lose_nothing,
    usage::text_with_nul_is_stored,
);

#[test]
fn both_databases_have_the_same_tables() {
    let read = |database: &str| {
        let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|file| {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let statements: Vec<String> =
                text.lines().filter(|line| !line.starts_with("--")).map(str::to_owned).collect();
            (file.file_name().into_string().unwrap(), statements)
        });
        files.collect::<BTreeMap<_, _>>()
    };

    assert_eq!(read("sqlite"), read("postgres"));
}
