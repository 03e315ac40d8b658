"""A decision table as a person reads it: columns and cells in words, each rule with the policy values it rests on.

Read from the DMN file itself. What is plain (a text, a number, yes or no, a comparison) is put into words; an expression
stays as it was written, with policy keys called by their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from workflows.errors import N_
from workflows.policies import Names
from workflows.rulebook.reasons import OUTCOMES

#: Words for hit policies (DMN 1.5, 8.2.8).
HIT_POLICIES: Mapping[str, str] = {
    "UNIQUE": N_("只有一条成立"), "FIRST": N_("取第一条成立的"), "ANY": N_("成立的各条结论相同"), "PRIORITY": N_("取结论最优先的"),
    "COLLECT": N_("成立的全部列出"), "RULE ORDER": N_("成立的按次序列出"), "OUTPUT ORDER": N_("成立的按结论次序列出"),
}
#: Words for what a cell may hold besides texts and numbers.
ANYTHING, SILENT, YES, NO, NOTHING, REFUSED = N_("不限"), N_("未作规定"), N_("是"), N_("否"), "—", N_("事实有误")

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LITERALS = re.compile(r'\s*"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*\s*')
_POLICY = re.compile(r"policy((?:\.[a-z][a-z0-9_]*)+)")
_SIGNS = (("<=", "≤"), (">=", "≥"), ("!=", "≠"))
_PLAIN = {"-": ANYTHING, "null": SILENT, "true": YES, "false": NO, "not(null)": N_("有规定")}


@dataclass(frozen=True)
class Cell:
    """One cell: its words, and whether they are an expression and no words."""

    words: str
    is_expression: bool = False


@dataclass(frozen=True)
class RuleShown:
    """One rule: number from 1, a cell for each input and each shown output, the sentence it says, its policy keys."""

    number: int
    tests: tuple[Cell, ...]
    results: tuple[Cell, ...]
    #: With … for what is filled in.
    sentence: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One decision of a table: a table of rules, or a calculation before it."""

    id: str
    name: str
    question: str
    description: str
    #: Words for the hit policy; empty for a calculation.
    hit_policy: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rules: tuple[RuleShown, ...]
    #: (name, expression) of each line of a calculation.
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TableShown:
    """A decision with everything it rests on, in the order in which it is worked out."""

    parts: tuple[Part, ...]
    #: Every policy key that it reads or cites.
    keys: tuple[str, ...]


def read(xml: bytes, table: str, names: Names, known: frozenset[str]) -> TableShown:
    """Show a decision of a DMN file. ``known``: every key of the packs; a path that is none names the branch above."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    decisions = {str(one.get("id")): one for one in root.iterfind("{*}decision")}
    order: list[str] = []
    _below(table, decisions, order)
    parts = tuple(_part(decisions[one], names) for one in order)
    keys: list[str] = []
    for one in order:
        for found in _keys(decisions[one], known):
            if found not in keys:
                keys.append(found)
    return TableShown(parts, tuple(keys))


def _below(table: str, decisions: Mapping[str, etree._Element], order: list[str]) -> None:
    """Decisions that a decision requires, before it; each once."""
    if table in order or table not in decisions:
        return
    for link in decisions[table].iterfind("{*}informationRequirement/{*}requiredDecision"):
        _below(str(link.get("href")).rpartition("#")[2], decisions, order)
    order.append(table)


def _keys(decision: etree._Element, known: frozenset[str]) -> Iterator[str]:
    for element in decision.iter("{*}text"):
        text = element.text or ""
        if etree.QName(element.getparent()).localname == "annotationEntry":
            yield from (key.strip() for key in text.split(",") if key.strip() in known)
        else:
            for path in _POLICY.findall(text):
                key = path[1:]
                while key and key not in known:
                    key = key.rpartition(".")[0]
                if key:
                    yield key


def _part(decision: etree._Element, names: Names) -> Part:
    table = decision.find("{*}decisionTable")
    said = {part: (decision.findtext(f"{{*}}{part}") or "").strip() for part in ("question", "description")}
    if table is None:
        lines = tuple(_lines(decision, names))
        return Part(str(decision.get("id")), str(decision.get("name")), said["question"], said["description"], "", (), (), (), lines)
    outputs = [(str(one.get("name") or ""), str(one.get("label") or one.get("name") or "结论")) for one in table.iterfind("{*}output")]
    shown = [at for at, (name, _) in enumerate(outputs) if name != "words"]
    spoken = next((at for at, (name, _) in enumerate(outputs) if name == "words"), None)
    inputs = tuple(str(one.get("label") or one.findtext("{*}inputExpression/{*}text") or "") for one in table.iterfind("{*}input"))
    rules = tuple(
        _rule(number, rule, [outputs[at][0] for at in range(len(outputs))], shown, spoken, names)
        for number, rule in enumerate(table.iterfind("{*}rule"), start=1)
    )
    # A column whose cells are all calculated says nothing that a reader could compare.
    kept = [at for at in range(len(shown)) if any(not rule.results[at].is_expression for rule in rules)] or list(range(len(shown)))
    return Part(
        str(decision.get("id")), str(decision.get("name")), said["question"], said["description"],
        HIT_POLICIES.get(str(table.get("hitPolicy") or "UNIQUE"), ""), inputs,
        tuple(outputs[shown[at]][1] for at in kept),
        tuple(RuleShown(one.number, one.tests, tuple(one.results[at] for at in kept), one.sentence, one.keys) for one in rules), (),
    )  # fmt: skip


def _rule(
    number: int, rule: etree._Element, outputs: list[str], shown: list[int], spoken: int | None, names: Names
) -> RuleShown:
    tests = tuple(_cell(one, names) for one in rule.iterfind("{*}inputEntry"))
    entries = rule.findall("{*}outputEntry")
    results = tuple(_result(entries[at], names, outputs[at]) for at in shown)
    keys = ",".join("".join(one.itertext()) for one in rule.iterfind("{*}annotationEntry"))
    sentence = "" if spoken is None else _sentence(entries[spoken].findtext("{*}text") or "", names)
    return RuleShown(number, tests, results, sentence, tuple(key.strip() for key in keys.split(",") if key.strip()))


def _cell(element: etree._Element, names: Names, words: Mapping[str, str] | None = None) -> Cell:
    return cell((element.findtext("{*}text") or "").strip(), names, words)


def _result(element: etree._Element, names: Names, output: str) -> Cell:
    found = _cell(element, names, {**OUTCOMES, "refused": REFUSED} if output == "outcome" else None)
    return Cell(NOTHING) if found.words in (SILENT, ANYTHING, "[]") else found


def cell(text: str, names: Names, words: Mapping[str, str] | None = None) -> Cell:
    """Put a cell into words: texts without quotation marks, comparisons with signs, policy keys by their names."""
    if text in _PLAIN:
        return Cell(_PLAIN[text])
    if _LITERALS.fullmatch(text):
        return Cell("、".join((words or {}).get(one, names.words.get(one, one)) for one in _LITERAL.findall(text)))
    told = _named(text, names)
    for sign, shown in _SIGNS:
        told = told.replace(sign, shown)
    compared = re.fullmatch(r"[<>≤≥≠]?\s*(「[^」]+」|-?[0-9.]+)", told)
    return Cell(told, is_expression=compared is None)


def _named(text: str, names: Names) -> str:
    def name(found: re.Match[str]) -> str:
        key, rest = found.group(1)[1:], ""
        while key and key not in names.keys:
            key, _, last = key.rpartition(".")
            rest = f".{last}{rest}"
        return f"「{names.of(key)}」{rest}" if "." in key else found.group(0)

    return _POLICY.sub(name, text)


def _sentence(text: str, names: Names) -> str:
    """The sentence of a rule as it is put together: its texts, names of policy values, and … for the rest."""
    found, at = [], 0
    for literal in _LITERAL.finditer(text):
        found.append(_between(text[at:literal.start()], names))
        found.append(literal.group(1).replace('\\"', '"'))
        at = literal.end()
    found.append(_between(text[at:], names))
    return "".join(found)


def _between(code: str, names: Names) -> str:
    if not code.strip(" +"):
        return ""
    policies = re.findall(r"「[^」]+」", _named(code, names))
    return policies[0] if len(policies) == 1 and code.count("(") <= 1 else "…"


def _lines(decision: etree._Element, names: Names) -> Iterator[tuple[str, str]]:
    context = decision.find("{*}context")
    if context is None:
        text = decision.findtext("{*}literalExpression/{*}text")
        if text:
            yield "", _named(text.strip(), names)
        return
    for entry in context.iterfind("{*}contextEntry"):
        variable = entry.find("{*}variable")
        text = entry.findtext("{*}literalExpression/{*}text") or ""
        if variable is not None and text.strip():
            yield str(variable.get("label") or variable.get("name")), _named(text.strip(), names)
