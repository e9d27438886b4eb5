//! `axle status`: how the broker stands.

use serde::Serialize;

use super::{
    Outcome,
    print::Printer,
    view::{self, rfc3339},
};
use crate::{connection::Client, error::Class};

/// Prints the broker's status; exit code 69 when it does not take documents.
pub(super) async fn run(client: &Client, printer: &mut Printer) -> Outcome {
    let status = client.broker_status().await?;
    let totals = status.deliveries.unwrap_or_default();
    let code = if status.ready {
        0
    } else {
        Class::Unavailable.exit_code()
    };
    if printer.is_json() {
        #[derive(Serialize)]
        struct TotalsView {
            accepted: u64,
            acknowledged: u64,
            rejected: u64,
            expired: u64,
            withdrawn: u64,
            pending: u64,
        }
        #[derive(Serialize)]
        struct View {
            version: String,
            start_time: Option<String>,
            ready: bool,
            failing_checks: Vec<String>,
            live_message_count: u64,
            ledger_sequence: u64,
            store_free_bytes: u64,
            oldest_unread_time: Option<String>,
            routing_table_version: u32,
            mailbox_count: u32,
            deliveries: TotalsView,
        }
        printer.json(&View {
            version: status.version,
            start_time: rfc3339(status.start_time.as_ref()),
            ready: status.ready,
            failing_checks: status.failing_checks,
            live_message_count: status.live_message_count,
            ledger_sequence: status.ledger_sequence,
            store_free_bytes: status.store_free_bytes,
            oldest_unread_time: rfc3339(status.oldest_unread_time.as_ref()),
            routing_table_version: status.routing_table_version,
            mailbox_count: status.mailbox_count,
            deliveries: TotalsView {
                accepted: totals.accepted,
                acknowledged: totals.acknowledged,
                rejected: totals.rejected,
                expired: totals.expired,
                withdrawn: totals.withdrawn,
                pending: totals.pending,
            },
        });
        return Ok(code);
    }
    let standing = match (status.ready, status.failing_checks.as_slice()) {
        (true, _) => "takes documents".to_owned(),
        (false, []) => "takes no documents".to_owned(),
        (false, checks) => format!("takes no documents: {}", checks.join("; ")),
    };
    let free = match status.store_free_bytes {
        0 => view::dash(),
        bytes => view::size(bytes),
    };
    let rows = [
        ("Broker", standing),
        ("Version", status.version),
        ("Running for", view::ago(status.start_time.as_ref())),
        (
            "Oldest unread",
            view::ago(status.oldest_unread_time.as_ref()),
        ),
        ("Live messages", status.live_message_count.to_string()),
        ("Ledger entries", status.ledger_sequence.to_string()),
        ("Store free", free),
        (
            "Routing table",
            format!("version {}", status.routing_table_version),
        ),
        ("Mailboxes", status.mailbox_count.to_string()),
        (
            "Deliveries",
            format!(
                "accepted={} acknowledged={} rejected={} expired={} withdrawn={} pending={}",
                totals.accepted,
                totals.acknowledged,
                totals.rejected,
                totals.expired,
                totals.withdrawn,
                totals.pending,
            ),
        ),
    ];
    for (name, value) in rows {
        printer.line(format!("{name:<15} {value}"));
    }
    Ok(code)
}
