"""The record (办理留痕): every act once, in the transaction of the act, chained within its stream."""

from workflows.audit.kinds import ActorKind, Kind
from workflows.audit.record import (
    FIRST,
    RULE,
    TIMEOUT,
    Act,
    Actor,
    Entry,
    instance_stream,
    new_event_id,
    office_stream,
    open_stream,
    person_stream,
    record,
    record_many,
)
from workflows.audit.verify import Finding, Verification, verify

__all__ = [
    "FIRST", "RULE", "TIMEOUT", "Act", "Actor", "ActorKind", "Entry", "Finding", "Kind", "Verification", "instance_stream",
    "new_event_id", "office_stream", "open_stream", "person_stream", "record", "record_many", "verify",
]
