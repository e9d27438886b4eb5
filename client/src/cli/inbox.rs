//! `axle inbox`: how the caller's own mailbox stands.

use axle_model::mailbox::{MailboxId, WorkflowId};

use super::{Outcome, mailbox, print::Printer};
use crate::{
    connection::{self, Client},
    error::ClientError,
    profile::Profile,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The mailboxes for these workflows alone, instead of the one for all others
    #[arg(long, value_delimiter = ',', value_parser = WorkflowId::parse)]
    workflow: Vec<WorkflowId>,
}

/// Prints the caller's mailboxes.
pub(super) async fn run(
    client: &Client,
    profile: &Profile,
    arguments: Arguments,
    printer: &mut Printer,
) -> Outcome {
    let own = own_mailbox(profile)?;
    let mut names = Vec::new();
    for workflow in arguments.workflow {
        names.push(MailboxId {
            workflow: Some(workflow),
            ..own.clone()
        });
    }
    if names.is_empty() {
        names.push(own);
    }
    let mut mailboxes = Vec::with_capacity(names.len());
    for name in names {
        mailboxes.push(client.mailbox(&name.to_string()).await?);
    }
    mailbox::print(printer, &mailboxes);
    Ok(0)
}

/// The mailbox of the organisation in the caller's certificate.
pub(super) fn own_mailbox(profile: &Profile) -> Result<MailboxId, ClientError> {
    let organisation = connection::own_identity(profile)?
        .organisation
        .ok_or_else(|| {
            ClientError::configuration(
                format!(
                    "{} is no organisation's certificate",
                    profile.certificate.display()
                ),
                "use the certificate of the organisation whose mailbox it is",
            )
        })?;
    Ok(MailboxId::of(organisation))
}
