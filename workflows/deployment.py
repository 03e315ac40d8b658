"""Deploying definitions and packs: checked whole, stored under their digests, loaded once a process of the system."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows import decisions, engine, manners, policies
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.db import Database
from workflows.decisions.lint import lint as doubts
from workflows.errors import CalledProcessMissing, DefinitionRefused, NotFound, Problem
from workflows.manners import HOUSE_NAMES
from workflows.models import Definition, DefinitionFile, Instance, PackFile, PackSet
from workflows.orders import ORDERS
from workflows.rulebook import Rulebook

#: Checks one form file: raises ``DefinitionRefused``. Forms lie above this package, so the entry points hand it in.
FormCheck = Callable[[bytes, str], Any]

#: Folder of the policy files inside a source tree.
POLICIES = "bpmn/policies"
#: Where diagrams and tables of one process family lie, and where forms lie.
DIAGRAMS, FORMS = "bpmn", "forms/library"
#: How many checked trees a process remembers.
TREES_KEPT = 8
#: The form of whoever is asked to sign a task (加签): it goes with every definition that has tasks.
OPINION = "house.opinion"
#: Tables that every diagram may call.
SHARED = "bpmn/shared"


@dataclass(frozen=True)
class Loaded:
    """A stored definition, parsed. Shared by every instance of its version; never changed."""

    digest: str
    process_id: str
    version: int
    name: str
    diagram: engine.Diagram
    #: Path -> bytes, as deployed.
    files: Mapping[str, bytes]
    #: Form id -> bytes.
    forms: Mapping[str, bytes]


@dataclass(frozen=True)
class Source:
    """What a tree holds: definitions ready to be stored, policy files, and everything wrong with either."""

    definitions: tuple[Bundle, ...]
    #: Policy files, and the tables in whose folder no diagram lies: they are asked without a process.
    packs: Mapping[str, bytes]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Bundle:
    """One process with its files, before it has a version."""

    process_id: str
    name: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over paths and content digests: the same files, the same version."""
        return digest_of(self.files)


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the sorted lines ``path NUL sha256(content)``."""
    lines = (f"{path}\0{hashlib.sha256(files[path]).hexdigest()}\n" for path in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_tree(root: Path) -> dict[str, bytes]:
    """The files of a source tree that are deployed, by their path below ``root``."""
    found: dict[str, bytes] = {}
    for folder, endings in ((DIAGRAMS, (".bpmn", ".dmn", ".toml")), (FORMS, (".json",))):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in endings:
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def check(files: Mapping[str, bytes], check_form: FormCheck) -> Source:
    """Read and check everything in ``files``; the problems of all files come together, nothing is stored."""
    problems: list[Problem] = []
    packs = {path: raw for path, raw in files.items() if path.startswith(POLICIES + "/")}
    known = _collect(problems, lambda: policies.load(_by_name(packs)))
    forms: dict[str, str] = {}
    for path, raw in files.items():
        if path.startswith(FORMS + "/"):
            _collect(problems, lambda raw=raw, path=path: check_form(raw, path))  # type: ignore[misc]
            form_id = _form_id(raw)
            if form_id is not None:
                forms[form_id] = path
    for path, raw in files.items():
        if path.endswith(".dmn"):
            problems += table_doubts(raw, path)
    bundles: list[Bundle] = []
    diagrams: list[engine.Diagram] = []
    for path, raw in files.items():
        if path.endswith(".bpmn"):
            diagrams += _collect(problems, lambda raw=raw, path=path: engine.read(raw, file=path, names=HOUSE_NAMES)) or ()  # type: ignore[misc]
    problems += _beside(diagrams, {problem.file for problem in problems})
    for diagram in diagrams:
        bundle, found = _bundle(diagram, diagram.file, files, forms)
        problems += [] if known is None else [*manners.check_numbers(diagram, known)]
        problems += [*engine.unknown_names(diagram, HOUSE_NAMES, diagrams), *found]
        bundles.append(bundle)
    packs |= _alone(files)
    _collect(problems, lambda: Rulebook.from_files(packs))
    return Source(tuple(bundles), packs, tuple(sorted(set(problems))))


def _by_name(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Policy files by their name without folder; tables that lie with them are left out."""
    return {PurePosixPath(path).name: raw for path, raw in files.items() if path.endswith(".toml")}


def _alone(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Tables in whose folder no diagram lies, and which no diagram can call therefore."""
    drawn = {PurePosixPath(path).parent for path in files if path.endswith(".bpmn")} | {PurePosixPath(SHARED)}
    return {path: raw for path, raw in files.items() if path.endswith(".dmn") and PurePosixPath(path).parent not in drawn}


def _collect(problems: list[Problem], read: Callable[[], Any]) -> Any:
    try:
        return read()
    except DefinitionRefused as refused:
        problems += refused.problems
        return None


def _form_id(raw: bytes) -> str | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found.get("id") if isinstance(found, dict) else None


def named_in(files: Mapping[str, bytes]) -> frozenset[tuple[str, str]]:
    """What a diagram may name in a tree, each with its kind: 表单, 决策, 自动环节, 流程; files that cannot be read hold nothing."""
    found = {("自动环节", order) for order in ORDERS}
    for path, raw in files.items():
        if path.startswith(FORMS + "/") and (form_id := _form_id(raw)) is not None:
            found.add(("表单", form_id))
        elif path.endswith(".bpmn"):
            diagrams = _collect([], lambda raw=raw, path=path: engine.read(raw, file=path, names=HOUSE_NAMES)) or ()  # type: ignore[misc]
            found |= {("流程", diagram.process_id) for diagram in diagrams}
    tables = _collect([], lambda: Rulebook.from_files({path: raw for path, raw in files.items() if not path.startswith(FORMS)}))
    return frozenset(found | {("决策", table) for table in (tables.tables if tables else ())})


def _beside(diagrams: Collection[engine.Diagram], unread: Collection[str]) -> Iterator[Problem]:
    """What is wrong between diagrams: a process that two files hold, a call of one that none holds.

    Only the tree is looked at, so that what it deploys does not hang on what was deployed before. Nothing is said about
    calls while a file of the tree could not be read (``unread``): the process may lie in it.
    """
    files: dict[str, str] = {}
    for diagram in diagrams:
        first = files.setdefault(diagram.process_id, diagram.file)
        if first != diagram.file:
            yield Problem(diagram.file, diagram.start.line, diagram.process_id, f"流程 {diagram.process_id} 已在 {first} 中")
    for diagram in diagrams:
        for step in diagram.steps.values():
            called = step.called.text if step.kind == "call" and isinstance(step.called, engine.Text) else None
            if called is not None and called not in files and not any(path.endswith(".bpmn") for path in unread):
                yield Problem(diagram.file, step.line, step.id, f"没有 id 为 {called} 的流程；被调用的流程须在同一目录树中")


def _bundle(
    diagram: engine.Diagram, path: str, files: Mapping[str, bytes], forms: Mapping[str, str]
) -> tuple[Bundle, list[Problem]]:
    folder = PurePosixPath(path).parent.as_posix()
    chosen = {path: files[path]}
    chosen |= {other: raw for other, raw in files.items() if other.endswith(".dmn")
               and PurePosixPath(other).parent.as_posix() in {folder, SHARED}}
    problems: list[Problem] = [*manners.check(diagram)]
    rulebook: Rulebook | None = None
    try:
        rulebook = Rulebook.from_files({name: raw for name, raw in files.items()
                                        if name in chosen or name.startswith(POLICIES + "/")})
    except DefinitionRefused as refused:
        problems += refused.problems
    asked = diagram.properties.get(manners.ELIGIBILITY)
    if asked is not None and rulebook is not None and asked not in rulebook.tables:
        problems.append(Problem(path, diagram.start.line, diagram.process_id, f"{manners.ELIGIBILITY}：没有标识为 {asked} 的决策"))
    for step in diagram.steps.values():
        for form_id in (step.form_id, step.properties.get(manners.FORM, "")):
            if form_id in forms:
                chosen[forms[form_id]] = files[forms[form_id]]
            elif form_id:
                problems.append(Problem(path, step.line, step.id, f"没有标识为 {form_id} 的表单"))
        if step.decision_id and rulebook is not None and step.decision_id not in rulebook.tables:
            problems.append(Problem(path, step.line, step.id, f"没有标识为 {step.decision_id} 的决策"))
        if step.task_type and step.task_type not in ORDERS:
            problems.append(
                Problem(path, step.line, step.id, f"没有名为 {step.task_type} 的自动环节；可用：{'、'.join(sorted(ORDERS))}")
            )
    if OPINION in forms and any(step.kind == "user" for step in diagram.steps.values()):
        chosen[forms[OPINION]] = files[forms[OPINION]]
    problems += manners.check_bulk(diagram, {form_id: files[path] for form_id, path in forms.items()})
    problems += manners.check_words(diagram, [raw for path, raw in chosen.items() if path in forms.values()])
    return Bundle(diagram.process_id, diagram.name, chosen), problems


def read_tables(raw: bytes, name: str) -> decisions.DecisionModel:
    """Read one file of decision tables; ``DefinitionRefused`` with its defects, each with the file's name."""
    try:
        return decisions.load(raw, names=policies.FUNCTION_NAMES)
    except DefinitionRefused as refused:
        raise DefinitionRefused(replace(problem, file=name) for problem in refused.problems) from None


def table_doubts(raw: bytes, name: str) -> tuple[Problem, ...]:
    """What is doubtful in a file of tables that loads: gaps, overlaps, unknown names, rules that never match."""
    return doubts(raw, names=policies.FUNCTION_NAMES, files=[name])


@dataclass(frozen=True)
class Deployed:
    """What a deployment did."""

    #: (process id, version, whether it is new)
    definitions: tuple[tuple[str, int, bool], ...]
    pack_set: str
    pack_set_is_new: bool


def deploy(
    db: Database, by: Actor, files: Mapping[str, bytes], check_form: FormCheck, *, at: datetime, archive: str = ""
) -> Deployed:
    """Check a tree and store what is new in it; ``DefinitionRefused`` with every problem otherwise.

    A process whose files are unchanged keeps its version; a changed pack value makes a new pack set and versions no
    definition. Running instances keep what they started on. ``archive`` is the digest of the file that the tree came in.
    """
    source = _checked(files, check_form)
    if source.problems:
        raise DefinitionRefused(source.problems)
    done: list[tuple[str, int, bool]] = []
    with db.write() as session:
        for bundle in source.definitions:
            done.append(_store(session, by, bundle, at, archive))
        pack_digest = digest_of(source.packs)
        is_new = session.get(PackSet, pack_digest) is None
        if is_new:
            number = (session.execute(select(func.max(PackSet.number))).scalar() or 0) + 1
            session.add(PackSet(digest=pack_digest, deployed_at=at, number=number))
            session.flush()
            session.add_all(PackFile(pack_set=pack_digest, path=path, content=raw) for path, raw in source.packs.items())
            record(session, Act(office_stream("definitions"), Kind.PACK_DEPLOYED, at, by, payload={
                "pack_set": pack_digest, "number": number,
                "files": {path: hashlib.sha256(raw).hexdigest() for path, raw in sorted(source.packs.items())},
            }))
    return Deployed(tuple(done), pack_digest, is_new)


def _checked(files: Mapping[str, bytes], check_form: FormCheck) -> Source:
    """``check``, which takes a second of a processor for a whole office: a tree that was looked at is not looked at again."""
    key = (digest_of(files), check_form)
    found = _shelf.checked.get(key)
    if found is None:
        found = check(files, check_form)
        if len(_shelf.checked) >= TREES_KEPT:
            _shelf.checked.clear()
        _shelf.checked[key] = found
    return found


def _store(session: Session, by: Actor, bundle: Bundle, at: datetime, archive: str) -> tuple[str, int, bool]:
    known = session.get(Definition, bundle.digest)
    if known is not None:
        return known.process_id, known.version, False
    latest = session.execute(
        select(func.max(Definition.version)).where(Definition.process_id == bundle.process_id)
    ).scalar()
    version = (latest or 0) + 1
    session.add(Definition(digest=bundle.digest, process_id=bundle.process_id, version=version, name=bundle.name,
                           deployed_at=at))
    session.flush()
    session.add_all(
        DefinitionFile(definition=bundle.digest, path=path, content=raw) for path, raw in bundle.files.items()
    )
    record(session, Act(office_stream("definitions"), Kind.DEFINITION_DEPLOYED, at, by, definition=bundle.digest,
                        payload={"process": bundle.process_id, "version": version, "name": bundle.name,
                                 **({"archive": archive} if archive else {}),
                                 "files": {path: hashlib.sha256(raw).hexdigest()
                                           for path, raw in sorted(bundle.files.items())}}))
    return bundle.process_id, version, True


# --- loading what was stored ----------------------------------------------------------------------------------------


@dataclass
class _Shelf:
    """What this process has parsed already. Digests never change their meaning, so nothing is ever dropped."""

    definitions: dict[str, Loaded] = field(default_factory=dict)
    packs: dict[str, policies.Packs] = field(default_factory=dict)
    pack_files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    rulebooks: dict[tuple[str, str], Rulebook] = field(default_factory=dict)
    days: dict[tuple[str, str, str, date], policies.Pack] = field(default_factory=dict)
    #: Trees that were checked, by digest and by who checked the forms; a few, for whoever deploys again and again.
    checked: dict[tuple[str, FormCheck], Source] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_shelf = _Shelf()


def newest(session: Session, process_id: str) -> str:
    """Digest of the newest version of a process; ``NotFound`` without one."""
    found = session.execute(
        select(Definition.digest)
        .where(Definition.process_id == process_id)
        .order_by(Definition.version.desc())
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def pins(session: Session, loaded: Loaded, pinned: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a definition calls by fixed name, and what that calls in turn: process id -> digest of the newest version.

    ``pinned`` are fixed already, by whoever called it. ``CalledProcessMissing`` for a process that nobody deployed.
    """
    fixed, found, ahead = dict(pinned or {}), dict[str, str](), [loaded]
    while ahead:
        for process_id in ahead.pop().diagram.calls:
            if process_id not in found:
                found[process_id] = fixed.get(process_id) or newest_called(session, process_id)
                ahead.append(definition(session, found[process_id]))
    return found


def newest_called(session: Session, process_id: str) -> str:
    """Digest of the newest version of a process that a call activity names."""
    try:
        return newest(session, process_id)
    except NotFound:
        raise CalledProcessMissing(process=process_id) from None


def starts(session: Session, kind: str, name: str) -> list[tuple[Loaded, str]]:
    """The newest definitions that a message or signal of that name starts, with their start events."""
    latest = select(Definition.process_id, func.max(Definition.version).label("version"))
    top = latest.group_by(Definition.process_id).subquery()
    digests = session.execute(
        select(Definition.digest)
        .join(top, (top.c.process_id == Definition.process_id) & (top.c.version == Definition.version))
        .order_by(Definition.process_id)
    ).scalars()
    newest_of_all = [definition(session, digest) for digest in digests]
    found = [(loaded, loaded.diagram.started_by(kind, name)) for loaded in newest_of_all]
    return [(loaded, step.id) for loaded, step in found if step is not None]


_VERSIONS = select(Definition.process_id, Definition.digest).order_by(Definition.version)


def current(session: Session) -> list[Loaded]:
    """The newest version of every process."""
    newest = dict(session.connection().execute(_VERSIONS).tuples().all())
    return [definition(session, digest) for digest in newest.values()]


def definition(session: Session, digest: str) -> Loaded:
    """A stored definition, parsed once in this process."""
    found = _shelf.definitions.get(digest)
    if found is None:
        found = _load(session, digest)
        with _shelf.lock:
            found = _shelf.definitions.setdefault(digest, found)
    return found


def _load(session: Session, digest: str) -> Loaded:
    row = session.get(Definition, digest)
    if row is None:
        raise NotFound()
    files = {
        path: bytes(content)
        for path, content in session.execute(
            select(DefinitionFile.path, DefinitionFile.content).where(DefinitionFile.definition == digest)
        )
    }
    forms = {
        form_id: raw for path, raw in files.items() if path.endswith(".json") and (form_id := _form_id(raw)) is not None
    }
    for path, raw in files.items():
        if path.endswith(".bpmn"):
            for diagram in engine.read(raw, file=path, names=HOUSE_NAMES):
                if diagram.process_id == row.process_id:
                    return Loaded(digest, row.process_id, row.version, row.name, diagram, files, forms)
    raise NotFound()


def packs(session: Session, pack_set: str) -> policies.Packs:
    """A stored pack set, parsed once in this process."""
    found = _shelf.packs.get(pack_set)
    if found is None:
        files = _pack_files(session, pack_set)
        found = policies.load(_by_name(files))
        with _shelf.lock:
            found = _shelf.packs.setdefault(pack_set, found)
    return found


def _pack_files(session: Session, pack_set: str) -> dict[str, bytes]:
    known = _shelf.pack_files.get(pack_set)
    if known is None:
        known = {
            path: bytes(content)
            for path, content in session.execute(
                select(PackFile.path, PackFile.content).where(PackFile.pack_set == pack_set)
            )
        }
        if not known:
            raise NotFound()
        _shelf.pack_files[pack_set] = known
    return known


def pack_of(session: Session, pack_set: str, newest: str, place: str, on: date) -> policies.Pack:
    """The values of a pinned pack set for a place on a day, with the newest calendar.

    Rules are pinned when an instance starts; the working days of a year are a fact that becomes known later, so they
    come from the ``newest`` set that is deployed.
    """
    key = (pack_set, newest, place, on)
    found = _shelf.days.get(key)
    if found is None:
        pinned = packs(session, pack_set)[place].on(on)
        found = pinned.with_calendar(packs(session, newest).calendar) if newest != pack_set else pinned
        _shelf.days[key] = found
    return found


def newest_pack_set(session: Session) -> str:
    """Digest of the pack set that new work starts on; ``NotFound`` before the first deployment."""
    found = session.execute(select(PackSet.digest).order_by(PackSet.number.desc()).limit(1)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def rulebook(session: Session, loaded: Loaded, pack_set: str) -> Rulebook:
    """The tables of a definition with the values of a pack set: the same answers as ``jiaoyan decide`` gives."""
    key = (loaded.digest, pack_set)
    found = _shelf.rulebooks.get(key)
    if found is None:
        tables = {path: raw for path, raw in loaded.files.items() if path.endswith(".dmn")}
        found = Rulebook.from_files({**tables, **_by_name(_pack_files(session, pack_set))})
        with _shelf.lock:
            found = _shelf.rulebooks.setdefault(key, found)
    return found


def rules_in_force(session: Session) -> dict[str, Rulebook]:
    """Every table that can be asked now -> the book that answers it: those of the newest definitions, and those alone.

    A table that several definitions hold is that of the first; they were deployed from one tree.
    """
    pack_set = newest_pack_set(session)
    books = [rulebook(session, loaded, pack_set) for loaded in current(session)]
    key = ("", pack_set)
    alone = _shelf.rulebooks.get(key)
    if alone is None:
        alone = Rulebook.from_files(_pack_files(session, pack_set))
        with _shelf.lock:
            alone = _shelf.rulebooks.setdefault(key, alone)
    found: dict[str, Rulebook] = {}
    for book in (*books, alone):
        for table in book.tables:
            found.setdefault(table, book)
    return dict(sorted(found.items()))


# --- reads for pages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DefinitionView:
    """One stored version for a page."""

    process_id: str
    name: str
    version: int
    digest: str
    deployed_at: datetime
    files: tuple[str, ...]
    running: int


def definitions(session: Session) -> list[DefinitionView]:
    """Every stored version, newest first."""
    counted = select(Instance.definition, func.count()).where(Instance.ended_at.is_(None))
    running = dict(session.execute(counted.group_by(Instance.definition)).tuples().all())
    paths: dict[str, list[str]] = {}
    for digest, path in session.execute(
        select(DefinitionFile.definition, DefinitionFile.path).order_by(DefinitionFile.path)
    ):
        paths.setdefault(digest, []).append(path)
    rows: Iterable[Definition] = session.execute(
        select(Definition).order_by(Definition.process_id, Definition.version.desc())
    ).scalars()
    return [
        DefinitionView(row.process_id, row.name, row.version, row.digest, row.deployed_at,
                       tuple(paths.get(row.digest, ())), running.get(row.digest, 0))
        for row in rows
    ]


@dataclass(frozen=True)
class PackSetView:
    """One stored pack set for a page."""

    digest: str
    number: int
    deployed_at: datetime
    #: (place, display name, number of values)
    places: tuple[tuple[str, str, int], ...]


def pack_sets(session: Session) -> list[PackSetView]:
    """Every stored pack set, newest first."""
    rows = session.execute(select(PackSet).order_by(PackSet.number.desc())).scalars()
    views = []
    for row in rows:
        loaded = packs(session, row.digest)
        places = tuple((place, loaded[place].name, len(loaded[place].history)) for place in loaded)
        views.append(PackSetView(row.digest, row.number, row.deployed_at, places))
    return views


def diagram_xml(session: Session, digest: str) -> bytes:
    """The diagram of a stored version as it was deployed."""
    loaded = definition(session, digest)
    return loaded.files[loaded.diagram.file]
