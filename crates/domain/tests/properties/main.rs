//! Properties of `domain`, each of which at least one planted mistake breaks.
//!
//! `cargo test -p domain` runs the properties; each gets half of `PROPTEST_CASES` (256 by default). `cargo test -p domain --features
//! mutants` plants every mistake of `domain::mutant` in turn and demands that each property it is paired with notices.

mod auditor;
mod calm;
mod circling;
mod cloud;
mod deciding;
mod hooks;
mod ledger;
mod lists;
#[cfg(feature = "mutants")]
mod mutants;
mod steps;
mod whole;
mod world;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::auditor::Check;
use crate::world::World;

/// Longest random history, in steps.
const STEPS_MAX: usize = 70;

/// Half of what proptest takes by itself: an unoptimised build shares its machine with other tests.
fn cases() -> u32 {
    Config::default().cases / 2
}

/// A runner whose cases are the same in every run: more cases begin with the same ones.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Plays random histories; the check looks at every commit.
fn play(runner: &mut TestRunner, check: Check) -> Result<(), String> {
    let tested = runner.run(&steps::history(STEPS_MAX), |steps| {
        World::new(check).play(&steps).map_err(TestCaseError::fail)
    });
    tested.map_err(|error| error.to_string())
}

macro_rules! properties {
    (commits: $($judge:ident::$commit:ident),+; runs: $($module:ident::$run:ident),+;) => {
        /// Every property by its name.
        #[cfg(feature = "mutants")]
        pub(crate) const ALL: &[(&str, fn(&mut TestRunner) -> Result<(), String>)] = &[
            $((stringify!($commit), |runner| play(runner, $judge::$commit)),)+
            $((stringify!($run), $module::$run),)+
        ];
        $(#[test]
        fn $commit() {
            let tested = play(&mut runner(cases()), $judge::$commit);
            assert_eq!(tested, Ok(()));
        })+
        $(#[test]
        fn $run() {
            assert_eq!($module::$run(&mut runner(cases())), Ok(()));
        })+
    };
}

properties! {
    commits:
        ledger::nothing_is_issued_beyond_max,
        ledger::a_lapsed_slot_counts_until_it_is_released,
        ledger::no_more_is_issued_than_is_wanted_and_permitted,
        ledger::a_slot_is_issued_once,
        ledger::nothing_is_issued_while_held,
        ledger::a_paused_group_neither_launches_nor_deletes,
        ledger::a_server_is_bound_once,
        ledger::a_slot_keeps_its_server_and_an_ended_one_never_opens,
        ledger::the_census_equals_a_recount,
        lists::foreign_servers_are_never_bound,
        lists::servers_of_other_groups_are_never_bound,
        lists::a_list_binds_only_the_lowest_server_with_this_very_proof,
        lists::a_list_with_gaps_neither_adopts_nor_ends_anything,
        lists::a_server_is_gone_after_three_complete_lists_without_it,
        lists::a_server_that_a_list_shows_is_not_gone,
        lists::a_doubt_lapses_by_two_complete_lists_after_quiesce,
        lists::a_doubt_never_lapses_while_an_unknown_row_may_be_its_server,
        lists::a_lapsed_slot_is_released_after_its_token_is_dead,
        ledger::a_disowned_server_is_never_sent_away,
        lists::only_a_full_row_without_proof_disowns,
        lists::an_older_list_changes_nothing_that_a_newer_one_said,
        ledger::victims_were_seen_a_moment_ago,
        ledger::a_server_whose_cell_is_down_is_no_victim,
        ledger::a_quarter_at_most_is_scaled_in_within_a_minute,
        ledger::building_servers_leave_first_then_the_oldest,
        ledger::a_group_is_a_tombstone_when_no_slot_is_open,
        ledger::who_is_woken_at_once_has_something_to_do,
        ledger::desired_stays_within_bounds_or_grant,
        ledger::doing_it_twice_changes_nothing_more,
        ledger::an_unknown_outcome_leaves_a_doubt,
        ledger::deletes_of_one_server_are_sent_apart,
        ledger::servers_in_service_are_given_up_within_the_failure_budget,
        ledger::one_wave_of_failures_is_one_strike,
        ledger::gone_says_why;
    runs:
        deciding::one_id_gets_one_verdict,
        deciding::verdicts_form_a_chain,
        deciding::events_alike_are_judged_alike_in_any_order,
        deciding::nothing_unforced_acts_within_the_groups_cooldown,
        deciding::a_cooldown_that_lets_an_event_pass_lets_it_pass_later,
        deciding::a_policys_cooldown_blocks_no_other_policy,
        deciding::siblings_within_the_debounce_time_do_not_act,
        deciding::what_is_refused_moves_no_clock,
        deciding::without_a_grant_desired_stays_within_the_bounds,
        deciding::an_override_reaches_its_size_and_no_further,
        deciding::a_grant_ends_with_its_time,
        deciding::nothing_passes_a_group_that_is_paused_or_leaving,
        deciding::clamp_is_the_nearest_size_within_bounds,
        deciding::percent_equals_a_rational_reference,
        deciding::percent_of_more_is_not_less,
        circling::growth_for_alerts_has_one_window,
        circling::an_alert_that_is_open_asks_for_nothing_new,
        circling::nothing_is_given_up_while_an_alert_is_open,
        circling::a_scale_out_postpones_scale_in,
        circling::nothing_is_given_up_before_whoever_is_asked_agrees,
        circling::when_all_is_over_the_group_comes_to_min_and_sleeps,
        hooks::no_server_waits_longer_than_its_hook_may,
        hooks::nobody_goes_into_service_while_a_hook_waits,
        hooks::an_answer_after_the_deadline_changes_nothing,
        hooks::one_address_hears_of_one_server_in_order,
        hooks::a_message_is_taken_or_dead_within_a_day_and_the_last_pause,
        whole::a_fair_world_converges_and_then_nothing_is_planned,
        whole::in_a_fair_world_no_server_is_forgotten,
        whole::a_group_is_what_its_commits_say,
        whole::a_commit_takes_few_slots_and_the_next_ones_the_rest;
}
