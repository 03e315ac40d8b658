"""What a round asks of applicants, in plain words, from the policy values in force: each sentence with its clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from webapp.case_pages import comma
from webapp.languages import translate
from workflows.errors import N_
from workflows.policies import Citation, Pack


@dataclass(frozen=True)
class Condition:
    """One sentence and what it stands on."""

    words: str
    clause: str
    quote: str
    tag: str


def conditions(pack: Pack) -> list[Condition]:
    """The sentences for one place; a key that the pack does not know, or that is empty there, says nothing."""
    found = []
    for key, say in _SENTENCES.items():
        citation = pack.citations.get(key)
        if citation is None or citation.value in (None, "", [], False):
            continue
        words = say(citation, pack.citations)
        if words:
            found.append(Condition(words, citation.clause, citation.quote, citation.tag_words))
    return found


def _value(all_values: Mapping[str, Citation], key: str) -> Any:
    found = all_values.get(key)
    return found.value if found is not None else None


def _listed(value: Any) -> str:
    return comma().join(translate(str(one)) for one in value) if isinstance(value, list) else translate(str(value))


def _force(citation: Citation, others: Mapping[str, Citation], key: str) -> str:
    """How strongly it is asked: 应, 原则上 …; the pack's own key for it, else what the citation says."""
    return translate(str(_value(others, key) or citation.force or ""))


#: What strengths and sources the packs name, so that the catalogue has them; other values stay as the documents have them.
WORDS = (
    N_("应"), N_("一般应"), N_("原则上"), N_("鼓励"), N_("探索"), N_("可以"), N_("在职教师"), N_("专职"), N_("兼职"), N_("特约"),
    N_("公开招聘"), N_("选调"), N_("内部竞聘"), N_("调动"),
)  # fmt: skip


def _months(citation: Citation, others: Mapping[str, Citation]) -> str:
    months = citation.value
    if not isinstance(months, Decimal):
        return ""
    params = {
        "months": int(months), "years": int(months) // 12,
        "force": _force(citation, others, "admission.teaching_experience.force"),
        "kinds": _listed(_value(others, "admission.teaching_experience.unit_kinds") or []),
    }  # fmt: skip
    if _value(others, "admission.teaching_experience.kind") == "frontline":
        return translate(N_("%(force)s有 %(years)s 年（%(months)s 个月）以上一线教学经历，任教单位：%(kinds)s。"), params)
    return translate(N_("%(force)s有 %(years)s 年（%(months)s 个月）以上教学经历，任教单位：%(kinds)s。"), params)


def _title(citation: Citation, others: Mapping[str, Citation]) -> str:
    series = _listed(_value(others, "admission.title.series") or "")
    return translate(N_("具有%(series)s系列%(level)s及以上职称。"), {"series": series, "level": _listed(citation.value)})


def _pool(citation: Citation, _others: Mapping[str, Citation]) -> str:
    return translate(N_("专职教研员从%(pool)s中选聘。"), {"pool": _listed(citation.value)})


def _basic(citation: Citation, others: Mapping[str, Citation]) -> str:
    force = _force(citation, others, "admission.conditions.force")
    return translate(N_("%(force)s具备：%(conditions)s。"), {"force": force, "conditions": _listed(citation.value)})


_SENTENCES: Mapping[str, Callable[[Citation, Mapping[str, Citation]], str]] = {
    "admission.teaching_experience.months": _months,
    "admission.title.min_level": _title,
    "admission.pools.full_time": _pool,
    "admission.conditions": _basic,
}
