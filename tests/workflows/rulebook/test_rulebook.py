"""The rulebook: one evaluation behind the process and the command line; packs change answers, nothing else does."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.policies.tables import HOUSE, SPECIFIED
from workflows.errors import DefinitionRefused, FactsRefused, NotFound, UnknownTable
from workflows.policies import SHANGHAI
from workflows.rulebook import Rulebook, words_of

DAY = date(2026, 9, 30)
NOW = datetime(2026, 9, 30, 12, tzinfo=SHANGHAI)
EXPERIENCE: dict[str, Any] = {
    "close_at": "2026-09-30T18:00:00+08:00",
    "teaching_history": [
        {"start": "2019-09-01", "end": "2021-08-31", "unit_kind": "高校", "duty": "课堂教学", "unit": "某大学"},
        {"start": "2021-09-01", "end": "2025-08-31", "unit_kind": "中小学", "duty": "课堂教学", "unit": "某中学"},
    ],
}
APPLICATION: dict[str, Any] = {
    **EXPERIENCE, "title_series": "教师", "title_level": "一级", "discipline_declaration": "无", "channel": "选调",
    "appointment_type": "专职", "source_kind": "在职教师",
}

#: A made-up province: short, because it is silent on most, and different where it speaks.
THIRD = """
place = "third"
name = "第三省"
silent_on = ["place", "staffing", "award", "exit", "rotation", "training", "visits", "meetings", "survey", "routine",
             "lessons", "curriculum", "links", "schools", "practice", "digital", "budget", "evaluation",
             "admission.pools", "admission.health_test_for", "admission.part_time", "admission.channel",
             "admission.publicity", "admission.head_selection", "admission.appointment_types",
             "admission.types_replaced", "admission.title", "admission.conditions_force", "admission.method",
             "institution", "partners", "plan", "development", "designations", "results"]

[documents.TH]
title = "第三省关于教研工作的意见"
short = "第三省意见"
issued = 2024-01-01
item_form = "第{}条"

[["admission.teaching_experience.months"]]
value = 48
unit = "月"
since = 2024-01-01
document = "TH"
item = "7"
quote = "应有4年以上一线教学经历"
force = "应"
tag = "text"

[["admission.teaching_experience.kind"]]
value = "frontline"
since = 2024-01-01
document = "TH"
item = "7"
quote = "应有4年以上一线教学经历"
tag = "text"

[["admission.teaching_experience.unit_kinds"]]
value = ["中小学"]
since = 2024-01-01
document = "D"
item = "I4"
tag = "D"

[["admission.teaching_experience.force"]]
value = "应"
since = 2024-01-01
document = "TH"
item = "7"
quote = "应有4年以上一线教学经历"
tag = "text"

[["admission.conditions"]]
value = ["热爱教研"]
since = 2024-01-01
document = "TH"
item = "8"
quote = "热爱教研工作"
tag = "text"

[["admission.conditions_no_exception"]]
value = []
since = 2024-01-01
document = "D"
item = "I6"
tag = "D"

[["admission.exception.allowed"]]
value = false
since = 2024-01-01
document = "D"
item = "I2"
tag = "D"
"""


@pytest.fixture(scope="module")
def files(root: Any) -> dict[str, bytes]:
    folder = root / "bpmn"
    found = [*folder.rglob("*.dmn"), *folder.rglob("*.toml")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


@pytest.fixture(scope="module")
def book(files: dict[str, bytes]) -> Rulebook:
    return Rulebook.from_files(files)


def with_value(files: dict[str, bytes], file: str, key: str, old: str, new: str) -> dict[str, bytes]:
    """Return the files with one value of one block changed."""
    text = files[file].decode()
    before, header, block = text.partition(f'[["{key}"]]')
    assert header and old in block.partition("\n[[")[0]
    return {**files, file: (before + header + block.replace(old, new, 1)).encode()}


class TestOneEvaluation:
    def test_the_process_and_the_command_line_get_the_same_answer(self, book: Rulebook) -> None:
        for place, outcome in (("liaoning", "met"), ("guangxi", "not_met")):
            answer = book.answer("DT-ADM-01", policy=place, facts=EXPERIENCE, on=DAY)
            ruling = book.decide("DT-ADM-01", EXPERIENCE, book.pack(place, DAY), NOW)
            assert answer["outcome"] == ruling.outputs["outcome"] == outcome
            assert answer["reasons"] == ruling.outputs["reasons"]
            assert ruling.outputs["months_any"] == Decimal(answer["outputs"]["months_any"]) == 72

    def test_changing_one_value_of_a_pack_changes_both(self, book: Rulebook, files: dict[str, bytes]) -> None:
        changed = Rulebook.from_files(
            with_value(files, "policies/guangxi.toml", "admission.teaching_experience.months", "72", "48")
        )
        assert book.answer("DT-ADM-01", policy="guangxi", facts=EXPERIENCE, on=DAY)["outcome"] == "not_met"
        assert changed.answer("DT-ADM-01", policy="guangxi", facts=EXPERIENCE, on=DAY)["outcome"] == "met"
        before = book.decide("ADM-B2", APPLICATION, book.pack("guangxi", DAY), NOW).outputs
        after = changed.decide("ADM-B2", APPLICATION, changed.pack("guangxi", DAY), NOW).outputs
        assert (before["outcome"], before["failed"]) == ("not_met", ["教学经历"])
        assert (after["outcome"], after["failed"]) == ("met", [])

    def test_the_kind_of_experience_is_a_value_too(self, files: dict[str, bytes]) -> None:
        changed = with_value(files, "policies/guangxi.toml", "admission.teaching_experience.kind", "frontline", "any")
        changed = with_value(changed, "policies/guangxi.toml", "admission.teaching_experience.unit_kinds",
                             '"特教"', '"特教", "高校"')
        answer = Rulebook.from_files(changed).answer("DT-ADM-01", policy="guangxi", facts=EXPERIENCE, on=DAY)
        assert (answer["outcome"], answer["outputs"]["months_any"], answer["outputs"]["months_frontline"]) == ("met", 72, 48)

    def test_a_ruling_cites_every_value_it_read_and_only_those(self, book: Rulebook) -> None:
        ruling = book.decide("DT-ADM-01", EXPERIENCE, book.pack("guangxi", DAY), NOW)
        keys = [citation.key for citation in ruling.citations]
        assert len(keys) == len(set(keys))
        assert "admission.teaching_experience.months" in keys
        assert all(key.startswith("admission.teaching_experience.") for key in keys)

    def test_a_ruling_and_an_answer_are_plain_json(self, book: Rulebook) -> None:
        ruling = book.decide("ADM-B2", APPLICATION, book.pack("liaoning", DAY), NOW)
        assert json.loads(json.dumps(ruling.as_json()))["outputs"]["outcome"] == "met"
        answer = book.answer("ADM-B2", policy="liaoning", facts=APPLICATION, on=DAY)
        assert json.loads(json.dumps(answer)) == answer
        assert set(answer) == {"table", "outcome", "outputs", "rules", "reasons", "inputs"}
        assert all(set(reason) == {"text", "clause", "quote", "tag"} for reason in answer["reasons"])

    def test_only_declared_facts_enter_the_ruling(self, book: Rulebook) -> None:
        answer = book.answer("DT-ADM-01", policy="liaoning", facts={**EXPERIENCE, "id_card": "secret"}, on=DAY)
        assert "secret" not in json.dumps(answer) and "某大学" not in json.dumps(answer, ensure_ascii=False)

    def test_the_words_show_the_rows_that_were_counted(self, book: Rulebook) -> None:
        words = book.words(book.answer("DT-ADM-01", policy="guangxi", facts=EXPERIENCE, on=DAY))
        assert words.splitlines() == [
            "不符合(年限)：一线教学 48 个月 < 72 个月 — 广西实施意见 第13条（“原则上教研员应有6年及以上一线教学工作经历”）",
            "  第1行 2019-09-01 至 2021-08-31（高校，课堂教学）：不计：高校不在计入的单位类型内",
            "  第2行 2021-09-01 至 2025-08-31（中小学，课堂教学）：计入",
            "  合并后：2021-09-01 至 2025-08-31 48 个月",
        ]


    def test_the_outputs_kept_with_an_instance_give_the_same_words(self, book: Rulebook) -> None:
        answer = book.answer("ADM-B2", policy="guangxi", facts=APPLICATION, on=DAY)
        stored = json.loads(json.dumps(book.decide("ADM-B2", APPLICATION, book.pack("guangxi", DAY), NOW).as_json()["outputs"]))
        assert words_of(stored) == book.words(answer)
        assert "第2行 2021-09-01 至 2025-08-31（中小学，课堂教学）：计入" in words_of(stored)

    def test_a_book_of_tables_alone_decides_with_the_pack_it_is_handed(self, book: Rulebook, files: dict[str, bytes]) -> None:
        tables = Rulebook.from_files({name: raw for name, raw in files.items() if name.endswith(".dmn")})
        ruling = tables.decide("ADM-B2", APPLICATION, book.pack("liaoning", DAY), NOW)
        assert ruling == book.decide("ADM-B2", APPLICATION, book.pack("liaoning", DAY), NOW)


class TestThirdProvince:
    @pytest.fixture(scope="class")
    @classmethod
    def book(cls, files: dict[str, bytes]) -> Rulebook:
        return Rulebook.from_files({**files, "policies/third.toml": THIRD.encode()})

    def test_one_file_is_a_province(self, book: Rulebook) -> None:
        assert set(book.packs) == {"liaoning", "guangxi", "third"}
        answer = book.answer("DT-ADM-01", policy="third", facts=EXPERIENCE, on=DAY)
        assert answer["outcome"] == "met"
        assert answer["reasons"] == [{
            "text": "符合(年限)：一线教学 48 个月 ≥ 48 个月", "clause": "第三省意见 第7条",
            "quote": "应有4年以上一线教学经历", "tag": "text",
        }]

    def test_where_it_is_silent_a_table_does_not_apply(self, book: Rulebook) -> None:
        facts = {"title_series": "其他", "title_level": "编辑"}
        answer = book.answer("DT-ADM-02", policy="third", facts=facts, on=DAY)
        assert answer["outcome"] == "not_applicable"
        assert answer["reasons"][0]["clause"] == "第三省意见 未作规定"
        whole = book.answer("ADM-B2", policy="third", facts={**APPLICATION, **facts}, on=DAY)
        assert whole["outcome"] == "met" and whole["outputs"]["title_result"] is None

    def test_its_own_conditions_are_judged(self, book: Rulebook) -> None:
        facts = {"conditions_judgement": [{"condition": "热爱教研", "judgement": "不符合"}]}
        answer = book.answer("DT-ADM-03", policy="third", facts=facts, on=DAY)
        assert (answer["outcome"], answer["outputs"]["exception_possible"]) == ("not_met", False)

    def test_the_others_answer_as_before(self, book: Rulebook, files: dict[str, bytes]) -> None:
        before = Rulebook.from_files(files)
        for place in ("liaoning", "guangxi"):
            assert book.packs[place].digest == before.packs[place].digest
            assert book.answer("ADM-B2", policy=place, facts=APPLICATION, on=DAY) == before.answer(
                "ADM-B2", policy=place, facts=APPLICATION, on=DAY)


class TestAsking:
    def test_every_table_describes_itself(self, book: Rulebook) -> None:
        assert set(book.tables) == {*SPECIFIED, *HOUSE}
        for table in book.tables:
            told = book.describe(table)
            assert told["name"] and told["question"] and told["description"] and told["facts"]
            for fact in told["facts"]:
                assert fact["label"] and fact["description"] and fact["type"], fact
            assert "policy" not in [fact["name"] for fact in told["facts"]]
            assert told["outcomes"] and "refused" not in told["outcomes"]

    def test_a_table_tells_its_own_conclusions(self, book: Rulebook) -> None:
        assert book.describe("DT-ROT-01")["outcomes"] == {
            "not_applicable": "不适用", "due": "应任教", "warning": "预警", "not_due": "未到期",
        }
        assert set(book.describe("ADM-B2")["outcomes"]) == {"met", "not_met"}

    def test_facts_are_told_with_their_options_and_rows(self, book: Rulebook) -> None:
        facts = {fact["name"]: fact for fact in book.describe("ADM-B2")["facts"]}
        assert facts["title_series"]["options"] == ["教师", "高校教师", "其他"]
        assert facts["consent"]["optional"] is True
        rows = {part["name"]: part for part in facts["teaching_history"]["rows"]}
        assert rows["unit_kind"]["options"][0] == "中小学" and rows["end"]["optional"] is True

    def test_an_unknown_table_or_place_is_named(self, book: Rulebook) -> None:
        with pytest.raises(UnknownTable, match="DT-ADM-99"):
            book.answer("DT-ADM-99", policy="liaoning", facts={}, on=DAY)
        with pytest.raises(UnknownTable):
            book.describe("DT-ADM-99")
        with pytest.raises(NotFound):
            book.answer("DT-ADM-01", policy="atlantis", facts=EXPERIENCE, on=DAY)

    @pytest.mark.parametrize(("change", "told"), [
        ({"teaching_history": None}, "teaching_history：缺少“教学经历”"),
        ({"teaching_history": "none"}, "teaching_history：“教学经历”应是列表"),
        ({"teaching_history": ["a"]}, "teaching_history[1]：应是一行"),
        ({"teaching_history": [{"start": "2020-01-01", "unit_kind": "中小学"}]}, "teaching_history[1].duty：缺少“任务”"),
        ({"close_at": 20260930}, "close_at：“20260930”应为日期"),
        ({"close_at": "2026-02-30"}, "close_at：“2026-02-30”应为日期"),
        ({"title_level": "特级"}, "title_level：不认识的教师职称等级：特级"),
        ({"channel": "x" * 100}, "不在可选范围内"),
        ({"panel": [1]}, "panel[1]：“1”应为文字"),
    ])
    def test_a_bad_fact_is_refused_in_one_clear_line(self, book: Rulebook, change: dict[str, Any], told: str) -> None:
        for ask in (
            lambda facts: book.answer("ADM-B2", policy="liaoning", facts=facts, on=DAY),
            lambda facts: book.decide("ADM-B2", facts, book.pack("liaoning", DAY), NOW),
        ):
            with pytest.raises(FactsRefused) as refused:
                ask({**APPLICATION, **change})
            assert told in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 200

    @pytest.mark.parametrize(("table", "facts", "told"), [
        ("DT-TRN-02", {"year": 2026, "post_type": "专职", "records": [{"date": "2026-05-01", "hours_recognised": 71.96}]},
         "records[1].hours_recognised：认定学时“71.96”应不小于 0，至多一位小数"),
        ("DT-ROT-01", {"post_type": "专职", "base_date": "2020-09-01",
                       "absences": [{"start": "2023-08-31", "end": "2023-03-01", "kind": "借调"}]},
         "absences[1].end：结束日期不能早于开始日期"),
        ("DT-STAFF-01", {"level": "city", "stages": ["大学"], "subjects": ["语文"], "staff": []}, "stages：没有“大学”这个学段"),
    ])
    def test_a_fact_that_the_arithmetic_refuses_is_named(
        self, book: Rulebook, table: str, facts: dict[str, Any], told: str,
    ) -> None:
        with pytest.raises(FactsRefused) as refused:
            book.answer(table, policy="liaoning", facts=facts, on=DAY)
        assert str(refused.value).startswith(told)

    def test_facts_that_break_the_arithmetic_never_pass(self, book: Rulebook) -> None:
        """A row that ends before it starts fails inside the experience; the whole must not read as met."""
        rows = [{"start": "2026-09-01", "end": "2020-08-31", "unit_kind": "中小学", "duty": "课堂教学"}]
        with pytest.raises(FactsRefused, match="结束日期不能早于开始日期"):
            book.decide("ADM-B2", {**APPLICATION, "teaching_history": rows}, book.pack("liaoning", DAY), NOW)


class TestReading:
    def test_a_key_that_no_pack_knows_is_refused_with_its_place(self, files: dict[str, bytes]) -> None:
        name = "admission/conditions.dmn"
        text = files[name].decode().replace("policy.admission.exception.allowed", "policy.admission.exception.alowed")
        with pytest.raises(DefinitionRefused) as refused:
            Rulebook.from_files({**files, name: text.encode()})
        problem = refused.value.problems[0]
        assert problem.file == name and problem.line > 0 and problem.element == "DT-ADM-03-r3-o4"
        assert "admission.exception.alowed" in problem.reason

    def test_a_rule_that_rests_on_an_unknown_key_is_refused(self, files: dict[str, bytes]) -> None:
        name = "admission/eligibility.dmn"
        text = files[name].decode().replace("<text>admission.title.series</text>", "<text>admission.title.kind</text>")
        with pytest.raises(DefinitionRefused, match=r"admission\.title\.kind"):
            Rulebook.from_files({**files, name: text.encode()})

    def test_defects_of_packs_and_tables_come_together(self, files: dict[str, bytes]) -> None:
        broken = {
            **files,
            "policies/guangxi.toml": files["policies/guangxi.toml"].replace(b'tag = "text"', b'tag = "rumour"', 1),
            "admission/conditions.dmn": b"<definitions",
        }
        with pytest.raises(DefinitionRefused) as refused:
            Rulebook.from_files(broken)
        assert {problem.file for problem in refused.value.problems} == {"policies/guangxi.toml", "admission/conditions.dmn"}

    def test_the_same_decision_in_two_files_is_refused(self, files: dict[str, bytes]) -> None:
        with pytest.raises(DefinitionRefused, match="DT-ADM-03"):
            Rulebook.from_files({**files, "admission/again.dmn": files["admission/conditions.dmn"]})

    def test_nothing_doubtful_is_deployed(self, book: Rulebook) -> None:
        assert book.lint() == []

    @pytest.mark.parametrize(("old", "new"), [
        ("<text>admission.conditions</text>", "<text></text>"),
        ("<description>admission.conditions</description>", "<description>admission.title.series</description>"),
    ])
    def test_lint_names_a_rule_that_cites_nothing_or_shows_another(
        self, files: dict[str, bytes], old: str, new: str,
    ) -> None:
        name = "admission/conditions.dmn"
        text = files[name].decode().replace(old, new, 1)
        found = Rulebook.from_files({**files, name: text.encode()}).lint()
        assert [problem.element for problem in found] == ["DT-ADM-03-r1"]

    def test_no_table_names_a_province(self, files: dict[str, bytes]) -> None:
        for name, raw in files.items():
            if name.endswith(".dmn"):
                assert not any(word in raw.decode() for word in ("辽宁", "广西", "liaoning", "guangxi"))
