//! Every planted mistake is noticed, and every property notices one.

use std::collections::BTreeSet;

use domain::mutant::{Mutant, plant};
use proptest::test_runner::Config;

use crate::ALL;

/// Cases within which a property must notice its mistake.
const CASES: u32 = 3000;

/// Which property notices which mistake.
const PAIRS: &[(Mutant, &[&str])] = &[
    (
        Mutant::PercentTruncates,
        &[
            "percent_equals_a_rational_reference",
            "percent_of_more_is_not_less",
        ],
    ),
    (
        Mutant::ClampMissing,
        &[
            "without_a_grant_desired_stays_within_the_bounds",
            "clamp_is_the_nearest_size_within_bounds",
            "desired_stays_within_bounds_or_grant",
        ],
    ),
    (
        Mutant::CooldownMissing,
        &["nothing_unforced_acts_within_the_groups_cooldown"],
    ),
    (
        Mutant::CooldownReversed,
        &["a_cooldown_that_lets_an_event_pass_lets_it_pass_later"],
    ),
    (
        Mutant::PolicyCooldownShared,
        &["a_policys_cooldown_blocks_no_other_policy"],
    ),
    (
        Mutant::RefusalMovesClock,
        &["what_is_refused_moves_no_clock"],
    ),
    (
        Mutant::DoubleJudged,
        &[
            "one_id_gets_one_verdict",
            "events_alike_are_judged_alike_in_any_order",
        ],
    ),
    (
        Mutant::ForcePassesPause,
        &["nothing_passes_a_group_that_is_paused_or_leaving"],
    ),
    (
        Mutant::DebounceMissing,
        &["siblings_within_the_debounce_time_do_not_act"],
    ),
    (Mutant::VerdictForgetsChange, &["verdicts_form_a_chain"]),
    (
        Mutant::OverrideUnbounded,
        &["an_override_reaches_its_size_and_no_further"],
    ),
    (Mutant::OverrideEternal, &["a_grant_ends_with_its_time"]),
    (
        Mutant::AlertActsAgain,
        &["an_alert_that_is_open_asks_for_nothing_new"],
    ),
    (Mutant::WindowMissing, &["growth_for_alerts_has_one_window"]),
    (
        Mutant::DeflateWhileOpen,
        &["nothing_is_given_up_while_an_alert_is_open"],
    ),
    (
        Mutant::EndUnheard,
        &["when_all_is_over_the_group_comes_to_min_and_sleeps"],
    ),
    (
        Mutant::GrowthPostponesNothing,
        &["a_scale_out_postpones_scale_in"],
    ),
    (
        Mutant::AskedForNothing,
        &["nothing_is_given_up_before_whoever_is_asked_agrees"],
    ),
    (Mutant::IssueBeyondMax, &["nothing_is_issued_beyond_max"]),
    (
        Mutant::CellGraceMissing,
        &["no_more_is_issued_than_is_wanted_and_permitted"],
    ),
    (
        Mutant::IssueUnwanted,
        &["no_more_is_issued_than_is_wanted_and_permitted"],
    ),
    (
        Mutant::LapsedUncounted,
        &["a_lapsed_slot_counts_until_it_is_released"],
    ),
    (Mutant::IssueWhileHeld, &["nothing_is_issued_while_held"]),
    (
        Mutant::IssueWhilePaused,
        &["a_paused_group_neither_launches_nor_deletes"],
    ),
    (Mutant::IssueAgain, &["a_slot_is_issued_once"]),
    (
        Mutant::BatchUnbounded,
        &["a_commit_takes_few_slots_and_the_next_ones_the_rest"],
    ),
    (
        Mutant::ShrinkUncapped,
        &["a_quarter_at_most_is_scaled_in_within_a_minute"],
    ),
    (
        Mutant::ShrinkAnyTime,
        &[
            "a_quarter_at_most_is_scaled_in_within_a_minute",
            "doing_it_twice_changes_nothing_more",
        ],
    ),
    (Mutant::VictimUnseen, &["victims_were_seen_a_moment_ago"]),
    (
        Mutant::VictimUnknown,
        &["a_server_whose_cell_is_down_is_no_victim"],
    ),
    (
        Mutant::VictimDisowned,
        &["a_disowned_server_is_never_sent_away"],
    ),
    (
        Mutant::OrderReversed,
        &["building_servers_leave_first_then_the_oldest"],
    ),
    (
        Mutant::BuildingLast,
        &["building_servers_leave_first_then_the_oldest"],
    ),
    (
        Mutant::TombstoneEarly,
        &["a_group_is_a_tombstone_when_no_slot_is_open"],
    ),
    (
        Mutant::AdoptFromPartial,
        &["a_list_with_gaps_neither_adopts_nor_ends_anything"],
    ),
    (
        Mutant::AdoptForeign,
        &[
            "foreign_servers_are_never_bound",
            "a_list_binds_only_the_lowest_server_with_this_very_proof",
        ],
    ),
    (
        Mutant::AdoptTaken,
        &["servers_of_other_groups_are_never_bound"],
    ),
    (
        Mutant::AdoptHighest,
        &["a_list_binds_only_the_lowest_server_with_this_very_proof"],
    ),
    (
        Mutant::LapseEarly,
        &["a_doubt_lapses_by_two_complete_lists_after_quiesce"],
    ),
    (
        Mutant::LapseOnOneList,
        &["a_doubt_lapses_by_two_complete_lists_after_quiesce"],
    ),
    (
        Mutant::LapseFromPartial,
        &["a_doubt_lapses_by_two_complete_lists_after_quiesce"],
    ),
    (
        Mutant::ReleaseEarly,
        &["a_lapsed_slot_is_released_after_its_token_is_dead"],
    ),
    (
        Mutant::RevokedSinceTheCall,
        &["a_lapsed_slot_is_released_after_its_token_is_dead"],
    ),
    (
        Mutant::GoneFromPartial,
        &["a_list_with_gaps_neither_adopts_nor_ends_anything"],
    ),
    (
        Mutant::GoneAtOnce,
        &["a_server_is_gone_after_three_complete_lists_without_it"],
    ),
    (
        Mutant::UnknownIsAbsent,
        &[
            "a_server_that_a_list_shows_is_not_gone",
            "a_doubt_never_lapses_while_an_unknown_row_may_be_its_server",
        ],
    ),
    (
        Mutant::LateForgotten,
        &["in_a_fair_world_no_server_is_forgotten"],
    ),
    (
        Mutant::StaleOverwrites,
        &["an_older_list_changes_nothing_that_a_newer_one_said"],
    ),
    (
        Mutant::UnreadableDisowns,
        &["only_a_full_row_without_proof_disowns"],
    ),
    (
        Mutant::EndedReopens,
        &["a_slot_keeps_its_server_and_an_ended_one_never_opens"],
    ),
    (Mutant::GoneUnexplained, &["gone_says_why"]),
    (Mutant::CensusForgets, &["the_census_equals_a_recount"]),
    (
        Mutant::FoldForgetsState,
        &["a_group_is_what_its_commits_say"],
    ),
    (Mutant::VoidBegun, &["an_unknown_outcome_leaves_a_doubt"]),
    (
        Mutant::UnknownIsFailed,
        &["an_unknown_outcome_leaves_a_doubt"],
    ),
    (Mutant::LateRebinds, &["a_server_is_bound_once"]),
    (
        Mutant::DeleteDisowned,
        &["a_disowned_server_is_never_sent_away"],
    ),
    (
        Mutant::DeleteUnpaced,
        &["deletes_of_one_server_are_sent_apart"],
    ),
    (
        Mutant::WakeAlways,
        &["who_is_woken_at_once_has_something_to_do"],
    ),
    (
        Mutant::FailuresUnlimited,
        &["servers_in_service_are_given_up_within_the_failure_budget"],
    ),
    (
        Mutant::StrikePerSlot,
        &["one_wave_of_failures_is_one_strike"],
    ),
    (
        Mutant::WaitForEver,
        &["no_server_waits_longer_than_its_hook_may"],
    ),
    (
        Mutant::HeartbeatUnbounded,
        &["no_server_waits_longer_than_its_hook_may"],
    ),
    (
        Mutant::NobodyWaits,
        &["nobody_goes_into_service_while_a_hook_waits"],
    ),
    (
        Mutant::LateAnswerCounts,
        &["an_answer_after_the_deadline_changes_nothing"],
    ),
    (
        Mutant::HooksOutOfOrder,
        &["one_address_hears_of_one_server_in_order"],
    ),
    (
        Mutant::RetryForEver,
        &["a_message_is_taken_or_dead_within_a_day_and_the_last_pause"],
    ),
    (
        Mutant::DeficitShort,
        &["a_fair_world_converges_and_then_nothing_is_planned"],
    ),
];

/// The first mistake that a property does not notice, or nothing.
fn noticed(property: &str) -> bool {
    let (_, run) = ALL
        .iter()
        .find(|(name, _)| *name == property)
        .expect("a property of that name");
    let mut runner = crate::runner(CASES);
    let config = Config {
        max_shrink_iters: 0,
        ..runner.config().clone()
    };
    runner = proptest::test_runner::TestRunner::new_with_rng(config, runner.new_rng());
    // A mistake may also break what the domain relies on: a panic is a notice too.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut runner)))
        .is_ok_and(|tested| tested.is_err())
}

#[test]
fn every_mutant_breaks_the_properties_that_are_to_notice_it() {
    let mut unnoticed = Vec::new();
    for (mutant, properties) in PAIRS {
        for property in *properties {
            plant(Some(*mutant));
            if !noticed(property) {
                unnoticed.push((mutant, property));
            }
            plant(None);
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[test]
fn every_mutant_and_every_property_has_a_pair() {
    let mutants: BTreeSet<Mutant> = PAIRS.iter().map(|(mutant, _)| *mutant).collect();
    assert_eq!(mutants, Mutant::ALL.iter().copied().collect());
    let paired: BTreeSet<&str> = PAIRS
        .iter()
        .flat_map(|(_, properties)| *properties)
        .copied()
        .collect();
    let all: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(paired, all);
    assert!(all.len() >= 25 && mutants.len() >= 25);
}
