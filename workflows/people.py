"""People and places: the organisation tree, and who holds which role from when to when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Dialect, Select, and_, bindparam, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from workflows.access import APART, Held, Viewer, held_on
from workflows.audit import Act, Actor, ActorKind, Kind, office_stream, person_stream, record
from workflows.db import Database, upsert
from workflows.errors import N_, Forbidden, NotFound, OwnRights, RolesExcludeEachOther
from workflows.models import Account, Membership, Organisation, Passkey, Person, SecondFactor, Series, SignIn

ORG_TYPES: Mapping[str, str] = {
    "edu_bureau": N_("教育行政部门"), "tri": N_("教研机构"), "school": N_("学校"), "college": N_("高校"),
    "government": N_("人民政府"), "congress": N_("人民代表大会"), "finance": N_("财政部门"),
    "establishment": N_("机构编制部门"), "hrss": N_("人社部门"), "supervision": N_("教育督导机构"),
    "discipline": N_("纪检监察"), "appeal_body": N_("申诉受理机关"), "hospital": N_("医疗机构"),
}  # fmt: skip
LEVELS: Mapping[str, str] = {
    "province": N_("省级"), "city": N_("市级"), "county": N_("县级"), "school": N_("校级")
}  # fmt: skip


@dataclass(frozen=True)
class Role:
    """A role of domain.md 3.0.1: a key, the office's word, and the kind of organisation it is held at."""

    key: str
    name: str
    #: Kind of organisation; empty when it may be held at any.
    org_type: str | None


ROLES: Mapping[str, Role] = {
    role.key: role
    for role in (
        Role("applicant", N_("申请人"), None),
        Role("home_principal", N_("所在单位（学校）负责人"), "school"),
        Role("home_bureau", N_("原单位主管教育行政部门"), "edu_bureau"),
        Role("tri_office", N_("教研机构经办"), "tri"),
        Role("tri_head", N_("教研机构负责人"), "tri"),
        Role("tri_training", N_("教研机构培训管理"), "tri"),
        Role("tri_meeting", N_("教研机构领导班子会"), "tri"),
        Role("researcher", N_("教研员"), "tri"),
        Role("bureau_head", N_("教育局负责人"), "edu_bureau"),
        Role("bureau_hr", N_("教育局人事科（股）"), "edu_bureau"),
        Role("bureau_teacher", N_("教育局教师工作科（股）"), "edu_bureau"),
        Role("bureau_finance", N_("教育局财务科（股）"), "edu_bureau"),
        Role("bureau_meeting", N_("局党组（局务）会议"), "edu_bureau"),
        Role("exam_office", N_("考务组"), "edu_bureau"),
        Role("panel_member", N_("遴选评审组成员"), "edu_bureau"),
        Role("inspection_team", N_("考察组"), "edu_bureau"),
        Role("host_principal", N_("接收学校负责人"), "school"),
        Role("supervisor_lead", N_("督导组长"), "supervision"),
        Role("supervisor", N_("督学"), "supervision"),
        Role("clerk", N_("登记人"), None),
        Role("auditor", N_("审计员"), None),
        Role("system_admin", N_("系统管理员"), None),
        Role("security_admin", N_("安全管理员"), None),
    )
}


#: Roles of which one person holds at most one at a time (GB/T 22239: three separate administrators).
EXCLUSIVE = APART


@dataclass(frozen=True)
class OrgView:
    """One organisation for a page."""

    code: str
    name: str
    org_type: str
    level: str
    place: str
    parent_code: str | None
    depth: int
    from_on: date
    to_on: date | None


# --- what was looked up ---------------------------------------------------------------------------------------------

#: What rules meant a moment ago (workflows.candidates): (role, at, organisation id, day) -> place and holders.
Known = dict[tuple[str, Any, int, date], tuple[tuple[int, str, str] | None, list["Somebody"]]]

#: Counts the changes of places, roles and of whom mail may reach.
_CHANGES = "register"
#: The number of such changes, for the statement that reads a case.
VERSION = func.coalesce(select(Series.last).where(Series.name == _CHANGES).scalar_subquery(), 0)
#: So many answers are kept.
_KEPT = 10_000


@dataclass
class Register:
    """What was looked up among places and people, which stands as long as nothing in them changes."""

    version: int = 0
    known: Known = field(default_factory=dict)
    #: Organisation code -> code of its bureau.
    bureaus: dict[str, str | None] = field(default_factory=dict)
    #: Organisation code -> name.
    names: dict[str, str | None] = field(default_factory=dict)


_registers: WeakKeyDictionary[Dialect, Register] = WeakKeyDictionary()


def register(session: Session, version: int) -> Register:
    """What was looked up in this database since its register came to that version (``VERSION``, just read)."""
    dialect = session.get_bind().dialect  # one for each database that is open
    kept = _registers.get(dialect)
    if kept is not None and kept.version == version and len(kept.known) + len(kept.bureaus) + len(kept.names) < _KEPT:
        return kept
    fresh = Register(version)
    if kept is None or kept.version <= version:
        _registers[dialect] = fresh
    return fresh


def register_changed(session: Session) -> None:
    """Say, in the transaction that changes places, roles or whom mail may reach, that what was looked up no longer holds."""
    next_in_series(session, _CHANGES)


# --- places ---------------------------------------------------------------------------------------------------------


def organisation_by_code(session: Session, code: str) -> Organisation:
    """The organisation with that code; ``NotFound`` without one."""
    found = session.execute(select(Organisation).where(Organisation.code == code)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def codes_below(session: Session, codes: Iterable[str]) -> set[str]:
    """Codes of some organisations and of all below them."""
    below = select(Organisation.id, Organisation.code).where(Organisation.code.in_(list(codes))).cte("below", recursive=True)
    child = aliased(Organisation)
    below = below.union_all(select(child.id, child.code).where(child.parent_id == below.c.id))
    return set(session.execute(select(below.c.code)).scalars())


def bureaus_of(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """Code of the nearest education bureau at or above each organisation (its 主管教育行政部门), in one statement.

    An organisation that has none, or does not exist, is left out.
    """
    found: dict[str, str] = {}
    for code, bureau in session.connection().execute(_BUREAUS, {"codes": list(codes)}):
        found.setdefault(code, bureau)
    return found


def _bureaus() -> Select[Any]:
    line = (
        select(Organisation.code, Organisation.id, Organisation.parent_id, literal(0).label("depth"))
        .where(Organisation.code.in_(bindparam("codes", expanding=True)))
        .cte("line", recursive=True)
    )
    above = aliased(Organisation)
    line = line.union_all(
        select(line.c.code, above.id, above.parent_id, line.c.depth + 1).where(above.id == line.c.parent_id)
    )
    return (
        select(line.c.code, Organisation.code)
        .join(line, line.c.id == Organisation.id)
        .where(Organisation.org_type == "edu_bureau")
        .order_by(line.c.depth)
    )


_BUREAUS = _bureaus()


def organisations(session: Session, on: date) -> list[OrgView]:
    """The whole tree on a day, parents before their children."""
    rows = list(
        session.execute(
            select(Organisation)
            .where(Organisation.from_on <= on, or_(Organisation.to_on.is_(None), Organisation.to_on >= on))
            .order_by(Organisation.id)
        ).scalars()
    )
    children: dict[int | None, list[Organisation]] = {}
    known = {row.id: row for row in rows}
    for row in rows:
        children.setdefault(row.parent_id if row.parent_id in known else None, []).append(row)
    views: list[OrgView] = []
    stack = [(row, 0) for row in reversed(children.get(None, []))]
    while stack:
        row, depth = stack.pop()
        parent = known.get(row.parent_id) if row.parent_id else None
        views.append(
            OrgView(row.code, row.name, row.org_type, row.level, row.place, parent.code if parent else None, depth, row.from_on, row.to_on)
        )
        stack += [(child, depth + 1) for child in reversed(children.get(row.id, []))]
    return views


def find_organisations(
    session: Session, q: str, *, on: date, org_type: str | None = None, limit: int = 20
) -> list[tuple[str, str, str]]:
    """Organisations whose name or code holds the text: (code, name, name of the one above)."""
    parent = aliased(Organisation)
    query = (
        select(Organisation.code, Organisation.name, func.coalesce(parent.name, ""))
        .outerjoin(parent, parent.id == Organisation.parent_id)
        .where(or_(Organisation.name.contains(q, autoescape=True), Organisation.code == q))
        .where(Organisation.from_on <= on, or_(Organisation.to_on.is_(None), Organisation.to_on >= on))
        .order_by(func.length(Organisation.name), Organisation.name)
        .limit(limit)
    )
    if org_type is not None:
        query = query.where(Organisation.org_type == org_type)
    return [(code, name, above) for code, name, above in session.execute(query)]


def create_organisation(
    db: Database, by: Actor, *, code: str, name: str, org_type: str, level: str, parent_code: str | None, place: str,
    from_on: date, at: datetime,
) -> None:
    """Enter one organisation (R13); its parent must exist."""
    require_hat(by, "system_admin")
    with db.write() as session:
        parent = organisation_by_code(session, parent_code) if parent_code else None
        record(
            session,
            Act(office_stream("configuration"), Kind.ORGANISATION_CREATED, at, by,
                payload={"code": code, "name": name, "org_type": org_type, "level": level, "parent": parent_code}),
        )
        session.add(Organisation(code=code, name=name, org_type=org_type, level=level, place=place,
                                 parent_id=parent.id if parent else None, from_on=from_on))
        register_changed(session)


# --- people and roles -----------------------------------------------------------------------------------------------


def next_in_series(session: Session, name: str, count: int = 1) -> int:
    """The next number of a series, in the caller's write transaction; numbers of refused acts are given again.

    With a ``count``, so many are taken and the last of them is returned.
    """
    return session.execute(
        upsert(Series, session.get_bind().dialect.name)
        .values(name=name, last=count)
        .on_conflict_do_update(index_elements=[Series.name], set_={"last": Series.last + count})
        .returning(Series.last)
    ).scalar_one()


def add_person(session: Session, *, name: str, phone: str | None, email: str | None, at: datetime) -> Person:
    """Make a person row with the next number, in the caller's transaction; the caller records the act."""
    number = f"P{at.year}{next_in_series(session, f'person:{at.year}'):05d}"
    person = Person(number=number, name=name, phone=phone, email=email, created_at=at)
    session.add(person)
    session.flush()
    return person


def create_person(
    db: Database, by: Actor, *, name: str, phone: str | None, email: str | None, at: datetime
) -> str:
    """Enter a person; returns their number."""
    require_hat(by, "system_admin")
    with db.write() as session:
        person = add_person(session, name=name, phone=phone, email=email, at=at)
        record(session, Act(person_stream(person.number), Kind.PERSON_CREATED, at, by, payload={"name": name}))
        return person.number


def person_by_number(session: Session, number: str) -> Person:
    """The person with that number; ``NotFound`` without one."""
    found = session.execute(select(Person).where(Person.number == number)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def grant(
    db: Database, by: Actor, person_number: str, org_code: str, role: str, from_on: date, *, at: datetime,
    to_on: date | None = None,
) -> None:
    """Give a person a role at an organisation from a day on.

    Raises ``Forbidden`` for an administrator who is not the security administrator, ``OwnRights`` for one's own account,
    ``RolesExcludeEachOther`` for a second of the three administrators' roles in the same time.
    """
    require_hat(by, "security_admin")
    refuse_own(by, person_number)
    if role not in ROLES:
        raise NotFound()
    with db.write() as session:
        person, organisation = person_by_number(session, person_number), organisation_by_code(session, org_code)
        refuse_exclusive(session, person.id, role, from_on, to_on)
        event = record(
            session,
            Act(person_stream(person.number), Kind.ROLE_GRANTED, at, by,
                payload={"role": role, "organisation": org_code, "from_on": from_on, "to_on": to_on}),
        )
        session.add(Membership(person_id=person.id, organisation_id=organisation.id, role=role, from_on=from_on,
                               to_on=to_on, begun_by_event=event))
        _sign_out_at(session, role, person.id, at)
        register_changed(session)


def _sign_out_at(session: Session, role: str, person_id: int, at: datetime) -> None:
    """Whoever becomes one of the three administrators, or is one no longer, signs in anew (ASVS V7.2.4)."""
    if role in EXCLUSIVE:
        theirs = select(Account.id).where(Account.person_id == person_id)
        session.execute(update(SignIn).where(SignIn.account_id.in_(theirs), SignIn.ended_at.is_(None)).values(ended_at=at))


def wears(by: Actor, role: str) -> bool:
    """Whether somebody acts as that administrator; who works at the machine's own console wears every hat."""
    return by.role in {role, None}


def require_hat(by: Actor, role: str) -> None:
    """Refuse with ``Forbidden`` an administrator of another kind (三员分立)."""
    if not wears(by, role):
        raise Forbidden()


def refuse_own(by: Actor, person_number: str) -> None:
    """Refuse with ``OwnRights`` an administrator's act on themselves."""
    if by.person == person_number:
        raise OwnRights()


def refuse_exclusive(session: Session, person_id: int, role: str, from_on: date, to_on: date | None) -> None:
    """Refuse a role that may not be held beside one that the person holds at any time of the same period."""
    others = EXCLUSIVE - {role} if role in EXCLUSIVE else frozenset[str]()
    if not others:
        return
    overlaps = [or_(Membership.to_on.is_(None), Membership.to_on >= from_on)]
    if to_on is not None:
        overlaps.append(Membership.from_on <= to_on)
    held = select(Membership.id).where(Membership.person_id == person_id, Membership.role.in_(others), *overlaps)
    if session.execute(held).first() is not None:
        raise RolesExcludeEachOther()


def revoke(db: Database, by: Actor, membership_id: int, to_on: date, *, at: datetime) -> None:
    """End a role with a last day; the row stays, ended. Raises ``Forbidden`` and ``OwnRights`` as ``grant`` does."""
    require_hat(by, "security_admin")
    with db.write() as session:
        row = session.execute(
            select(Membership, Person.number, Organisation.code)
            .join(Person, Person.id == Membership.person_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Membership.id == membership_id, Membership.to_on.is_(None))
        ).one_or_none()
        if row is None:
            raise NotFound()
        membership, number, code = row
        refuse_own(by, number)
        event = record(
            session,
            Act(person_stream(number), Kind.ROLE_REVOKED, at, by,
                payload={"role": membership.role, "organisation": code, "to_on": to_on}),
        )
        membership.to_on, membership.ended_by_event = max(to_on, membership.from_on), event
        _sign_out_at(session, membership.role, membership.person_id, at)
        register_changed(session)


#: What a statement gives of each role that a person holds, see ``held``.
HELD = (
    Membership.role, Organisation.id.label("organisation_id"), Organisation.code, Organisation.name.label("organisation_name"),
    Organisation.org_type, Organisation.level, Organisation.place,
)  # fmt: skip


def held(role: str, *place: Any) -> Held:
    """A role that a person holds, from the columns ``HELD``."""
    return Held(role, ROLES[role].name, *place)


def memberships(session: Session, person_id: int, on: date) -> tuple[Held, ...]:
    """The roles that a person holds on a day."""
    rows = session.execute(
        select(*HELD)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == person_id, held_on(on))
        .order_by(Membership.id)
    )
    return tuple(held(*row) for row in rows)


@dataclass(frozen=True)
class PersonCard:
    """One person with every role ever held."""

    number: str
    name: str
    phone: str | None
    email: str | None
    sign_in_name: str | None
    disabled: bool
    locked_until: datetime | None
    #: (membership id, role name, organisation name, from, to or None)
    roles: tuple[tuple[int, str, str, date, date | None], ...]
    #: Since when the account asks for a device's codes, and how many passkeys it has.
    second_factor_since: datetime | None = None
    passkeys: int = 0


def part_of(text: str) -> str:
    """A pattern for LIKE with ``/`` as its escape: what holds the text."""
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%"


#: How far the rows of a list are counted that may be very many; beyond it a page says that there are more.
COUNTED = 100


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    rows: Sequence[Any]
    total: int
    page: int
    size: int
    #: There are more than ``total``, which is as far as was counted.
    at_least: bool = False

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, -(-self.total // self.size))


def list_people(session: Session, q: str, page: int, *, size: int = 30) -> Page:
    """People by name, number or phone, newest last; rows are ``PersonCard``."""
    where = (
        or_(Person.name.contains(q, autoescape=True), Person.number == q, Person.phone == q) if q else Person.id > 0
    )
    total = session.execute(select(func.count()).select_from(Person).where(where)).scalar_one()
    people = list(
        session.execute(select(Person).where(where).order_by(Person.id).limit(size).offset((page - 1) * size)).scalars()
    )
    return Page(_cards(session, people), total, page, size)


def person_card(session: Session, number: str) -> PersonCard:
    """One person with their roles; ``NotFound`` without one."""
    return _cards(session, [person_by_number(session, number)])[0]


def _cards(session: Session, people: Sequence[Person]) -> list[PersonCard]:
    ids = [person.id for person in people]
    accounts, asks, keys = {}, {}, {}
    counted = select(func.count()).select_from(Passkey).where(Passkey.account_id == Account.id).scalar_subquery()
    for row, since, held in session.execute(
        select(Account, SecondFactor.confirmed_at, counted)
        .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
        .where(Account.person_id.in_(ids))
    ):
        accounts[row.person_id], asks[row.person_id], keys[row.person_id] = row, since, held
    roles: dict[int, list[tuple[int, str, str, date, date | None]]] = {}
    for row, name in session.execute(
        select(Membership, Organisation.name)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id.in_(ids))
        .order_by(Membership.from_on, Membership.id)
    ):
        roles.setdefault(row.person_id, []).append((row.id, ROLES[row.role].name, name, row.from_on, row.to_on))
    cards = []
    for person in people:
        account = accounts.get(person.id)
        cards.append(
            PersonCard(
                person.number, person.name, person.phone, person.email,
                account.sign_in_name if account else None,
                bool(account and account.disabled_at),
                account.locked_until if account else None,
                tuple(roles.get(person.id, ())),
                asks.get(person.id),
                keys.get(person.id, 0),
            )
        )
    return cards


def cards_of(session: Session, numbers: Sequence[str], on: date) -> list[dict[str, Any]]:
    """Who people are, in the order of their numbers given: {number, name, units}; ``units`` are codes of where they hold a role."""
    rows = session.execute(
        select(Person.number, Person.name, Organisation.code)
        .outerjoin(Membership, and_(Membership.person_id == Person.id, held_on(on)))
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .where(Person.number.in_(numbers))
        .order_by(Membership.id)
    )
    found: dict[str, dict[str, Any]] = {}
    for number, name, code in rows:
        card = found.setdefault(number, {"number": number, "name": name, "units": []})
        card["units"] += [code] if code is not None else []
    return [found[number] for number in numbers if number in found]


def find_people(session: Session, q: str, limit: int = 20) -> list[tuple[str, str]]:
    """People whose name holds the text, or with that number: (number, name)."""
    query = (
        select(Person.number, Person.name)
        .where(or_(Person.name.contains(q, autoescape=True), Person.number == q))
        .order_by(Person.name)
        .limit(limit)
    )
    return [(number, name) for number, name in session.execute(query)]


# --- people as notices and explanations name them ---------------------------------------------------------------------


@dataclass(frozen=True)
class Somebody:
    """A person as a notice or an explanation names them."""

    id: int
    number: str
    name: str
    #: Whether their mail address is confirmed.
    mailable: bool

    def named(self) -> dict[str, str]:
        """Number and name, for the record."""
        return {"number": self.number, "name": self.name}


def somebody(session: Session, person_id: int) -> Somebody:
    """One person as a notice names them."""
    return somebodies(session, [person_id])[person_id]


def somebodies(session: Session, person_ids: Collection[int]) -> dict[int, Somebody]:
    """People as a notice names them, by their keys, in one statement."""
    rows = session.execute(
        select(Person.id, Person.number, Person.name, Account.email_confirmed_at)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Person.id.in_(person_ids))
    )
    return {row[0]: Somebody(row[0], row[1], row[2], row[3] is not None) for row in rows}


def by_number(session: Session, numbers: Collection[str]) -> dict[str, Somebody]:
    """People as a notice names them, by their numbers, in one statement."""
    rows = session.execute(
        select(Person.id, Person.number, Person.name, Account.email_confirmed_at)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Person.number.in_(numbers))
    )
    return {row[1]: Somebody(row[0], row[1], row[2], row[3] is not None) for row in rows}


def holding(role: str, on: date) -> ColumnElement[bool]:
    """Condition on ``Person``: they hold the role anywhere on the day."""
    return Person.id.in_(select(Membership.person_id).where(Membership.role == role, held_on(on)))


def mailable(session: Session, among: ColumnElement[bool]) -> dict[int, bool]:
    """Keys of the people that a condition on ``Person`` names, and whether mail may go to them: for a notice."""
    rows = session.execute(
        select(Person.id, Account.email_confirmed_at).outerjoin(Account, Account.person_id == Person.id).where(among)
    )
    return {person_id: confirmed is not None for person_id, confirmed in rows}


def administrator(viewer: Viewer) -> Actor:
    """The viewer acting as the administrator that they are: of the system, or of its security."""
    role = "security_admin" if viewer.has("security_admin") else "system_admin"
    return viewer.actor(ActorKind.ADMINISTRATOR, role=role)

