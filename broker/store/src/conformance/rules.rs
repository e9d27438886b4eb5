//! The rules, one by one. Each opens the store again on the way, so that what it says holds across
//! a restart as well.

pub mod answer;
pub mod deliver;
pub mod look;
pub mod order;
pub mod refuse;
pub mod submit;
pub mod together;
pub mod upload;

use super::Place;

/// Runs `check` before and after the store is opened again.
pub(super) async fn twice<P: Place>(
    place: &mut P,
    store: P::Store,
    check: impl AsyncFn(&P::Store),
) -> P::Store {
    check(&store).await;
    let store = place.reopen(store).await;
    check(&store).await;
    store
}

/// All of them, each at a place of its own.
pub async fn all<P: Place>(mut place: impl FnMut() -> P) {
    submit::a_second_submit_gets_the_first_message(&mut place()).await;
    submit::one_submission_id_for_two_documents_is_a_conflict(&mut place()).await;
    submit::a_document_is_known_by_its_identifier(&mut place()).await;
    submit::bodies_and_messages_come_back_as_they_were(&mut place()).await;
    submit::callers_at_once_make_one_message(&mut place()).await;
    deliver::a_delivery_takes_one_of_several_steps_at_once(&mut place()).await;
    deliver::urgent_comes_before_routine_and_oldest_first(&mut place()).await;
    deliver::a_claim_stops_at_its_bytes_but_gives_one(&mut place()).await;
    deliver::only_the_newest_lease_counts(&mut place()).await;
    deliver::a_settled_message_stays_and_moves_no_more(&mut place()).await;
    look::mailboxes_are_counted(&mut place()).await;
    look::what_waits_is_told_by_mailbox_and_what_has_aged_by_kind(&mut place()).await;
    deliver::what_is_due_stays_due_until_it_is_moved(&mut place()).await;
    deliver::what_nobody_collects_is_due_to_expire(&mut place()).await;
    look::pages_hold_everything_once_newest_first(&mut place()).await;
    look::the_ledger_has_every_step_and_no_gap(&mut place()).await;
    deliver::an_arrival_wakes_who_waits(&mut place()).await;
    together::a_step_and_what_follows_from_it_are_one(&mut place()).await;
    together::of_several_steps_all_are_taken_or_none(&mut place()).await;
    upload::an_upload_goes_on_where_it_was_left(&mut place()).await;
    upload::a_piece_that_does_not_follow_is_refused(&mut place()).await;
    refuse::a_refusal_is_known_by_both_names_and_the_newest_counts(&mut place()).await;
    order::one_patients_documents_come_one_after_the_other(&mut place()).await;
    order::no_document_blocks_its_patient_for_longer_than_its_hold(&mut place()).await;
    order::what_is_urgent_lifts_what_it_waits_for(&mut place()).await;
    order::an_order_is_that_of_one_mailbox(&mut place()).await;
    answer::what_is_not_answered_is_due_across_restarts_and_then_over(&mut place()).await;
    answer::what_asked_for_an_answer_is_found_by_its_name_for_good(&mut place()).await;
    order::a_document_is_found_by_its_name_and_its_replacement_for_good(&mut place()).await;
}
