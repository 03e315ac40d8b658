"""Papers printed from a case: each carries a code by which anybody can check that it came from here, and is recorded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, person_stream, record
from workflows.case_file.views import CaseFile
from workflows.db import Database
from workflows.errors import N_
from workflows.models import Definition, Event, Instance

#: What can be printed of a case -> its words.
PAPERS: Mapping[str, str] = {
    "receipt": N_("受理回执"), "case": N_("办件打印"), "signatures": N_("签批单"), "admission-card": N_("准考证"),
    "record": N_("办理留痕"),
}  # fmt: skip
#: Letters of a code after the event's number: sixty bits, in fours.
_LETTERS = 12
_NUMBER = re.compile(r"^[A-Za-z0-9-]{1,40}$")
_FORM = re.compile(r"^([1-9]\d{0,8})-([A-Z2-7]{4})-?([A-Z2-7]{4})-?([A-Z2-7]{4})$")


def check_code(secret: bytes, paper: str, case: CaseFile) -> str:
    """The code of a paper (校验码): up to which event of the case's record it says what happened, and a seal over that.

    Whoever does not know the installation's key cannot make one, and none fits another case, paper or state of the record.
    """
    last = case.events[-1]
    return _code(secret, paper, case.number, last.seq, last.leaf_hash)


def _code(secret: bytes, paper: str, number: str, seq: int, leaf_hash: str) -> str:
    said = "\0".join(("paper", paper, number, str(seq), leaf_hash)).encode()
    letters = base64.b32encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()[:_LETTERS]
    return "-".join((str(seq), *(letters[at : at + 4] for at in range(0, _LETTERS, 4))))


@dataclass(frozen=True)
class Checked:
    """A paper whose code is right. Nothing of what it says but what stands on every paper of the case."""

    #: Key of ``PAPERS``.
    paper: str
    number: str
    process_name: str
    #: When the last act happened that the paper could know.
    until: datetime
    #: Acts in the case since then.
    later: int


def checked(session: Session, secret: bytes, number: str, code: str) -> Checked | None:
    """What a paper with this case number and code is; None when no such paper was ever printed."""
    parts = _FORM.match("".join(code.split()).upper())
    if parts is None or not _NUMBER.match(number):
        return None
    seq = int(parts[1])
    found = session.execute(
        select(Event.at, Event.leaf_hash, Definition.name)
        .select_from(Event)
        .join(Instance, Instance.number == number)
        .join(Definition, Definition.digest == Instance.definition)
        .where(Event.stream == instance_stream(number), Event.seq == seq)
    ).one_or_none()
    given = "-".join((parts[1], *parts.groups()[1:]))
    for paper in PAPERS:
        made = _code(secret, paper, number, seq, found.leaf_hash if found is not None else "")
        if hmac.compare_digest(made, given) and found is not None:
            last = session.execute(select(func.max(Event.seq)).where(Event.stream == instance_stream(number))).scalar() or seq
            return Checked(paper, number, found.name, found.at, last - seq)
    return None


def note_printed(
    db: Database, viewer: Viewer, case: CaseFile, paper: str, code: str, content: bytes, *, at: datetime
) -> None:
    """Record ``record:exported`` in the person's stream: which paper, its code, the file's digest, whether masked."""
    payload = {
        "format": "pdf", "paper": paper, "code": code, "sha256": hashlib.sha256(content).hexdigest(),
        "events": len(case.events), "masked": case.masked,
    }  # fmt: skip
    with db.write() as session:
        record(session, Act(person_stream(viewer.number), Kind.RECORD_EXPORTED, at, viewer.actor(),
                            definition=case.definition, instance=case.number, payload=payload))
