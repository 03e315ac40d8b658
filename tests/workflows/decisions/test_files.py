"""Files: what is refused on loading and where, what lint finds, and the compatibility kit where it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workflows.decisions.models import decision, fact, feel, model, table
from workflows.decisions import conformance, load
from workflows.decisions.coverage import constant
from workflows.decisions.lint import lint
from workflows.errors import DefinitionRefused
from workflows.feel import compile

SOUND = model(fact("x", "number"), decision("answer", feel("x"), "input:x"))


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + SOUND.replace(b"</text>", b"&a;</text>"), "DOCTYPE"),
        (b"<!DOCTYPE d>" + SOUND, "DOCTYPE"),
        (b"<definitions/>", "不是 DMN 1.1–1.5"),
        (b"not xml", "不是格式正确的 XML"),
        (b"", "不是格式正确的 XML"),
        (SOUND + b" " * 6_000_000, "文件大于"),
        (b"<a>" * 300 + b"</a>" * 300, "不是格式正确的 XML"),
        (model(decision("a", feel("1 +"))), "应为：值"),
        (model(decision("a", feel("x"), "input:x")), "没有对应的元素"),
        (model(decision("a", "")), "没有写出逻辑"),
        (model(decision("a", feel("b"), "decision:b"), decision("b", feel("a"), "decision:a")), "依赖自身"),
        (model(fact("x", "tMissing"), decision("a", feel("x"), "input:x")), "没有定义类型“tMissing”"),
        (model(decision("a", table("SOMETIMES", ["1"], ["o"], "- -> 1"))), "命中策略 SOMETIMES"),
        (model(decision("a", table("FIRST", ["1", "2"], ["o"], "- -> 1"))), "格数与列数不符"),
        (model(decision("a", feel("1").replace(">", " expressionLanguage='javascript'>", 1))), "不执行表达式语言"),
        (model(decision("a", feel("1")), decision("b", feel("2"), identity="a")), "用了两次"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_reason(xml: bytes, reason: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        load(xml)
    assert any(reason in problem.reason for problem in caught.value.problems)


def test_all_defects_are_told_at_once_each_with_its_place() -> None:
    xml = model(decision("a", feel("1 +")), "\n", decision("b", feel("\n  (2")))
    with pytest.raises(DefinitionRefused) as caught:
        load(xml)
    assert [(p.element, p.line, p.column) for p in caught.value.problems] == [("a", 1, 4), ("b", 3, 3)]


@pytest.mark.parametrize(
    "version",
    ["http://www.omg.org/spec/DMN/20151101/dmn.xsd", "http://www.omg.org/spec/DMN/20180521/MODEL/",
     "https://www.omg.org/spec/DMN/20191111/MODEL/", "https://www.omg.org/spec/DMN/20211108/MODEL/",
     "https://www.omg.org/spec/DMN/20230324/MODEL/"],
)  # fmt: skip
def test_every_version_of_the_standard_is_read(version: str) -> None:
    written = SOUND.replace(b"https://www.omg.org/spec/DMN/20191111/MODEL/", version.encode())
    assert load(written).evaluate("answer", {"x": 1}).value == 1


def test_a_cell_that_computes_without_end_does_not_hold_up_the_check() -> None:
    endless = "count(for i in 1..1000000000 return i)"
    lint(model(fact("x", "number"), decision("a", table("UNIQUE", ["x"], ["o"], f"{endless} -> {endless}"), "input:x")))
    fixed, value = constant(compile(endless).tree)
    assert (fixed, value) == (False, None)


def test_asking_for_what_does_not_exist() -> None:
    with pytest.raises(KeyError):
        load(SOUND).evaluate("nothing", {})


# Lint -------------------------------------------------------------------------------------------------------------


def found(policy: str, *rules: str, **options: Any) -> list[str]:
    inputs = ["x", "y"] if " | " in rules[0].partition(" -> ")[0] else ["x"]
    options = {"types": ["number", "string"][: len(inputs)], **options}
    types = [fact("x", "number"), fact("y", "string")]
    xml = model(*types, decision("answer", table(policy, inputs, ["o"], *rules, **options), "input:x", "input:y"))
    return [problem.reason for problem in lint(xml)]


@pytest.mark.parametrize(
    ("policy", "rules", "options", "reasons"),
    [
        ("UNIQUE", ["< 10 -> 1", ">= 10 -> 2"], {}, []),
        ("UNIQUE", ["< 10 -> 1", "> 10 -> 2"], {}, ["没有规则覆盖：x：10"]),
        ("UNIQUE", ["<= 10 -> 1", ">= 10 -> 2"], {}, ["第 1 条与第 2 条规则重叠：x：10"]),
        ("UNIQUE", ["[0..10] -> 1", "[11..20] -> 2"], {"allowed": ["[0..20]"]}, ["没有规则覆盖：x：10 与 11 之间"]),
        ("FIRST", ["< 10 -> 1", "< 5 -> 2", "- -> 3"], {}, ["第 2 条规则永远轮不到：前面的规则已全部覆盖"]),
        ("FIRST", ["< 10 -> 1", ">= 10 -> 2", "- -> 3"], {}, ["第 3 条规则永远轮不到：前面的规则已全部覆盖"]),
        ("FIRST", ["< 10 -> 1"], {"default": "0"}, []),
        ("COLLECT", ["< 10 -> 1"], {}, []),
        ("ANY", ["< 10 -> 1", "- -> 1"], {}, []),
        ("ANY", ["< 10 -> 1", "- -> 2"], {}, ["第 1 条与第 2 条规则重叠：x：小于 10"]),
        ("FIRST", ["> 30 -> 1", "- -> 2"], {"allowed": ["[0..20]"]},
         ["第 1 条规则永远不会匹配：“x”没有任何允许值满足它"]),
        ("FIRST", ["\"a\" -> 1", "- -> 2"], {}, ["“x”是 number，这里比较的 \"a\" 是 string",
         "第 1 条规则永远不会匹配：“x”没有任何允许值满足它"]),
        ("UNIQUE", ["- | \"a\" -> 1", "- | not(\"a\") -> 2"], {}, []),
        ("UNIQUE", ["< 5 | \"a\" -> 1", ">= 5 | - -> 2"], {}, ["没有规则覆盖：x：小于 5，y：其他值"]),
        ("FIRST", ["? > limit -> 1", "- -> 2"], {}, ["未知的名称“limit”"]),
        ("FIRST", ["- -> 3"], {"values": ["1, 2"]}, ["3 不在输出“o”的允许值之内：1, 2"]),
        ("FIRST", ["@\"soon\" -> 3", "- -> 1"], {}, ["@\"soon\" 不是日期、时间或时长"]),
    ],
)  # fmt: skip
def test_lint_finds_gaps_overlaps_and_idle_rules(
    policy: str, rules: list[str], options: Any, reasons: list[str]
) -> None:
    assert sorted(found(policy, *rules, **options)) == sorted(reasons)


def test_lint_says_where_and_hints_at_a_missing_arrow() -> None:
    xml = model(fact("x"), decision("answer", feel("1 +\n  x + nowhere")))
    told = [(p.file, p.line, p.column, p.element, p.reason) for p in lint(xml, files=["a.dmn"])]
    assert told == [
        ("a.dmn", 2, 7, "answer", "未知的名称“nowhere”"),
        ("a.dmn", 2, 3, "answer", "未知的名称“x”：模型中有同名元素，但没有画出依赖"),
    ]
    assert not lint(model(decision("answer", feel("working days(3)"))), names=["working days"])


# The compatibility kit --------------------------------------------------------------------------------------------

#: Cases that ask for Java code to be run; FEEL here runs no code, so they stay failed and are counted as such.
JAVA = "0076-feel-external-java"


@pytest.mark.shared
def test_the_compatibility_kit(pytestconfig: pytest.Config) -> None:
    directory = Path(pytestconfig.getoption("--shared")) / "tck"
    report = conformance.run(directory)
    assert report.total >= 1400
    assert report.passed / report.total >= 0.98
    assert [str(case) for case in report.failures if case.directory != JAVA] == []


def test_a_case_that_expects_an_error_passes_only_when_one_is_reported(tmp_path: Path) -> None:
    (tmp_path / "m.dmn").write_bytes(model(decision("silent", feel("null")), decision("failing", feel("1 / 0"))))
    case = "<testCase id='{0}'><resultNode name='{0}' errorResult='true'><expected><value/></expected></resultNode></testCase>"
    cases = "".join(case.format(name) for name in ("silent", "failing")).replace("<value/>", "")
    text = f"<testCases xmlns='http://www.omg.org/spec/DMN/20160719/testcase'><modelName>m.dmn</modelName>{cases}</testCases>"
    (tmp_path / "m-test-01.xml").write_text(text)
    report = conformance.run(tmp_path)
    assert [(case.place.split("/")[2], case.passed) for case in report.cases] == [("silent", False), ("failing", True)]
