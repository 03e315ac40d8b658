"""What the translations of Camunda 7, Activiti and Flowable share: reading and taking what these engines write."""

from __future__ import annotations

from typing import Any

from workflows.engine.fence import FOREIGN
from workflows.feel import FeelSyntaxError, compile
from workflows.foreign_models.model import Model, local, space

_ENGINES = tuple(FOREIGN)


class Vendor:
    """One file in the words of these engines; what is understood is taken out of the tree, so that the rest can be told."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def _take(self, element: Any, name: str) -> str | None:
        """Take an attribute of one of the engines off ``element``; None when it is not there."""
        for engine in _ENGINES:
            value = element.attrib.pop(f"{{{engine}}}{name}", None)
            if value is not None:
                return str(value)
        return None

    def _peek(self, element: Any, name: str) -> str | None:
        for engine in _ENGINES:
            value = element.get(f"{{{engine}}}{name}")
            if value is not None:
                return str(value)
        return None

    def _given(self, element: Any, *names: str) -> list[Any]:
        """The extension elements of the engines by their names."""
        return [
            child for child in self._model.extensions(element) if space(child.tag) in FOREIGN and local(child) in names
        ]


def feel_of(text: str) -> str | None:
    """`=text` when it is FEEL."""
    try:
        compile(text)
    except FeelSyntaxError:
        return None
    return "=" + text
