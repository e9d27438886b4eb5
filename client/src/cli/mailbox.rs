//! `axle mailbox`: mailboxes as their owner or an operator sees them.

use axle_model::{
    mailbox::{MailboxId, NotAMailbox},
    ods::OdsCode,
};
use axle_proto::v1::{ListMailboxesRequest, Mailbox};

use super::{
    Outcome, inbox,
    print::Printer,
    view::{self, MailboxView},
};
use crate::{
    connection::{self, Client},
    error::{Class, ClientError},
    profile::Profile,
};

const PAGE_MAX: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// mailboxes/ODS, mailboxes/ODS/WORKFLOW, or the ODS code alone
    #[arg(value_parser = parse)]
    name: Option<MailboxId>,
    /// Only those in which something waits (operators)
    #[arg(long)]
    waiting: bool,
    /// Show at most this many (operators)
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

fn parse(text: &str) -> Result<MailboxId, NotAMailbox> {
    OdsCode::parse(text).map_or_else(|_| MailboxId::parse(text), |code| Ok(MailboxId::of(code)))
}

/// Prints one mailbox, or those the caller may see.
pub(super) async fn run(
    client: &Client,
    profile: &Profile,
    arguments: Arguments,
    printer: &mut Printer,
) -> Outcome {
    let caller = connection::own_identity(profile)?;
    let mailboxes = match &arguments.name {
        Some(name) if caller.operator && caller.organisation != Some(name.organisation) => {
            let name = name.to_string();
            let found = list(client, false, usize::MAX, |mailbox| mailbox.name == name).await?;
            if found.is_empty() {
                return Err(ClientError::new(
                    Class::Refused,
                    "RECIPIENT_UNKNOWN",
                    format!("there is no mailbox {name}"),
                    "look at all of them with `axle mailbox`",
                ));
            }
            found
        }
        Some(name) => vec![client.mailbox(&name.to_string()).await?],
        None if caller.operator => {
            list(client, arguments.waiting, arguments.limit, |_| true).await?
        }
        None => vec![
            client
                .mailbox(&inbox::own_mailbox(profile)?.to_string())
                .await?,
        ],
    };
    print(printer, &mailboxes);
    Ok(0)
}

/// All mailboxes that are `wanted`, up to `limit`, the one with the oldest unread document first.
async fn list(
    client: &Client,
    waiting_only: bool,
    limit: usize,
    wanted: impl Fn(&Mailbox) -> bool,
) -> Result<Vec<Mailbox>, ClientError> {
    let mut found: Vec<Mailbox> = Vec::new();
    let mut page_token = String::new();
    loop {
        let missing = limit.saturating_sub(found.len()).min(PAGE_MAX);
        let request = ListMailboxesRequest {
            page_size: i32::try_from(missing).unwrap_or(1).max(1),
            page_token,
            waiting_only,
        };
        let page = client.mailboxes(request).await?;
        found.extend(page.mailboxes.into_iter().filter(&wanted));
        if page.next_page_token.is_empty() || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        page_token = page.next_page_token;
    }
}

/// Prints mailboxes.
pub(super) fn print(printer: &mut Printer, mailboxes: &[Mailbox]) {
    if printer.is_json() {
        printer.json(&mailboxes.iter().map(MailboxView::from).collect::<Vec<_>>());
        return;
    }
    let rows = mailboxes.iter().map(|mailbox| {
        [
            mailbox.name.clone(),
            mailbox.display_name.clone(),
            if mailbox.open { "open" } else { "closed" }.to_owned(),
            mailbox.queued_count.to_string(),
            mailbox.leased_count.to_string(),
            mailbox.dead_letter_count.to_string(),
            view::ago(mailbox.oldest_unread_time.as_ref()),
        ]
    });
    let headings = [
        "Mailbox",
        "Name",
        "State",
        "Queued",
        "Leased",
        "Dead",
        "Oldest unread",
    ];
    printer.table(headings, rows);
}
