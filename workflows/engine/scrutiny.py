"""What is noticed while a file is read: problems with their places, and the checks that every element goes through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from workflows import feel
from workflows.engine import fence
from workflows.engine.expressions import Formula, Given, Text, given
from workflows.errors import Problem

#: Children that every element may have; they are read elsewhere or repeat what the flows say.
_USUAL = frozenset({"documentation", "extensionElements", "incoming", "outgoing"})


class Scrutiny:
    """Collects the problems of one file."""

    def __init__(self, file: str, names: Collection[str]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._names = names

    def report(self, element: Any, reason: str, *, column: int = 0) -> None:
        """Note a problem at ``element`` (or the nearest element around it that has an id)."""
        owner = element
        while owner is not None and not owner.get("id"):
            owner = owner.getparent()
        name = owner.get("id") if owner is not None else ""
        self.problems.append(Problem(self.file, element.sourceline or 0, name, reason, column))

    def given(self, element: Any, text: str, what: str) -> Given:
        """Compile ``text``; a syntax error becomes a problem with its column, and the value an empty text."""
        try:
            return given(text, element.sourceline or 0, self._names)
        except feel.FeelSyntaxError as error:
            self.report(element, f"{what} 不是正确的 FEEL 表达式：{error}", column=error.column)
            return Text("")

    def formula(self, element: Any, what: str) -> Formula | None:
        """The FEEL that is the text of ``element``; None, with a problem, when it is none."""
        self.attributes(element, local(element))
        language = element.get("language", "feel").lower()
        before = len(self.problems)
        value = self.given(element, (element.text or "").strip(), what)
        if language not in fence.FEEL_LANGUAGES:
            self.report(element, f"不执行表达式语言 {element.get('language')}；请改用 FEEL")
        elif not isinstance(value, Formula) and len(self.problems) == before:
            self.report(element, f"{what}须为以 = 开头的 FEEL 表达式")
        return value if isinstance(value, Formula) else None

    def attributes(self, element: Any, tag: str) -> None:
        """Report every attribute that would not be executed."""
        for name, value in element.attrib.items():
            if reason := fence.attribute_refusal(tag, name, value):
                self.report(element, reason)

    def children(self, element: Any, tag: str) -> None:
        """Report every child that would not be executed, those of data associations included."""
        for child in element:
            space, _, name = child.tag[1:].rpartition("}")
            if space != fence.BPMN:
                self.report(child, f"不认识的元素 {name}，不会执行；请删除")
            elif name not in fence.CHILDREN.get(tag, frozenset()) | _USUAL:
                self.report(child, fence.refusal(name))
            elif name in fence.ASSOCIATIONS:
                self.children(child, name)

    def truth(self, element: Any, attribute: str, default: bool) -> bool:
        """An attribute that is true or false."""
        text = element.get(attribute, str(default).lower())
        if text not in {"true", "false"}:
            self.report(element, f"{attribute} 只能为 true 或 false")
        return bool(text == "true")


def local(element: Any) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def inside(element: Any, tag: str) -> list[Any]:
    """The BPMN children of that name."""
    found: list[Any] = element.findall(f"{{{fence.BPMN}}}{tag}")
    return found
