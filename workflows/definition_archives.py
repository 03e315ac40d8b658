"""Deployed definitions as one file (流程定义包): handed out of one office, looked at and taken in by another.

An archive holds diagrams, tables and forms with a manifest of their digests, and what they call; no policy values: those are
the place's own. What is taken in is checked like any deployment, against the policy values that are here, and must come to
the very definitions that were handed out. Nothing in it is executed while it is looked at, and its sizes are believed only
as far as it is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows import deployment
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.audit.export import Exported
from workflows.db import Database
from workflows.deployment import POLICIES, SHARED, Deployed, FormCheck
from workflows.errors import N_, DefinitionRefused, NotFound, Problem
from workflows.models import Definition, PackFile

#: What the manifest calls itself, and the version of its shape.
FORMAT, SHAPE = "jiaoyan definitions", 1
MANIFEST = "manifest.json"
ZIP = "application/zip"
#: Bytes of an archive, of everything in it once unpacked and of one file, and files in it.
MAX_FILE, MAX_UNPACKED, MAX_PART, MAX_PARTS = 4 * 1024 * 1024, 24 * 1024 * 1024, 8 * 1024 * 1024, 300
#: Where what is handed out may lie: never a policy file, never outside the tree.
_PATH = re.compile(r"(bpmn(/[\w-]+)+\.(bpmn|dmn)|forms/library(/[\w-]+)+\.json)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: What taking an archive in does to a file of a definition.
STATES: Mapping[str, str] = {"new": N_("新增"), "changed": N_("变更"), "same": N_("相同"), "gone": N_("不再使用")}
#: No archive says when it was packed: the same definitions are the same bytes but for the manifest.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Held:
    """One definition as the manifest names it."""

    process_id: str
    name: str
    #: Its version where it was handed out.
    version: int
    digest: str


@dataclass(frozen=True)
class Archive:
    """An archive that was read: what it names, and its files by path."""

    definitions: tuple[Held, ...]
    files: Mapping[str, bytes]
    #: Digest of the archive itself, for the record.
    sha256: str


@dataclass(frozen=True)
class Change:
    """What taking an archive in does to one process."""

    held: Held
    #: The newest version here; 0 when there is none.
    newest: int
    #: The version that it is here already; 0 when it is new.
    known: int
    #: Path -> a word of ``STATES``, beside the newest version here.
    files: Mapping[str, str]


@dataclass(frozen=True)
class Looked:
    """What an archive would do: for each process, and whether tables that were asked without a process go into one."""

    changes: tuple[Change, ...]
    packs_change: bool


def hand_out(db: Database, by: Actor, process_id: str, version: int, *, at: datetime) -> Exported:
    """A version with everything that it calls, as one file; recorded as ``definition:exported``.

    Raises ``NotFound``, and ``DefinitionRefused`` when what it calls today was deployed with other tables than it was.
    """
    with db.read() as session:
        digest = session.execute(
            select(Definition.digest).where(Definition.process_id == process_id, Definition.version == version)
        ).scalar_one_or_none()
        if digest is None:
            raise NotFound()
        asked = deployment.definition(session, digest)
        pins = sorted(deployment.pins(session, asked).items())
        called = [deployment.definition(session, one) for name, one in pins if name != process_id]
    files: dict[str, bytes] = {}
    for loaded in (asked, *called):
        for path, raw in loaded.files.items():
            if files.setdefault(path, raw) != raw:
                raise _refused(path, N_("流程与它调用的流程所带的这个文件不同，请导出当前版本"))
    manifest = {
        "format": FORMAT, "shape": SHAPE, "handed_out_at": at.isoformat(timespec="seconds"),
        "definitions": [
            {"process": one.process_id, "name": one.name, "version": one.version, "digest": one.digest} for one in (asked, *called)
        ],
        "files": [{"path": path, "bytes": len(raw), "sha256": _digest(raw)} for path, raw in sorted(files.items())],
    }  # fmt: skip
    made = Exported(f"{process_id}-v{version}.zip", ZIP, _packed(manifest, files))
    payload = {"process": process_id, "version": version, "sha256": made.sha256, "called": [one.process_id for one in called]}
    with db.write() as session:
        record(session, Act(office_stream("definitions"), Kind.DEFINITION_EXPORTED, at, by, definition=digest, payload=payload))
    return made


def _packed(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    parts = {MANIFEST: orjson.dumps(manifest, option=orjson.OPT_INDENT_2), **dict(sorted(files.items()))}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, raw in parts.items():
            part = zipfile.ZipInfo(path, _LONG_AGO)
            part.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(part, raw)
    return whole.getvalue()


def look(session: Session, raw: bytes, check_form: FormCheck, file: str = "") -> Looked:
    """What an archive would do here; nothing is stored. ``DefinitionRefused`` with everything that is wrong with it."""
    archive = read(raw, file)
    tree = _tree(session, archive)
    source = deployment.check(tree, check_form)
    problems = list(source.problems)
    made = {bundle.process_id: bundle for bundle in source.definitions}
    if not problems:
        named = {held.process_id: held for held in archive.definitions}
        for process_id in sorted(named.keys() ^ made.keys()):
            problems.append(Problem(MANIFEST, 0, process_id, N_("清单与包中的流程图不一致")))
        for process_id in sorted(named.keys() & made.keys()):
            if named[process_id].digest != made[process_id].digest:
                problems.append(Problem(MANIFEST, 0, process_id, N_("在本系统组成的流程定义与清单摘要不同，可能由其他版本的软件导出")))
        used = {path for bundle in source.definitions for path in bundle.files}
        problems += [Problem(path, 0, "", N_("没有流程使用这个文件")) for path in sorted(archive.files.keys() - used)]
    if problems:
        raise DefinitionRefused(problems)
    changes = [_change(session, held, made[held.process_id].files) for held in archive.definitions]
    return Looked(tuple(changes), deployment.digest_of(source.packs) != deployment.newest_pack_set(session))


def take_in(db: Database, by: Actor, raw: bytes, check_form: FormCheck, *, at: datetime, file: str = "") -> Deployed:
    """Deploy what an archive holds, after looking at it as ``look`` does; the record says from which archive it came."""
    with db.read() as session:
        look(session, raw, check_form, file)
        archive = read(raw, file)
        tree = _tree(session, archive)
    return deployment.deploy(db, by, tree, check_form, at=at, archive=archive.sha256)


def _tree(session: Session, archive: Archive) -> dict[str, bytes]:
    """What is deployed with the archive: the policy values that are here, and tables that are asked here without a process."""
    drawn = {PurePosixPath(path).parent for path in archive.files if path.endswith(".bpmn")} | {PurePosixPath(SHARED)}
    here = select(PackFile.path, PackFile.content).where(PackFile.pack_set == deployment.newest_pack_set(session))
    packs = {path: bytes(content) for path, content in session.execute(here)}
    kept = {path: raw for path, raw in packs.items() if path.startswith(POLICIES + "/") or PurePosixPath(path).parent not in drawn}
    return {**kept, **archive.files}


def _change(session: Session, held: Held, files: Mapping[str, bytes]) -> Change:
    known = session.get(Definition, held.digest)
    newest = session.execute(select(func.max(Definition.version)).where(Definition.process_id == held.process_id)).scalar() or 0
    before = deployment.definition(session, deployment.newest(session, held.process_id)).files if newest else {}
    states = {path: "new" if path not in before else "same" if before[path] == raw else "changed" for path, raw in files.items()}
    states |= {path: "gone" for path in before if path not in files}
    return Change(held, newest, known.version if known is not None else 0, dict(sorted(states.items())))


# --- reading what somebody sends ------------------------------------------------------------------------------------


def read(raw: bytes, file: str = "") -> Archive:
    """The archive, unpacked within limits; ``DefinitionRefused`` when it is none, too large, or not what its manifest says."""
    if len(raw) > MAX_FILE:
        raise _refused(file, N_("文件太大，流程定义包不超过 4 MB"))
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = _unpacked(archive, file)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise _refused(file, N_("这不是可以读取的流程定义包")) from error
    held, digests = _manifest(parts.pop(MANIFEST, b""), file)
    for path in sorted(parts.keys() | digests.keys()):
        if path not in parts or path not in digests:
            raise _refused(path, N_("包中的文件与清单不一致"))
        if _digest(parts[path]) != digests[path]:
            raise _refused(path, N_("文件内容与清单中的摘要不符"))
    return Archive(held, parts, _digest(raw))


def _unpacked(archive: zipfile.ZipFile, file: str) -> dict[str, bytes]:
    listed = archive.infolist()
    if len(listed) > MAX_PARTS or sum(part.file_size for part in listed) > MAX_UNPACKED:
        raise _refused(file, N_("文件展开后太大，这不是流程定义包"))
    found: dict[str, bytes] = {}
    for part in listed:
        path = part.filename
        if path in found or (path != MANIFEST and (not _PATH.fullmatch(path) or path.startswith(POLICIES + "/"))):
            raise _refused(file, N_("包中只能有流程图、决策表、表单和清单"))
        with archive.open(part) as content:
            # What the directory says of a size is not believed: reading stops at the first byte too many.
            unpacked = content.read(MAX_PART + 1)
        if len(unpacked) > MAX_PART or len(unpacked) != part.file_size:
            raise _refused(file, N_("文件展开后太大，这不是流程定义包"))
        found[path] = unpacked
    return found


def _manifest(raw: bytes, file: str) -> tuple[tuple[Held, ...], dict[str, str]]:
    try:
        found = orjson.loads(raw)
        if found["format"] != FORMAT or found["shape"] != SHAPE:
            raise _refused(file, N_("清单不是本系统能读的流程定义包"))
        held = tuple(
            Held(str(one["process"]), str(one["name"])[:200], int(one["version"]), str(one["digest"])) for one in found["definitions"]
        )
        digests = {str(one["path"]): str(one["sha256"]) for one in found["files"]}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise _refused(file, N_("清单不是本系统能读的流程定义包")) from error
    if not held or len({one.process_id for one in held}) != len(held) or not all(
        _DIGEST.fullmatch(one) for one in (*digests.values(), *(definition.digest for definition in held))
    ):
        raise _refused(file, N_("清单不是本系统能读的流程定义包"))
    return held, digests


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _refused(file: str, reason: str) -> DefinitionRefused:
    return DefinitionRefused([Problem(file, 0, "", reason)])
