//! Transfer of Care: discharges of three kinds and outpatient letters, as ITK3 messages and bare.

use super::super::{
    clinical::{self, Document},
    draft::Draft,
    parts::{Maker, Release, SNOMED, concept, extension, snomed},
    tree::Node,
};
use super::itk::{Message, message};

pub(in super::super) fn inpatient(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let document = discharge(&maker, "CareConnect-ITK-EDIS-Composition-1");
    let what = Message {
        event: ("ITK003D", "ITK eDischarge"),
        definition: "ITK-EDIS-MessageDefinition-1",
    };
    Draft::of(message(&maker, &what, document.bundle(&maker)))
}

pub(in super::super) fn mental_health(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let document = discharge(&maker, "CareConnect-ITK-MH-Composition-1");
    let what = Message {
        event: ("ITK004D", "ITK Mental Health eDischarge"),
        definition: "ITK-MH-MessageDefinition-1",
    };
    Draft::of(message(&maker, &what, document.bundle(&maker)))
}

pub(in super::super) fn emergency(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK005D", "ITK Emergency Care eDischarge"),
        definition: "ITK-EC-MessageDefinition-1",
    };
    let document = emergency_discharge(&maker);
    Draft::of(message(&maker, &what, document.bundle(&maker)))
}

/// Without a header only the care setting tells it from an inpatient's.
pub(in super::super) fn emergency_bare(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    Draft::of(emergency_discharge(&maker).bundle(&maker))
}

pub(in super::super) fn bare(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    Draft::of(discharge(&maker, "CareConnect-ITK-EDIS-Composition-1").bundle(&maker))
}

pub(in super::super) fn outpatient(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let document = letter(&maker, "CareConnect-ITK-OPL-Composition-1");
    let what = Message {
        event: ("ITK006D", "ITK Outpatient Letter"),
        definition: "ITK-OPL-MessageDefinition-1",
    };
    Draft::of(message(&maker, &what, document.bundle(&maker)))
}

pub(in super::super) fn outpatient_ukcore(name: &str) -> Draft {
    let maker = Maker::new(name, Release::R4);
    Draft::of(letter(&maker, "UKCore-Composition").bundle(&maker))
}

fn discharge(maker: &Maker, profile: &'static str) -> Document {
    Document {
        kind: snomed("373942005", "Discharge summary"),
        title: "Discharge summary",
        profile,
        extensions: Vec::new(),
        sections: clinical::discharge_sections(maker),
        entries: clinical::findings(maker),
    }
}

fn emergency_discharge(maker: &Maker) -> Document {
    let mut document = discharge(maker, "CareConnect-ITK-ECD-Composition-1");
    document.sections.push(clinical::attendance(maker));
    document.extensions.push(care_setting());
    document
}

fn care_setting() -> Node {
    let emergency = concept(SNOMED, "394576009", "Accident & emergency");
    extension(
        "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-CareSettingType-1",
        "valueCodeableConcept",
        emergency,
    )
}

fn letter(maker: &Maker, profile: &'static str) -> Document {
    Document {
        kind: snomed("823681000000100", "Outpatient letter"),
        title: "Outpatient letter",
        profile,
        extensions: Vec::new(),
        sections: vec![
            clinical::attendance(maker),
            clinical::summary(maker),
            clinical::plan(),
            clinical::completing(maker),
        ],
        entries: vec![clinical::condition(maker)],
    }
}
