"""An activity more than once: multi-instance and standard loops, read into Repetition."""

from __future__ import annotations

from typing import Any

from workflows.engine.expressions import Formula, Given, Text
from workflows.engine.extensions import Extensions
from workflows.engine.model import Repetition
from workflows.engine.scrutiny import Scrutiny, inside

#: Most members of one repetition that a fixed number may ask for.
MAX_CARDINALITY = 10_000


class Loops:
    """Reads what an activity says about its repetition."""

    def __init__(self, scrutiny: Scrutiny, extensions: Extensions) -> None:
        self._scrutiny = scrutiny
        self._extensions = extensions

    def of(self, element: Any) -> Repetition | None:
        """The repetition of an activity; None without one, or, after a problem, when it is not usable."""
        several = inside(element, "multiInstanceLoopCharacteristics")
        again = inside(element, "standardLoopCharacteristics")
        if len(several) + len(again) > 1:
            self._scrutiny.report(
                element, "一个活动只能有一个 multiInstanceLoopCharacteristics 或 standardLoopCharacteristics"
            )
        if several:
            return self._several(several[0])
        return self._again(again[0]) if again else None

    def _several(self, element: Any) -> Repetition | None:
        tag = "multiInstanceLoopCharacteristics"
        self._scrutiny.attributes(element, tag)
        self._scrutiny.children(element, tag)
        fields = self._extensions.read(element, tag)
        sequential = self._scrutiny.truth(element, "isSequential", False)
        until = self._only(element, "completionCondition")
        numbers = inside(element, "loopCardinality")
        cardinality = self._cardinality(numbers[0]) if numbers else None
        if len(numbers) > 1 or (numbers and "collection" in fields):
            self._scrutiny.report(element, "loopCardinality 与 inputCollection 只能写一个")
        elif not numbers and "collection" not in fields:
            self._scrutiny.report(
                element, f"bpmn:{tag} 须有 zeebe:loopCharacteristics 的 inputCollection，或 loopCardinality"
            )
            return None
        return Repetition(sequential, cardinality=cardinality, until=until, **fields)

    def _cardinality(self, element: Any) -> Given:
        self._scrutiny.attributes(element, "loopCardinality")
        value = self._scrutiny.given(element, (element.text or "").strip(), "loopCardinality")
        if isinstance(value, Text):
            if not (value.text.isascii() and value.text.isdigit() and int(value.text) <= MAX_CARDINALITY):
                self._scrutiny.report(element, f"loopCardinality 须为 0–{MAX_CARDINALITY} 的整数，或以 = 开头的 FEEL")
        return value

    def _again(self, element: Any) -> Repetition | None:
        tag = "standardLoopCharacteristics"
        self._scrutiny.attributes(element, tag)
        self._scrutiny.children(element, tag)
        before = self._scrutiny.truth(element, "testBefore", False)
        again = self._only(element, "loopCondition")
        most = element.get("loopMaximum", "").strip()
        if most and not (most.isascii() and most.isdigit() and 0 < int(most) <= MAX_CARDINALITY):
            self._scrutiny.report(element, f"loopMaximum 须为 1–{MAX_CARDINALITY} 的整数")
            return None
        if again is None and not most:
            if not inside(element, "loopCondition"):
                self._scrutiny.report(element, f"bpmn:{tag} 须有 loopCondition 或 loopMaximum，否则永不结束")
            return None
        maximum = int(most) if most else None
        return Repetition(True, loop=True, again=again, test_before=before, maximum=maximum)

    def _only(self, element: Any, tag: str) -> Formula | None:
        """The one FEEL child of that name, or None."""
        found = inside(element, tag)
        if len(found) > 1:
            self._scrutiny.report(element, f"只能有一个 {tag}")
        return self._scrutiny.formula(found[-1], tag) if found else None
