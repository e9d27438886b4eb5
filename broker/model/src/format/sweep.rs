//! Sweep: looks at what no fact is read from for what is of interest anywhere: codes of SNOMED CT and
//! narrative. References are counted by the record, wherever they stand.

use super::{
    place::{Part, Place},
    record::Record,
};
use crate::facts::Text;

/// One object or element that no fact is read from.
#[derive(Default)]
pub(super) struct Sweep<'a> {
    system: Option<Text<'a>>,
    code: Option<Text<'a>>,
}

impl<'a> Part<'a> for Sweep<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "system" => Place::Glance(&mut self.system),
            "code" => Place::Glance(&mut self.code),
            "div" => Place::Narrative,
            _ => Place::Skip,
        }
    }

    fn end(&self, record: &mut Record<'a, '_>) {
        record.coding(self.system.as_deref(), self.code.as_deref());
    }
}
