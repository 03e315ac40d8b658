"""Why a ruling came out as it did: each matched rule with its sentence and the clause it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.decisions import Matched, Ruling
from workflows.policies import Pack
from workflows.rulebook.facts import plain

#: The outcomes a table may have, with the words people read.
OUTCOMES = {
    "met": "符合", "not_met": "不符合", "return": "退回补正", "manual": "由人判断", "not_applicable": "不适用",
    "unfounded": "不成立", "not_a_ground": "不构成退出事由", "finding_missing": "待外部结论",
    "due": "应任教", "warning": "预警", "not_due": "未到期",
    "recognised": "认定", "partial": "部分认定", "not_recognised": "不认定", "not_grown": "没有增长",
}

#: Outputs of a table that are no outputs of its answer: the outcome and the sentence stand beside them.
SPOKEN = frozenset({"outcome", "words"})


def value_of(ruling: Ruling) -> Mapping[str, Any]:
    """Return what the decision answered, as a mapping; a collecting table has none of its own."""
    if isinstance(ruling.value, Mapping):
        return ruling.value
    return ruling.outputs


def values(ruling: Ruling) -> Iterator[Mapping[str, Any]]:
    """Give what the decision answered, and before it what each decision it rests on answered."""
    for part in ruling.parts:
        yield from values(part)
    yield value_of(ruling)


def rules(ruling: Ruling) -> list[dict[str, Any]]:
    """Return the matched rules of the decision and of those it rests on, in the order they were asked."""
    return [
        {"table": one.decision, "rule": matched.rule, "number": matched.index, "basis": _keys(matched.annotations)}
        for one, matched, _ in _matched(ruling)
    ]


def reasons(ruling: Ruling, pack: Pack) -> list[dict[str, str]]:
    """Return one reason for each matched rule: ``{text, clause, quote, tag}``.

    The text is the rule's own sentence (output ``words``); the clause is that of the first policy key its
    annotation names, as the pack of the instance cites it. A rule without a key rests on the product's default (D).
    """
    found: list[dict[str, str]] = []
    for _, matched, row in _matched(ruling):
        keys = [key for key in _keys(matched.annotations) if key in pack.citations]
        text = str(row.get("words") or OUTCOMES.get(str(row.get("outcome")), ""))
        if keys:
            citation = pack.cite(keys[0])
            reason = {"text": text, "clause": citation.clause, "quote": citation.quote, "tag": citation.tag}
        else:
            reason = {"text": text, "clause": "系统默认", "quote": "", "tag": "D"}
        if reason not in found:
            found.append(reason)
    return found


def _keys(annotations: tuple[str, ...]) -> list[str]:
    return [key.strip() for text in annotations for key in text.split(",") if key.strip()]


def _matched(ruling: Ruling) -> Iterator[tuple[Ruling, Matched, Mapping[str, Any]]]:
    """Walk required decisions first; yield each matched rule once with the row it answered."""
    seen: set[tuple[str, str]] = set()

    def walk(one: Ruling) -> Iterator[tuple[Ruling, Matched, Mapping[str, Any]]]:
        for part in one.parts:
            yield from walk(part)
        rows = one.value if isinstance(one.value, list) else [value_of(one)] * len(one.rules)
        for matched, row in zip(one.rules, rows, strict=False):
            if (matched.table, matched.rule) not in seen:
                seen.add((matched.table, matched.rule))
                yield one, matched, row if isinstance(row, Mapping) else {}

    yield from walk(ruling)


def words(answer: Mapping[str, Any]) -> str:
    """Return an answer in Chinese: the outcome's sentences with their clauses, then the evidence rows counted."""
    lines = []
    for reason in answer["reasons"]:
        quote = f"（“{reason['quote']}”）" if reason["quote"] else ""
        lines.append(f"{reason['text']} — {reason['clause']}{quote}")
    if not lines:
        lines.append(OUTCOMES.get(answer["outcome"], str(answer["outcome"])))
    lines.extend(_evidence(answer["outputs"]))
    return "\n".join(lines)


def words_of(outputs: Mapping[str, Any]) -> str:
    """Return the outputs of a ruling of ``Rulebook.decide`` in Chinese, as ``words`` does for an answer.

    Works on the outputs as stored with the instance: reasons and evidence rows are in them.
    """
    return words({"outcome": outputs.get("outcome"), "reasons": outputs.get("reasons") or (), "outputs": outputs})


def _evidence(outputs: Mapping[str, Any]) -> Iterator[str]:
    for row in outputs.get("evidence") or ():
        when = row["start"] if row["start"] == row["end"] else f"{row['start']} 至 {row['end'] or '今'}"
        what = "，".join(str(row[part]) for part in ("unit_kind", "duty", "kind") if part in row)
        yield f"  第{row['row']}行 {when}{f'（{what}）' if what else ''}：{row['reason']}"
    for row in (*(outputs.get("standing") or ()), *(outputs.get("ranking") or ())):
        yield f"  {row['words']}"
        yield from (f"    {step}" for step in row.get("steps") or ())
    spans = outputs.get("spans") or ()
    if spans:
        merged = "；".join(f"{span['start']} 至 {span['end']} {span['months']} 个月" for span in spans)
        yield f"  {'计入的时段' if 'months' in outputs else '合并后'}：{merged}"


def plain_outputs(ruling: Ruling, *, exact: bool = False) -> dict[str, Any]:
    """Return the outputs of an answer as plain JSON, without the outcome and its sentence; ``exact`` as of ``plain``."""
    outputs = {name: plain(value, exact=exact) for name, value in value_of(ruling).items() if name not in SPOKEN}
    if isinstance(ruling.value, list):
        outputs["rows"] = plain(ruling.value, exact=exact)
    return outputs
