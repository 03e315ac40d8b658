"""Packs: dated, cited values; what is refused on reading; a third province by one file."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from workflows.errors import DefinitionRefused
from workflows.policies import Citation, Packs, load

DAY = date(2026, 11, 22)
NUMBER = re.compile(r"(?m)^\s*(\d{1,2})\.(?!\d)")


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (root / "bpmn" / "policies").glob("*.toml")}


@pytest.fixture(scope="module")
def packs(files: dict[str, bytes]) -> Packs:
    return load(files)


def refusals(files: dict[str, bytes]) -> list[str]:
    with pytest.raises(DefinitionRefused) as refused:
        load(files)
    return [str(problem) for problem in refused.value.problems]


def place(body: str, name: str = "somewhere") -> dict[str, bytes]:
    head = (
        f'place = "{name}"\nname = "某省"\n[documents.DOC]\ntitle = "全称"\nshort = "意见"\nissued = 2022-01-01\n'
        'item_form = "第{}条"\n'
    )
    return {f"{name}.toml": (head + body).encode()}


VALUE = '[["a.b"]]\nvalue = 72\nsince = 2022-01-01\ndocument = "DOC"\nitem = "3"\nquote = "不少于72"\ntag = "text"\n'


class TestValues:
    def test_a_value_is_read_like_a_tree(self, packs: Packs) -> None:
        pack = packs["guangxi"].on(DAY)
        assert pack["admission"]["teaching_experience"]["months"] == Decimal(72)
        assert pack["admission"]["teaching_experience"]["kind"] == "frontline"
        assert pack["place"]["levels"] == ["自治区", "市", "县", "校"]
        assert pack["budget"]["special_fund"]["required"] is True
        assert pack["deadlines"]["adm_u1"] == 5
        assert pack.get_path("admission.title.min_level") == "中级"

    def test_a_place_is_laid_over_the_nation(self, packs: Packs) -> None:
        liaoning = packs["liaoning"].on(DAY)
        assert liaoning.cite("deadlines.adm_u1").place == "national"
        assert liaoning.cite("admission.title.series").place == "liaoning"

    def test_a_silent_document_reads_null(self, packs: Packs) -> None:
        citation = packs["liaoning"].on(DAY).cite("training.cycle_years")
        assert citation.value is None
        assert citation.clause == "辽宁实施意见 未作规定"
        assert packs["guangxi"].on(DAY).get_path("training.cycle_years") == 3

    def test_a_rule_not_yet_in_force_reads_null_and_says_from_when(self, packs: Packs) -> None:
        citation = packs["guangxi"].on(date(2021, 5, 28)).cite("admission.teaching_experience.months")
        assert citation.value is None and citation.note == "自2021-05-29起施行"
        assert packs["guangxi"].on(date(2021, 5, 29)).get_path("admission.teaching_experience.months") == 72

    def test_every_read_leaves_its_citation(self, packs: Packs) -> None:
        read: list[Citation] = []
        pack = packs["guangxi"].on(DAY).recording(read.append)
        assert pack["admission"]["title"]["min_level"] == "中级"
        assert [citation.key for citation in read] == ["admission.title.min_level"]
        assert read[0].clause == "广西实施意见 第13条" and read[0].quote == "具有中级及以上教师专业技术职称"
        assert read[0].tag_words == "文件条款" and read[0].since == date(2021, 5, 29)

    def test_looking_at_a_branch_reads_nothing(self, packs: Packs) -> None:
        read: list[Citation] = []
        branch = packs["guangxi"].on(DAY).recording(read.append)["admission"]
        assert "title" in branch and list(branch) and len(branch) and repr(branch) and branch != {}
        assert read == []

    def test_a_later_value_takes_over_on_its_first_day(self) -> None:
        later = VALUE.replace("72\nsince = 2022-01-01", "90\nsince = 2027-01-01").replace("72", "90")
        packs = load(place(VALUE + later))
        assert packs["somewhere"].on(date(2026, 12, 31)).get_path("a.b") == 72
        assert packs["somewhere"].on(date(2027, 1, 1)).get_path("a.b") == 90

    def test_a_rule_may_end(self) -> None:
        packs = load(place(VALUE + "until = 2024-12-31\n"))
        assert packs["somewhere"].on(date(2024, 12, 31)).get_path("a.b") == 72
        assert packs["somewhere"].on(date(2025, 1, 1)).get_path("a.b") is None

    def test_the_digest_is_of_the_place_and_what_it_rests_on(self, files: dict[str, bytes], packs: Packs) -> None:
        changed = {**files, "liaoning.toml": files["liaoning.toml"].replace(b"value = 72", b"value = 90", 1)}
        again = load(changed)
        assert again["liaoning"].digest != packs["liaoning"].digest
        assert again["guangxi"].digest == packs["guangxi"].digest
        moved = load({f"bpmn/policies/{name}": raw for name, raw in files.items()})
        assert moved["liaoning"].digest == packs["liaoning"].digest


class TestSources:
    def test_every_value_is_sourced(self, packs: Packs) -> None:
        for name in packs:
            for citation in packs[name].on(DAY).citations.values():
                assert citation.document and citation.clause and citation.tag, citation.key
                assert len(citation.quote) <= 30
                if "text" in citation.tag and citation.value is not None:
                    assert citation.quote and citation.item, citation.key

    def test_both_provinces_know_the_same_keys(self, packs: Packs) -> None:
        assert set(packs["liaoning"].on(DAY)) == set(packs["guangxi"].on(DAY))

    def test_every_key_of_the_specification_is_ruled(self, packs: Packs) -> None:
        """Keys of domain.md 3.0.10; four are spelled with _ because a value cannot also be a branch."""
        keys = set(packs["liaoning"].on(DAY).citations)
        for key in (
            "place.levels", "admission.teaching_experience.months", "admission.conditions", "admission.conditions_force",
            "admission.conditions_no_exception", "admission.pools.participating", "staffing.stage_split",
            "exit.ground_of_allegation", "rotation.after_months", "training.annual_hours", "visits.collective",
            "links.level_targets_force", "budget.special_fund.uses", "evaluation.dimensions",
        ):
            assert key in keys

    @pytest.mark.shared
    def test_every_quotation_stands_in_its_item(self, shared: Path, files: dict[str, bytes], packs: Packs) -> None:
        """Quotations against the documents: in the document, and within the numbered item that is cited."""
        tried = 0
        for name in packs:
            for entry in tomllib.loads(files[f"{name}.toml"].decode())["documents"].values():
                text = (shared / "policies" / entry["text_file"]).read_text("utf-8")
                items = numbered_items(text)
                for citation in packs[name].on(DAY).citations.values():
                    if citation.place != name or not citation.quote or citation.document != entry["title"]:
                        continue
                    quote = squeezed(citation.quote)
                    assert quote in squeezed(text), citation.key
                    if number := re.match(r"第(\d+)(?:-(\d+))?条", citation.item):
                        first, last = int(number[1]), int(number[2] or number[1])
                        assert any(quote in items[item] for item in range(first, last + 1)), citation.key
                    tried += 1
        assert tried > 90


def squeezed(text: str) -> str:
    """Return a text without the line breaks of its page and the address a copy carried into it."""
    return re.sub(r"\s", "", re.sub(r"https?://\S+", "", text))


def numbered_items(text: str) -> dict[int, str]:
    starts = list(NUMBER.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {int(start[1]): squeezed(text[start.end():end]) for start, end in zip(starts, ends, strict=True)}


class TestRefusals:
    def test_all_defects_of_all_files_come_at_once_with_their_lines(self) -> None:
        one = VALUE.replace('tag = "text"', 'tag = "rumour"') + VALUE.replace("a.b", "a.c").replace("DOC", "NONE")
        other = VALUE.replace("不少于72", "长" * 31)
        found = refusals({**place(one), **place(other, "elsewhere")})
        assert any("somewhere.toml:8 [a.b]" in line and "rumour" in line for line in found)
        assert any("somewhere.toml:15 [a.c]" in line and "NONE" in line for line in found)
        assert any("elsewhere.toml:8 [a.b] 引文 31 字" in line for line in found)

    @pytest.mark.parametrize(("body", "told"), [
        (VALUE + VALUE, "日期重叠：2022-01-01 有两个值"),
        (VALUE + "until = 2024-01-01\n" + VALUE.replace("2022-01-01", "2023-06-01"), "日期重叠：前一值施行至 2024-01-01"),
        (VALUE + "until = 2024-01-01\n" + VALUE.replace("2022-01-01", "2024-02-01"), "日期有空档"),
        (VALUE.replace("since = 2022-01-01\n", ""), "缺少 since"),
        (VALUE.replace('quote = "不少于72"\n', ""), "须写 item（条）和 quote（引文）"),
        (VALUE.replace("2022-01-01", "2021-12-31"), "施行首日早于文件日期"),
        (VALUE + "silent = true\n", "二者取一"),
        (VALUE + 'colour = "red"\n', "不认识的项：colour"),
        (VALUE + 'force = "必须"\n', "force 只能是"),
        (VALUE + VALUE.replace("a.b", "a.b.c"), "既是值又是 a.b.c 的上级"),
        (VALUE + VALUE.replace("2022-01-01", "2023-01-01").replace("72\n", '"七十二"\n', 1), "中是数，这里是文字"),
        (VALUE.replace('"a.b"', '"A B"'), "键由小写英文词和点组成"),
        ("[a]\nb = 1\n", '写成 [["a"]]'),
    ])
    def test_a_bad_pack_is_refused(self, body: str, told: str) -> None:
        assert any(told in line for line in refusals(place(body)))

    def test_a_key_that_a_place_passes_over_is_named(self) -> None:
        found = refusals({**place(VALUE), **place(VALUE.replace("a.b", "a.c"), "elsewhere")})
        assert any("elsewhere.toml [a.b] 没有值" in line for line in found)
        assert any("somewhere.toml [a.c] 没有值" in line for line in found)

    def test_unreadable_toml_is_a_problem_with_its_line(self) -> None:
        assert any("bad.toml:2" in line for line in refusals({"bad.toml": b'place = "x"\nname = \n'}))

    def test_two_files_for_one_place_are_refused(self) -> None:
        twice = {**place(VALUE), "second.toml": place(VALUE)["somewhere.toml"]}
        assert any("已在" in line for line in refusals(twice))

    @pytest.mark.parametrize(("old", "new", "told"), [
        ("day = 2026-01-04", "day = 2026-01-05", "调休上班日须是周六或周日"),
        ("last = 2026-01-03", "last = 2025-12-31", "须有 first 和 last"),
        ('number = "国办发明电〔2025〕7号"', "", "须有 year、document（通知全称）和 number（文号）"),
        ("year = 2027", "year = 2026", "写了两次"),
    ])
    def test_a_bad_calendar_is_refused(self, files: dict[str, bytes], old: str, new: str, told: str) -> None:
        text = files["calendar.toml"].decode()
        assert old in text
        assert any(told in line for line in refusals({**files, "calendar.toml": text.replace(old, new).encode()}))
