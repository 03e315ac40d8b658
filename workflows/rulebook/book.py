"""The rulebook: packs and decision tables together, asked by the process, the command line and the pages alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import wraps
from pathlib import Path
from typing import Any

from workflows import decisions, policies
from workflows.decisions import DecisionModel, Ruling
from workflows.decisions.lint import lint as doubts
from workflows.errors import DefinitionRefused, FactsRefused, NotFound, Problem, UnknownTable
from workflows.policies import SHANGHAI, Pack, Packs
from workflows.rulebook import reasons as why
from workflows.rulebook import showing
from workflows.rulebook.checking import rules_without_basis, unknown_policy_keys, unread_values
from workflows.rulebook.facts import Fact, Sheet, check, plain, read_sheets


@dataclass(frozen=True)
class _Table:
    """One decision: the model of its file, and what it says to the people who ask it."""

    file: str
    model: DecisionModel
    sheet: Sheet


class Rulebook:
    """All decision tables with all packs of an office, at one state of their files."""

    def __init__(self, packs: Packs, tables: Mapping[str, _Table], files: Mapping[str, bytes]) -> None:
        self.packs = packs
        self._tables = dict(tables)
        self._files = dict(files)

    @classmethod
    def from_directory(cls, path: str | Path) -> Rulebook:
        """Read every ``.dmn`` below ``path`` and the packs in ``path/policies``; ``path`` is the folder ``bpmn``."""
        folder = Path(path)
        found = [*folder.rglob("*.dmn"), *(folder / "policies").glob("*.toml")]
        return cls.from_files({file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(found)})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Rulebook:
        """Read deployed content: names ending in ``.toml`` are packs, in ``.dmn`` decisions; others are left alone.

        DefinitionRefused carries every defect of every file. Without packs the book decides with packs it is handed,
        and whether its tables read only known keys is not checked.
        """
        problems: list[Problem] = []
        packs = None
        try:
            packs = policies.load({name: raw for name, raw in files.items() if name.endswith(".toml")})
        except DefinitionRefused as refused:
            problems.extend(refused.problems)
        tables: dict[str, _Table] = {}
        for name, raw in sorted(files.items()):
            if not name.endswith(".dmn"):
                continue
            try:
                model = decisions.load(raw, names=policies.FUNCTION_NAMES, files=[name])
            except DefinitionRefused as refused:
                problems.extend(refused.problems)
                continue
            if packs is not None and packs.keys_of_values:
                problems.extend(unknown_policy_keys(name, raw, packs.keys_of_values))
            sheets = read_sheets(raw)
            for decision in model.decisions:
                if decision in tables:
                    problems.append(Problem(name, 0, decision, f"{tables[decision].file} 中已有同名的决策"))
                tables[decision] = _Table(name, model, sheets.get(decision, Sheet("", "", ())))
        if problems or packs is None:
            raise DefinitionRefused(problems)
        return cls(packs, tables, files)

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the ids of the tables people ask for, in order; the steps inside a table are left out."""
        return tuple(sorted(name for name in self._tables if not self._is_step(name)))

    def _is_step(self, name: str) -> bool:
        """Return whether a decision is only a step of another one: its id extends that one's (``DT-ADM-01-months``)."""
        return any(name.startswith(other + "-") for other in self._tables if other != name)

    def decide(self, decision_id: str, inputs: Mapping[str, Any], pack: Pack, now: datetime) -> Ruling:
        """Answer a decision for a process: its facts are taken from ``inputs`` by their names.

        The ruling's outputs gain ``reasons``, a list of ``{text, clause, quote, tag}``. UnknownTable for an
        unknown decision, FactsRefused for a missing or bad fact.
        """
        table = self._table(decision_id)
        ruling = self._evaluate(decision_id, table, check(table.sheet.facts, inputs), pack, now)
        told: list[dict[str, str]] = why.reasons(ruling, pack)
        return replace(ruling, outputs={**why.value_of(ruling), "reasons": told})

    def answer(self, table: str, *, policy: str, facts: Mapping[str, Any], on: date) -> dict[str, Any]:
        """Answer a table for given facts under the pack of a place on a day, as plain JSON.

        ``{"table", "outcome", "outputs", "rules", "reasons": [{"text", "clause", "quote", "tag"}], "inputs"}``;
        the same evaluation as ``decide``. UnknownTable, NotFound for an unknown place, FactsRefused.
        """
        found = self._table(table)
        if not isinstance(facts, Mapping):
            raise FactsRefused(fact="facts", reason="应是一个对象：事实名称和值")
        pack = self.pack(policy, on)
        inputs = check(found.sheet.facts, facts)
        ruling = self._evaluate(table, found, inputs, pack, datetime.combine(on, time(12), SHANGHAI))
        return {
            "table": table,
            "outcome": why.value_of(ruling).get("outcome"),
            "outputs": why.plain_outputs(ruling),
            "rules": why.rules(ruling),
            "reasons": why.reasons(ruling, pack),
            "inputs": plain(inputs),
        }

    def words(self, answer: Mapping[str, Any]) -> str:
        """Return an answer in Chinese sentences with clauses, and the rows that were counted."""
        return why.words(answer)

    def reasons(self, ruling: Ruling, pack: Pack) -> list[dict[str, str]]:
        """Return the reasons of a ruling, as ``answer`` gives them."""
        return why.reasons(ruling, pack)

    def pack(self, place: str, on: date) -> Pack:
        """Return the pack of a place on a day; NotFound for an unknown place."""
        if place not in self.packs:
            raise NotFound
        return self.packs[place].on(on)

    def describe(self, table: str) -> dict[str, Any]:
        """Return what a table asks and answers: question, facts with types and options, outcomes, outputs."""
        found = self._table(table)
        decision = found.model.decisions[table]
        outputs = found.sheet.entries or [output.name for output in decision.outputs]
        return {
            "table": table,
            "name": decision.name,
            "question": found.sheet.question,
            "description": found.sheet.description,
            "file": found.file,
            "facts": [fact.as_json() for fact in found.sheet.facts],
            "outcomes": {code: why.OUTCOMES.get(code, code) for code in found.sheet.outcomes},
            "outputs": [name for name in outputs if name not in why.SPOKEN],
        }

    def show(self, table: str) -> showing.TableShown:
        """Return a table as a person reads it, with every decision it rests on; UnknownTable."""
        found = self._table(table)
        return showing.read(self._files[found.file], table, self.packs.names, self.packs.keys_of_values)

    def facts(self, table: str) -> tuple[Fact, ...]:
        """Return what a table asks; UnknownTable."""
        return self._table(table).sheet.facts

    def lint(self) -> list[Problem]:
        """Return what is doubtful though it loads: gaps, overlaps, unknown names, rules that could cite nothing, idle values."""
        names = self.packs.names
        unnamed = [
            Problem(names.file, 0, key, "没有叫法" if key not in names.keys else "没有任何规则包写有这个键")
            for key in (self.packs.unnamed if names.file else ())
        ]
        unread = unread_values(self._files, self.packs.keys_of_values)
        return [*unnamed, *unread] + [
            problem
            for name, raw in sorted(self._files.items()) if name.endswith(".dmn")
            for problem in (
                *rules_without_basis(name, raw),
                *doubts(raw, names=policies.FUNCTION_NAMES, files=[name]),
            )
        ]

    def _table(self, name: str) -> _Table:
        try:
            return self._tables[name]
        except KeyError:
            raise UnknownTable(table=name) from None

    def _evaluate(self, name: str, table: _Table, facts: Mapping[str, Any], pack: Pack, now: datetime) -> Ruling:
        refusals: list[FactsRefused] = []
        context = {**facts, **_noting(policies.functions(pack, now=now), refusals), "policy": pack}
        ruling = table.model.evaluate(name, context, now=now)
        if refusals:
            # In an expression the refusal of a house function is only a null; people are told which fact is wrong.
            raise refusals[0]
        for value in why.values(ruling):
            if value.get("outcome") == "refused":
                raise FactsRefused(fact=value.get("reason") or name, reason=value.get("words") or "")
        if ruling.problems:
            # Null never decides: an expression that failed on the facts must not read as “not refused”.
            raise FactsRefused(fact=name, reason=f"无法得出结论：{ruling.problems[0]}")
        return ruling


def _noting(
    functions: Mapping[str, Callable[..., Any]], refusals: list[FactsRefused],
) -> dict[str, Callable[..., Any]]:
    """Return the functions so that a fact which one of them refuses is kept in ``refusals`` as well."""
    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except FactsRefused as refused:
                refusals.append(refused)
                raise
        return call

    return {name: noting(function) for name, function in functions.items()}
