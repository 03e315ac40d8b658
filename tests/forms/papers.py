"""Forms to test with: the library and the specimen, the house's values, and people who fill forms in at random."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from forms import build, check
from forms.spec import Field, FormSpec, Table, dotted
from forms.state import Node, blank_row, options_of
from workflows import feel, policies
from workflows.policies import Pack
from workflows.submission import AttachmentRef

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (ROOT / "forms" / "library", Path(__file__).parent / "library")
FORMS = tuple(sorted(path for library in LIBRARIES for path in library.rglob("*.json")))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=policies.SHANGHAI)


def read_form(path: Path) -> FormSpec:
    """One form file, checked."""
    return check.read(path.read_bytes(), file=path.name if "/" not in str(path) else str(path))


class Register:
    """A look-up of a few invented organisations or people."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self.entries = dict(entries)

    def label(self, code: str) -> str | None:
        return self.entries.get(code)

    def find(self, text: str) -> list[tuple[str, str]]:
        return [(code, name) for code, name in self.entries.items() if text in name]


FIND = {
    "organisation": Register({"bh-hq-sch01": "滨海市海青区第一中学", "bh-hq-sch02": "滨海市海青区第二中学", "bh-hq-edu": "海青区教育局"}),
    "person": Register({"P20260001": "李明月"}),
}


def house(pack: Pack, **more: Any) -> dict[str, Any]:
    """What expressions of a form see besides its own data."""
    return {
        "policy": pack,
        "instance": {
            "number": "BH-2026-0001",
            "round": {
                "number": "BH-R-2026-001", "close_at": "2026-12-15T17:00:00+08:00", "channel": "选调",
                "posts": [
                    {"code": "p-math", "subject": "数学", "stage": "初中", "headcount": 1},
                    {"code": "p-physics", "subject": "物理", "stage": "高中", "headcount": 2},
                ],
            },
        },
        "task": {},
        "bureau of": lambda code: "bh-hq-edu",
        **policies.functions(pack, now=NOW),
        **more,
    }  # fmt: skip



#: A stored file that every form accepts.
PROOF = AttachmentRef("ab" * 32, "证明.pdf", "application/pdf", 1200, "")
PHOTO = AttachmentRef("cd" * 32, "证件照.jpg", "image/jpeg", 1200, "")


def application() -> dict[str, list[str]]:
    """A whole application (A2) that passes, as a browser posts it; change what a test is about."""
    filled: dict[str, str] = {
        "full_name": "李明月", "gender": "女", "birth_date": "1988-03-15", "id_card": "210105198803150022",
        "ethnicity": "汉族", "political_status": "群众", "phone": "13800138000", "email": "li@example.cn",
        "photo": PHOTO.sha256, "current_unit": "bh-hq-sch01", "current_post": "教师", "subject": "数学", "stage": "初中",
        "applied_post": "p-math", "education.0.level": "本科", "education.0.major": "数学与应用数学",
        "education.0.school": "滨海师范学院", "education.0.graduated": "2010-07-01", "teacher_cert_no": "20102100000000001",
        "source_kind": "在职教师", "cert_scope": "初级中学 数学", "title_series": "教师", "title_level": "一级", "title_date": "2016-12-01",
        "statement": "我热爱教研工作。" * 50, "school_research_role": "教研组长", "health_declaration": "健康",
        "discipline_declaration": "无", "kinship_status": "无", "ethnic_area_service": "", "truth_commitment": "true",
        "annual_appraisals_reason": "",
    }  # fmt: skip
    for n, (start, end) in enumerate([("2010-09-01", "2018-08-31"), ("2018-09-01", "")]):
        row = {
            "start": start, "end": end, "unit": "海青区第一中学", "unit_kind": "中小学", "duty": "课堂教学", "subject": "数学",
            "stage": "初中",
        }  # fmt: skip
        filled |= {f"teaching_history.{n}.{key}": value for key, value in row.items()}
    for n in range(5):
        filled |= {f"annual_appraisals.{n}.year": str(2025 - n), f"annual_appraisals.{n}.result": "合格"}
    work = {"type": "优质课", "level": "市级", "name": "一元二次方程", "rank": "一等奖", "date": "2022-05-01", "evidence": PROOF.sha256}
    filled |= {f"achievements.0.{key}": value for key, value in work.items()}
    del filled["annual_appraisals_reason"]
    posted = {name: [text] for name, text in filled.items()}
    for n in range(7):
        posted[f"attachments.{n}.files"] = [PROOF.sha256]
    return posted


def review(**changes: str | None) -> dict[str, list[str]]:
    """A whole qualification review (A4) that says 合格 and passes; ``changes`` replace answers, "" empties, None leaves out."""
    filled = {
        "conflict_declared": "否", "months_any": "96", "months_frontline": "80", "qualification": "合格", "opinion": "",
        "exception_requested": "否",
    }  # fmt: skip
    filled |= {f"checked_documents.{n}.seen": "是" for n in range(7)}
    filled |= {f"checked_documents.{n}.remark": "" for n in range(7)}
    return {name: [text] for name, text in (filled | changes).items() if text is not None}


def judged(posted: dict[str, list[str]], pack: Pack, judgement: str = "符合") -> dict[str, list[str]]:
    """Add one judgement for every basic condition of the place."""
    for n, _ in enumerate(pack["admission"]["conditions"]):
        posted[f"conditions_judgement.{n}.judgement"] = [judgement]
        posted[f"conditions_judgement.{n}.evidence"] = ["见佐证材料"]
    return posted


def bound(
    spec: FormSpec, posted: dict[str, list[str]] | None, context: Mapping[str, Any], **more: Any
) -> build.Bound:
    """Bind a post with the usual look-ups and stored files."""
    return build.bind(spec, posted, context=context, now=NOW, find=FIND, known=(PROOF, PHOTO), **more)


def codes(filled: build.Bound) -> dict[str, str]:
    """Path -> code of every error."""
    return {entry.path: entry.code for entry in filled.errors}


#: Answers of the rules as ADM-B2 gives them, for forms that read ``ruling``.
RULINGS: tuple[dict[str, Any], ...] = (
    {
        "outcome": "met", "failed": [], "to_judge": [], "months_any": 96, "months_frontline": 80,
        "title_result": "符合", "negative_hits": [],
    },
    {
        "outcome": "not_met", "failed": ["教学经历", "负面清单与回避"], "to_judge": [], "months_any": 71,
        "months_frontline": 60, "title_result": "不符合(等级)", "negative_hits": ["负面清单"],
    },
)  # fmt: skip

_HANZI = "教研员申报岗位学科初中数学语文经历市县海青区推荐意见审查合格"
_ODD = ["𠮷野家", "Ａ１２", "o'Brien", "<b>x</b>", "=1+1", "{{7*7}}", "%(label)s", "é́", "👩‍🏫"]


class Filler:
    """Fills a form in at random: mostly well, sometimes not at all, sometimes just over a limit. The same seed, the same form."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files: dict[str, AttachmentRef] = {}

    def fill(self, spec: FormSpec, context: Mapping[str, Any], *, rounds: int = 4) -> dict[str, list[str]]:
        """Return posted texts: fills what shows, looks what shows then, and fills that too, like a person does."""
        posted: dict[str, list[str]] = {}
        for _ in range(rounds):
            bound = build.bind(
                spec, posted, context=context, now=NOW, known=tuple(self.files.values()), find=FIND, judge=False
            )
            new = False
            for node in bound.state.walk():
                if node.visible and not node.readonly and isinstance(node.item, Table):
                    new |= self._rows(node, node.item, posted)
                elif node.writable and isinstance(node.item, Field) and dotted(node.path) not in posted:
                    posted[dotted(node.path)] = self.answer(node)
                    new = True
            if not new:
                break
        return {name: texts for name, texts in posted.items() if texts}

    def _rows(self, node: Node, table: Table, posted: dict[str, list[str]]) -> bool:
        if table.fixed_rows or any(name.startswith(f"{table.key}.") for name in posted):
            return False
        for number in range(self.random.choice([0, 1, 1, 2, 3])):
            for cell in blank_row(node, number, NOW):
                posted[f"{dotted(node.path)}.{number}._row"] = ["1"]
                if cell.writable and isinstance(cell.item, Field):
                    posted[dotted(cell.path)] = self.answer(cell)
        return True

    def answer(self, node: Node) -> list[str]:
        """One answer, as texts a browser would post."""
        asked = node.item
        assert isinstance(asked, Field)
        if self.random.random() < 0.1:
            return []
        if asked.takes_files:
            return [self.file(asked, dotted(node.path)) for _ in range(self.random.choice([0, 1, 1, min(2, asked.limits.max_files)]))]
        match asked.kind:
            case "checkbox":
                return ["true"]
            case "checklist":
                return [option.value for option in options_of(node, NOW) if self.random.random() < 0.4]
            case "select" | "radio":
                offered = [option.value for option in options_of(node, NOW)]
                return [self.random.choice([*offered, *offered, *offered, ""])]
            case "number" | "money":
                return [self.number(asked, node)]
            case "date":
                return [self.day()]
            case "organisation":
                return [self.random.choice([*FIND["organisation"].entries, "滨海市海青区第一中学"])]
            case "id_card":
                return [self.random.choice(["11010519491231002X", "110105194912310021", "11010519491231"])]
            case "phone":
                return [self.random.choice(["13800138000", "1380013800", "１３８００１３８０００", "abc"])]
            case "email":
                return [self.random.choice(["li@example.cn", "li@", "a.b+c@x-y.example", "李@example.cn"])]
            case _:
                return [self.text(asked, node)]

    def file(self, asked: Field, path: str) -> str:
        """Store an invented file and return its digest."""
        digest = "".join(self.random.choices(string.digits + "abcdef", k=64))
        kind = self.random.choice([*asked.limits.media_types, *asked.limits.media_types, "text/html"])
        self.files[digest] = AttachmentRef(digest, f"证明{len(self.files)}.pdf", kind, self.random.choice([1200, 99_000_000]), path)
        return digest

    def day(self) -> str:
        """A day, seldom an impossible one."""
        if self.random.random() < 0.1:
            return self.random.choice(["2026-02-30", "昨天", "2026-13-01"])
        return self.random.choice(
            ["2026-09-01", (date(1955, 1, 1) + timedelta(days=self.random.randrange(27_000))).isoformat()]
        )

    def number(self, asked: Field, node: Node) -> str:
        """A number near a limit, inside, or with a digit too many."""
        limits = [_number(bound, node) for bound in (asked.limits.min, asked.limits.max)]
        low, high = (limits[0] if limits[0] is not None else Decimal(0)), (limits[1] if limits[1] is not None else Decimal(500))
        digits = asked.limits.decimals or 0
        inside = low + (high - low) * Decimal(self.random.randrange(101)) / 100
        value = self.random.choice([low, high, low - 1, high + 1, inside, inside, inside, Decimal(0)])
        if self.random.random() < 0.1:
            return self.random.choice(["", "12a", "1.2345", "1e3"])
        return f"{round(value, digits):f}"

    def text(self, asked: Field, node: Node) -> str:
        """A text near one of its limits."""
        least = int(_number(asked.limits.min_length, node) or 0)
        most = int(_number(asked.limits.max_length, node) or 50)
        if asked.limits.pattern and self.random.random() < 0.6:
            return self.random.choice(["AB123", "XY999", "AB12", "ab123"])
        if self.random.random() < 0.15:
            return self.random.choice([*_ODD, "x", "y", "z", "赠", "坏\x07字"])
        size = self.random.choice([least, most, max(least - 1, 0), most + 1, min(least + 7, most), 1, 3])
        return "".join(self.random.choices(_HANZI, k=size))


def _number(bound: object, node: Node) -> Decimal | None:
    if isinstance(bound, feel.Expression):
        bound = bound.evaluate(node.context, now=NOW)
    return Decimal(bound) if isinstance(bound, int | Decimal) and not isinstance(bound, bool) else None
