"""A client of Axle in another language, made from the .proto files alone.

It acts as a trust and as a practice, over mutual TLS: submits, is refused, watches, collects on a
stream, acknowledges and looks things up. It asserts nothing; it prints what it was told, one JSON
object a line, and the Rust test that runs it judges.

Usage: journey.py HOST:PORT PKI_FOLDER DOCUMENT
"""

import json
import pathlib
import queue
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2

from axle.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    collection_pb2,
    collection_pb2_grpc,
    submission_pb2,
    submission_pb2_grpc,
    types_pb2,
)

PATIENCE = 30


def channel(address, pki, who):
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(pki / "ca.pem").read_bytes(),
        private_key=(pki / f"{who}.key").read_bytes(),
        certificate_chain=(pki / f"{who}.pem").read_bytes(),
    )
    return grpc.secure_channel(address, credentials)


def tell(step, **told):
    print(json.dumps({"step": step, **told}), flush=True)


def refusal(error):
    """The reason and the fields of a rich error (google.rpc.Status)."""
    told = {"code": error.code().name, "message": error.details()}
    for key, value in error.trailing_metadata():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, fields = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                told |= {"reason": info.reason, "domain": info.domain}
                told["remedy"] = info.metadata["remedy"]
            elif detail.Unpack(fields):
                told["fields"] = [violation.field for violation in fields.field_violations]
    return told


def submit(trust, document):
    def request(submission_id, recipient):
        header = types_pb2.DocumentHeader(
            submission_id=submission_id,
            recipients=[recipient],
            media_type="application/fhir+xml",
        )
        return submission_pb2.SubmitDocumentRequest(header=header, content=document)

    receipt = trust.SubmitDocument(request("python/1", "K81003"), timeout=PATIENCE)
    tell("submit", message=receipt.message, workflow=receipt.workflow, duplicate=receipt.duplicate)
    again = trust.SubmitDocument(request("python/1", "K81003"), timeout=PATIENCE)
    tell("repeat", message=again.message, duplicate=again.duplicate)
    try:
        trust.SubmitDocument(request("python/2", "Z99999"), timeout=PATIENCE)
    except grpc.RpcError as error:
        tell("refused", **refusal(error))
    return receipt


def withdraw(trust):
    """Too late: the practice has it, and is named."""
    request = submission_pb2.WithdrawMessageRequest(submission_id="python/1", reason="a mistake")
    try:
        trust.WithdrawMessage(request, timeout=PATIENCE)
    except grpc.RpcError as error:
        tell("withdraw", **refusal(error))


def collect(practice, document):
    commands = queue.SimpleQueue()
    start = collection_pb2.CollectStart(mailboxes=["mailboxes/K81003"], consumer_id="python")
    commands.put(collection_pb2.CollectRequest(command_id=1, start=start))
    stream = practice.Collect(iter(commands.get, None), timeout=PATIENCE)
    for response in stream:
        heard = response.WhichOneof("update")
        if heard == "delivery":
            delivery = response.delivery
            same = delivery.content == document
            tell("delivery", name=delivery.name, same=same, attempt=delivery.attempt)
            done = collection_pb2.AcknowledgeCommand(lease_token=delivery.lease_token)
            commands.put(collection_pb2.CollectRequest(command_id=7, acknowledge=done))
        elif heard == "result":
            tell("result", command_id=response.result.command_id, code=response.result.code)
            commands.put(None)
            break
    stream.cancel()


def watch(updates):
    """Every event of the one delivery, to its end."""
    for response in updates:
        if response.WhichOneof("update") != "delivery":
            continue
        update = response.delivery
        kind = types_pb2.DeliveryEventKind.Name(update.event.kind)
        tell("watch", delivery=update.delivery, kind=kind, actor=update.event.actor)
        if kind == "DELIVERY_EVENT_KIND_ACKNOWLEDGED":
            break
    updates.cancel()


def main():
    address, pki, document = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    document = pathlib.Path(document).read_bytes()
    trust = submission_pb2_grpc.SubmissionServiceStub(channel(address, pki, "RR8"))
    practice = collection_pb2_grpc.CollectionServiceStub(channel(address, pki, "K81003"))
    operator = admin_pb2_grpc.AdminServiceStub(channel(address, pki, "operator"))

    updates = trust.WatchDeliveries(submission_pb2.WatchDeliveriesRequest(), timeout=PATIENCE)
    # The first word is a sign of life: from here on nothing is missed.
    tell("watching", first=next(updates).WhichOneof("update"))
    receipt = submit(trust, document)
    waiting = practice.GetMailbox(collection_pb2.GetMailboxRequest(name="mailboxes/K81003"))
    tell("mailbox", queued=waiting.mailbox.queued_count)
    collect(practice, document)
    watch(updates)
    message = trust.GetMessage(submission_pb2.GetMessageRequest(name=receipt.message)).message
    tell("message", state=types_pb2.DeliveryState.Name(message.deliveries[0].state))
    listed = trust.ListMessages(submission_pb2.ListMessagesRequest())
    tell("list", submissions=[message.submission_id for message in listed.messages])
    withdraw(trust)
    status = operator.GetBrokerStatus(admin_pb2.GetBrokerStatusRequest())
    tell("status", ready=status.ready)
    try:
        practice.GetMailbox(collection_pb2.GetMailboxRequest(name="mailboxes/A83008"))
    except grpc.RpcError as error:
        tell("not yours", **refusal(error))


main()
