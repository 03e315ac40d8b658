"""Rules 规则: packs and decision tables as a person reads them, and a case to be tried, without a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, g, render_template, request
from werkzeug.datastructures import MultiDict

from webapp import facts_form
from webapp.allowed import allowed
from webapp.limits import limiter
from webapp.moments import day_asked, now
from webapp.office import office
from webapp.paging import words
from workflows import deployment, manners
from workflows.access import office_day
from workflows.errors import FactsRefused, NotFound, UnknownTable
from workflows.policies import Packs
from workflows.registers import rounds
from workflows.rulebook import OUTCOMES, Rulebook, pieces, side_by_side

pages = Blueprint("rules", __name__, url_prefix="/rules")


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """Every policy value, provinces side by side, with clause, quotation, force, since when, and where it comes from."""
    on = day_asked()
    with office().db.read() as reading:
        packs = _packs(reading)
    sought, differing = words("q"), bool(request.args.get("differing"))
    groups = side_by_side(packs, on, text=sought, differing=differing)
    chosen = request.args.get("group", "")
    every = side_by_side(packs, on)
    if chosen:
        groups = [group for group in groups if group.key == chosen]
    return render_template(
        "rules/index.html", groups=groups, every=every, chosen=chosen, sought=sought, differing=differing, on=on, packs=packs,
        told=_told(packs), places=_places(packs),
    )  # fmt: skip


@pages.get("/tables/")
@allowed("signed_in")
def tables() -> str:
    """Every decision table, by the family of processes that it serves."""
    with office().db.read() as reading:
        books = deployment.rules_in_force(reading)
    families: dict[str, list[dict[str, Any]]] = {}
    for table, book in books.items():
        described = book.describe(table)
        families.setdefault(_family(described["file"]), []).append(described)
    names = next(iter(books.values())).packs.names if books else None
    return render_template("rules/tables.html", families=families, names=names)


def _family(file: str) -> str:
    """The folder of a table's file: ``admission`` of ``bpmn/admission/eligibility.dmn``."""
    return file.rpartition("/")[0].rpartition("/")[2]


@pages.route("/tables/<table>", methods=["GET", "POST"])
@allowed("signed_in")
def show(table: str) -> Any:
    """One table in words, the values it reads, and a form to try a case: every province answers."""
    with office().db.read() as reading:
        books = deployment.rules_in_force(reading)
    book = books.get(table)
    if book is None:
        raise UnknownTable(table=table)
    on = day_asked()
    tried = Tried.of(book, table, on, tuple(book.packs)) if request.method == "POST" else None
    shown = book.show(table)
    return render_template(
        "rules/table.html", described=book.describe(table), shown=shown, on=on, packs=book.packs, told=_told(book.packs),
        groups=side_by_side(book.packs, on, only=shown.keys), places=_places(book.packs), tried=tried, outcomes=OUTCOMES,
        form=tried.form if tried else facts_form.read(book.facts(table), MultiDict()),
    ), (422 if tried is not None and tried.refused else 200)  # fmt: skip


@pages.route("/eligibility/<round_number>", methods=["GET", "POST"])
@allowed("public")
@limiter.limit("60/minute", methods=["POST"])
def eligibility(round_number: str) -> Any:
    """Before applying: would I be eligible? Asks what the round's process names, by the round's own rules; stores nothing."""
    with office().db.read() as reading:
        row, view = rounds.round_by_number(reading, round_number)
        loaded, table = _eligibility(reading)
        book = deployment.rulebook(reading, loaded, row.pack_set)
    on = office_day(row.open_at)
    known = {"close_at": view.close_at.isoformat(), "channel": view.channel, "hiring_unit": view.organisation_name,
             "appointment_type": view.post_type}
    asked = [fact for fact in book.facts(table) if not fact.optional and fact.name not in known]
    settled = {name: value for name, value in known.items() if name in {fact.name for fact in book.facts(table)}}
    tried = Tried.of(book, table, on, (row.place,), asked=asked, known=settled) if request.method == "POST" else None
    return render_template(
        "rules/eligibility.html", round=view, place=book.pack(row.place, on).name, tried=tried, outcomes=OUTCOMES,
        may_apply=view.is_open(now()),
        form=tried.form if tried else facts_form.read(asked, MultiDict()), signed_in=g.get("viewer") is not None,
    ), (422 if tried is not None and tried.refused else 200)  # fmt: skip


def _eligibility(reading: Any) -> tuple[deployment.Loaded, str]:
    """The process that applicants of rounds run, and the decision that it names for this question."""
    for loaded in deployment.current(reading):
        table = loaded.diagram.properties.get(manners.ELIGIBILITY)
        if table:
            return loaded, table
    raise NotFound()


@dataclass(frozen=True)
class Tried:
    """A case that somebody tried: what was filled in, what each place answers, or why it was refused."""

    form: facts_form.FactsForm
    #: Place -> answer; empty when only a row was added, or the facts were refused.
    answers: Mapping[str, Mapping[str, Any]]
    refused: FactsRefused | None

    @classmethod
    def of(
        cls, book: Rulebook, table: str, on: date, places: tuple[str, ...], *, asked: Any = None, known: Mapping[str, Any] | None = None
    ) -> Tried:
        """Read the post, and ask the table for every place."""
        facts = book.facts(table) if asked is None else asked
        form = facts_form.read(facts, request.form)
        if facts_form.MORE in request.form:
            return cls(form, {}, None)
        try:
            given = {**(known or {}), **form.facts}
            return cls(form, {place: book.answer(table, policy=place, facts=given, on=on) for place in places}, None)
        except FactsRefused as refused:
            fact, reason = str(refused.params.get("fact", "")), str(refused.params.get("reason", ""))
            return cls(facts_form.read(facts, request.form, wrong=fact, why=reason), {}, refused)


def _packs(reading: Any) -> Packs:
    return deployment.packs(reading, deployment.newest_pack_set(reading))


def _places(packs: Packs) -> dict[str, str]:
    return {place: packs[place].name for place in packs}


def _told(packs: Packs) -> Any:
    """A function of templates: the value of a citation as texts to be listed."""
    return lambda citation: pieces(citation.value, packs.names)
