//! `axle organisation`: an organisation as the broker's register has it, and whom a document for it
//! reaches today, hop by hop.

use axle_proto::v1::{
    GetOrganisationResponse, Organisation, OrganisationHop, OrganisationPeriod,
    OrganisationRegister,
};
use serde::Serialize;

use super::{
    Outcome,
    print::Printer,
    view::{self, rfc3339},
};
use crate::{connection::Client, error::Class};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Its ODS code, for example K81003
    #[arg(value_name = "CODE")]
    code: String,
}

/// What programs read.
#[derive(Serialize)]
struct View<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<OrganisationView<'a>>,
    hops: Vec<HopView<'a>>,
    reached: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    obstacle: &'a str,
    mailboxes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<RegisterView<'a>>,
}

#[derive(Serialize)]
struct OrganisationView<'a> {
    code: &'a str,
    name: &'a str,
    active: bool,
    open: bool,
    practice: bool,
    legal: PeriodView<'a>,
    operational: PeriodView<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    change_date: &'a str,
    roles: Vec<RoleView<'a>>,
    relations: Vec<RelationView<'a>>,
    successions: Vec<SuccessionView<'a>>,
}

#[derive(Serialize)]
struct RoleView<'a> {
    id: &'a str,
    primary: bool,
    active: bool,
    #[serde(flatten)]
    period: PeriodView<'a>,
}

#[derive(Serialize)]
struct RelationView<'a> {
    id: &'a str,
    target: &'a str,
    active: bool,
    #[serde(flatten)]
    period: PeriodView<'a>,
}

#[derive(Serialize)]
struct SuccessionView<'a> {
    kind: &'static str,
    target: &'a str,
    start_date: &'a str,
}

#[derive(Default, Serialize)]
struct PeriodView<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    start_date: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    end_date: &'a str,
}

#[derive(Serialize)]
struct HopView<'a> {
    from: &'a str,
    to: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct RegisterView<'a> {
    version: &'a str,
    taken_time: Option<String>,
    stale_time: Option<String>,
    organisation_count: u32,
    left_out_count: u32,
}

/// Prints it; exit code 65 when nobody receives what is for it, because the register says so or
/// because whoever does has no mailbox.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let answer = client.organisation(&arguments.code).await?;
    if printer.is_json() {
        printer.json(&View::from(&answer));
    } else {
        lines(&answer, printer);
    }
    let reached = answer.obstacle.is_empty() && !answer.mailboxes.is_empty();
    Ok(if reached {
        0
    } else {
        Class::Refused.exit_code()
    })
}

fn lines(answer: &GetOrganisationResponse, printer: &mut Printer) {
    let mut line = |name: &str, value: String| printer.line(format!("{name:<15} {value}"));
    match &answer.organisation {
        Some(found) => described(found, &mut line),
        None if answer.register.is_some() => {
            line("Organisation", "not in the register".to_owned());
        }
        None => line("Organisation", "this broker has no register".to_owned()),
    }
    for OrganisationHop { from, to, reason } in &answer.hops {
        line("Hop", format!("{from} -> {to}: {to} {reason}"));
    }
    let GetOrganisationResponse {
        reached, obstacle, ..
    } = answer;
    let end = match (obstacle.as_str(), answer.mailboxes.as_slice()) {
        ("", []) => format!("nobody: {reached} has no mailbox here"),
        ("", mailboxes) => format!("{reached}: {}", mailboxes.join(", ")),
        (obstacle, _) => format!("nobody: {reached} {obstacle}"),
    };
    line("Reaches", end);
    if let Some(register) = &answer.register {
        let OrganisationRegister {
            version,
            organisation_count,
            left_out_count,
            ..
        } = register;
        let taken = view::ago(register.taken_time.as_ref());
        let stale = view::clock(register.stale_time.as_ref());
        let left_out = match left_out_count {
            0 => String::new(),
            count => format!(", {count} left out"),
        };
        line(
            "Register",
            format!(
                "{version}, {organisation_count} organisations{left_out}, taken {taken} ago, too \
                 old from {stale}"
            ),
        );
    }
}

fn described(found: &Organisation, line: &mut impl FnMut(&str, String)) {
    let status = match (found.active, found.open) {
        (true, true) => "active",
        (true, false) => "active, and past its last day",
        (false, _) => "inactive",
    };
    let practice = if found.practice { ", GP practice" } else { "" };
    line(
        "Organisation",
        format!("{} {}", found.code, found.display_name),
    );
    line("Status", format!("{status}{practice}"));
    line("Operational", span(found.operational.as_ref()));
    line("Legal", span(found.legal.as_ref()));
    for role in &found.roles {
        let primary = if role.primary { ", primary" } else { "" };
        let period = span(role.period.as_ref());
        let standing = standing(role.active);
        line("Role", format!("{}{primary}{standing}, {period}", role.id));
    }
    for relation in &found.relations {
        let period = span(relation.period.as_ref());
        let (id, target) = (&relation.id, &relation.target);
        let standing = standing(relation.active);
        line("Relationship", format!("{id} {target}{standing}, {period}"));
    }
    for other in &found.successions {
        let kind = kind(other.successor);
        line(
            kind.1,
            format!("{} from {}", other.target, other.start_date),
        );
    }
}

fn standing(active: bool) -> &'static str {
    if active { "" } else { ", inactive" }
}

/// Which of the two the other is: for programs and for people.
fn kind(successor: bool) -> (&'static str, &'static str) {
    if successor {
        ("successor", "Successor")
    } else {
        ("predecessor", "Predecessor")
    }
}

fn span(period: Option<&OrganisationPeriod>) -> String {
    let PeriodView {
        start_date,
        end_date,
    } = PeriodView::of(period);
    match (start_date, end_date) {
        ("", "") => "no dates".to_owned(),
        (start, "") => format!("since {start}"),
        ("", end) => format!("until {end}"),
        (start, end) => format!("{start} to {end}"),
    }
}

impl<'a> PeriodView<'a> {
    fn of(period: Option<&'a OrganisationPeriod>) -> Self {
        period.map_or_else(Self::default, |period| Self {
            start_date: &period.start_date,
            end_date: &period.end_date,
        })
    }
}

impl<'a> From<&'a GetOrganisationResponse> for View<'a> {
    fn from(answer: &'a GetOrganisationResponse) -> Self {
        let hop = |hop: &'a OrganisationHop| HopView {
            from: &hop.from,
            to: &hop.to,
            reason: &hop.reason,
        };
        let register = answer.register.as_ref();
        Self {
            organisation: answer.organisation.as_ref().map(OrganisationView::from),
            hops: answer.hops.iter().map(hop).collect(),
            reached: &answer.reached,
            obstacle: &answer.obstacle,
            mailboxes: &answer.mailboxes,
            register: register.map(|register| RegisterView {
                version: &register.version,
                taken_time: rfc3339(register.taken_time.as_ref()),
                stale_time: rfc3339(register.stale_time.as_ref()),
                organisation_count: register.organisation_count,
                left_out_count: register.left_out_count,
            }),
        }
    }
}

impl<'a> From<&'a Organisation> for OrganisationView<'a> {
    fn from(found: &'a Organisation) -> Self {
        let roles = found.roles.iter().map(|role| RoleView {
            id: &role.id,
            primary: role.primary,
            active: role.active,
            period: PeriodView::of(role.period.as_ref()),
        });
        let relations = found.relations.iter().map(|relation| RelationView {
            id: &relation.id,
            target: &relation.target,
            active: relation.active,
            period: PeriodView::of(relation.period.as_ref()),
        });
        let successions = found.successions.iter().map(|other| SuccessionView {
            kind: kind(other.successor).0,
            target: &other.target,
            start_date: &other.start_date,
        });
        Self {
            code: &found.code,
            name: &found.display_name,
            active: found.active,
            open: found.open,
            practice: found.practice,
            legal: PeriodView::of(found.legal.as_ref()),
            operational: PeriodView::of(found.operational.as_ref()),
            change_date: &found.change_date,
            roles: roles.collect(),
            relations: relations.collect(),
            successions: successions.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axle_proto::v1::{
        GetOrganisationResponse, Organisation, OrganisationHop, OrganisationPeriod,
        OrganisationRole, OrganisationSuccession,
    };

    use super::lines;
    use crate::cli::{print::Format, tests::printer};

    fn closed() -> GetOrganisationResponse {
        let period = |start: &str, end: &str| OrganisationPeriod {
            start_date: start.to_owned(),
            end_date: end.to_owned(),
        };
        GetOrganisationResponse {
            organisation: Some(Organisation {
                code: "A83627".to_owned(),
                display_name: "THE OLD SURGERY".to_owned(),
                operational: Some(period("1974-04-01", "2020-03-31")),
                legal: Some(period("1974-04-01", "")),
                roles: vec![OrganisationRole {
                    id: "RO177".to_owned(),
                    primary: true,
                    active: false,
                    period: None,
                }],
                successions: vec![OrganisationSuccession {
                    target: "A83008".to_owned(),
                    successor: true,
                    start_date: "2020-04-01".to_owned(),
                }],
                ..Organisation::default()
            }),
            hops: vec![OrganisationHop {
                from: "A83627".to_owned(),
                to: "A83008".to_owned(),
                reason: "took over, says the register".to_owned(),
            }],
            reached: "A83008".to_owned(),
            mailboxes: vec!["mailboxes/A83008".to_owned()],
            ..GetOrganisationResponse::default()
        }
    }

    fn told(answer: &GetOrganisationResponse) -> Vec<String> {
        let (mut printer, written) = printer(Format::Table);
        lines(answer, &mut printer);
        written.out().lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_hop_is_a_line_and_the_end_names_its_mailboxes() {
        assert_eq!(
            told(&closed()),
            [
                "Organisation    A83627 THE OLD SURGERY",
                "Status          inactive",
                "Operational     1974-04-01 to 2020-03-31",
                "Legal           since 1974-04-01",
                "Role            RO177, primary, inactive, no dates",
                "Successor       A83008 from 2020-04-01",
                "Hop             A83627 -> A83008: A83008 took over, says the register",
                "Reaches         A83008: mailboxes/A83008",
            ]
        );
    }

    #[test]
    fn where_nobody_receives_the_reason_is_told() {
        let mut answer = GetOrganisationResponse {
            reached: "A83627".to_owned(),
            ..GetOrganisationResponse::default()
        };
        assert_eq!(
            told(&answer)[1],
            "Reaches         nobody: A83627 has no mailbox here"
        );
        answer.obstacle = "is closed, and nobody has taken over".to_owned();
        assert_eq!(
            told(&answer),
            [
                "Organisation    this broker has no register",
                "Reaches         nobody: A83627 is closed, and nobody has taken over",
            ]
        );
    }
}
