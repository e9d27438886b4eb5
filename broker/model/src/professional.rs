//! Professional numbers: how the registers of doctors, nurses and pharmacists and the Spine Directory
//! Service number people. Only shapes: whether a number is anybody's is for the registers to say.

/// A register that numbers people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// The Spine Directory Service: a user of national systems.
    Sds,
    /// The General Medical Council: doctors.
    Gmc,
    /// The Nursing and Midwifery Council.
    Nmc,
    /// The General Pharmaceutical Council.
    Gphc,
}

impl Register {
    /// The register of an identifier's system (UK Core, CareConnect); `None` for any other system.
    pub fn of_system(system: &str) -> Option<Self> {
        let (_, name) = system.rsplit_once("/Id/").or(system.rsplit_once("/id/"))?;
        match name {
            "sds-user-id" => Some(Self::Sds),
            "gmc-number" | "gmc-reference-number" => Some(Self::Gmc),
            "nmc-number" => Some(Self::Nmc),
            "gphc-number" => Some(Self::Gphc),
            _ => None,
        }
    }

    /// Whether a number has the shape of this register's.
    pub fn accepts(self, number: &str) -> bool {
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::Sds => digits(number, 12),
            Self::Gmc => digits(number.strip_prefix('C').unwrap_or(number), 7),
            Self::Gphc => digits(number, 7),
            // Two digits, a letter, four digits, a letter: 81D3456E.
            Self::Nmc => {
                number.len() == 8
                    && number.bytes().enumerate().all(|(place, b)| match place {
                        2 | 7 => b.is_ascii_uppercase(),
                        _ => b.is_ascii_digit(),
                    })
            }
        }
    }

    /// The name of the register, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sds => "SDS",
            Self::Gmc => "GMC",
            Self::Nmc => "NMC",
            Self::Gphc => "GPhC",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Register;

    #[test]
    fn registers_are_told_by_their_systems_and_numbers_by_their_shapes() {
        for (system, right, wrong) in [
            (
                "https://fhir.nhs.uk/Id/sds-user-id",
                &["200102238987"][..],
                &["G12345678", "20010223898", "2001022389871"][..],
            ),
            (
                "https://fhir.hl7.org.uk/Id/gmc-number",
                &["1234567", "C1234567"],
                &["G1234567", "123456", "c1234567", "CC123456"],
            ),
            (
                "https://fhir.hl7.org.uk/Id/nmc-number",
                &["81D3456E"],
                &["81d3456e", "8103456E", "81D3456", "81D34567"],
            ),
            (
                "https://fhir.hl7.org.uk/Id/gphc-number",
                &["2051234"],
                &["C205123", "205123", ""],
            ),
        ] {
            let register = Register::of_system(system);
            let register = register.unwrap_or_else(|| unreachable!("{system} is a register"));
            for number in right {
                assert!(register.accepts(number), "{} {number}", register.name());
            }
            for number in wrong {
                assert!(!register.accepts(number), "{} {number}", register.name());
            }
        }
        for system in [
            "",
            "https://fhir.nhs.uk/Id/sds-role-profile-id",
            "gmc-number",
        ] {
            assert_eq!(Register::of_system(system), None, "{system}");
        }
    }
}
