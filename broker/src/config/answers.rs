//! `[answers]`: which response codes say that all is well.

use axle_core::answer::Positive;
use axle_model::answer::{ResponseCode, Stage};

use super::reader::Section;

/// Reads the section.
pub(super) fn answers(section: &mut Section<'_, '_>) -> Option<Positive> {
    let business =
        |code: &u32| ResponseCode::new(*code).filter(|code| code.stage() == Stage::Business);
    let usual = vec![ResponseCode::PATIENT_DECEASED.number()];
    let codes = section.checked(
        "positive",
        "business response codes, 30001 to 39999, such as [30004]",
        usual,
        |codes: &Vec<u32>| codes.iter().all(|code| business(code).is_some()),
    )?;
    Some(Positive::with(codes.iter().filter_map(business)))
}
