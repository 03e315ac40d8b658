"""One run of the engine: what it may see, what it wrote, what it met on its way."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workflows.engine.errors import EndlessLoop, ExpressionFailed
from workflows.engine.expressions import Formula, Given
from workflows.engine.model import Assigned, Flow, Step
from workflows.engine.parts import Parts
from workflows.engine.plain import plain
from workflows.engine.progress import ExpressionProblem, House, Order, Passed, Published, Reported, RulingAt

#: Most automatic steps of one run: thousands of notices pass, a circle that waits for nobody passes any number.
MAX_STEPS = 50_000


class Cell:
    """One written value. Never changed: a new value is a new cell, so branches can share cells and stay isolated."""

    __slots__ = ("_value", "seq")

    def __init__(self, seq: int, value: Any) -> None:
        #: Number of the write within the instance; the higher is the later.
        self.seq = seq
        self._value = value

    @property
    def value(self) -> Any:
        """The plain value."""
        return self._value


#: What a token knows: variable name to cell.
Data = dict[str, Cell]


def age(token: str) -> tuple[int, ...]:
    """Key that sorts tokens, oldest first. A token is `t` and a number; `t5.17` is place 17 of the repetition t5."""
    return tuple(int(part.removeprefix("t")) for part in token.split("."))


def latest(*known: Data) -> Data:
    """Everything known together: of each variable the value written last."""
    merged: Data = {}
    for data in known:
        for name, cell in data.items():
            if name not in merged or merged[name].seq < cell.seq:
                merged[name] = cell
    return merged


def values(data: Data) -> dict[str, Any]:
    """The plain values of ``data``."""
    return {name: cell.value for name, cell in data.items()}


class Known(Mapping[str, Any]):
    """The plain values of ``data``, each unpacked only when somebody looks at it."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name].value

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return repr(values(self._data))


class Scope(Mapping[str, Any]):
    """What FEEL sees at a step: layers of names, the first that has a name wins."""

    def __init__(self, *layers: Mapping[str, Any]) -> None:
        self._layers = layers

    def __getitem__(self, name: str) -> Any:
        for layer in self._layers:
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in self._layers for name in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _without_task(context: Mapping[str, Any]) -> Mapping[str, Any]:
    # The context as it is where possible: its values may be looked up only when read.
    return {name: context[name] for name in context if name != "task"} if "task" in context else context


class Journey:
    """Collects what happens between one wait and the next."""

    def __init__(
        self, house: House, next_token: int = 1, next_write: int = 1, parts: Mapping[str, Any] | None = None
    ) -> None:
        self.house = house
        #: Pieces of the state that lie beside the tree of tokens; those given lie in the state itself.
        self.parts = Parts(house.parts, parts)
        #: Start event by which the instance begins; "" once it has begun.
        self.at = ""
        self.next_token = next_token
        self.next_write = next_write
        #: Automatic tasks that can run, first come first served.
        self.queue: deque[Any] = deque()
        self.passed: list[Passed] = []
        self.orders: list[Order] = []
        self.rulings: list[RulingAt] = []
        self.ended: list[str] = []
        self.published: list[Published] = []
        self.reported: list[Reported] = []
        self.problems: list[ExpressionProblem] = []
        #: What every step may see of the house; `task` there is only for the task being completed.
        self._seen = _without_task(house.context)
        self._visits: Counter[str] = Counter()
        self._steps = 0

    def token(self, prefix: str = "") -> str:
        """A new token, unique within the instance and the same in every repetition of the same run."""
        self.next_token += 1
        return f"{prefix}t{self.next_token - 1}"

    def tick(self) -> int:
        """A number higher than that of everything written or completed before."""
        self.next_write += 1
        return self.next_write - 1

    def write(self, data: Data, name: str, value: Any) -> None:
        """Replace the variable ``name`` by ``value``, whole."""
        data[name] = Cell(self.next_write, plain(value, name))
        self.next_write += 1

    def scope(self, data: Data, local: Mapping[str, Any], task: Mapping[str, Any] | None = None) -> Scope:
        """What an expression sees: `task`, the step's own inputs, the house, the variables; in this order."""
        return Scope({"task": task} if task is not None else {}, local, self._seen, Known(data))

    def evaluate(self, step_id: str, place: str, given: Given, scope: Mapping[str, Any]) -> Any:
        """Value of an expression; reasons of a null result are kept in ``problems``."""
        reasons: list[str] = []
        value = given.value(scope, self.house.now, reasons)
        if value is None and reasons:
            self.problems.append(ExpressionProblem(step_id, place, given.text, "; ".join(reasons)))
        return value

    def reasons(self, step_id: str, place: str) -> str:
        """Why the expression at a place gave null; "" when it gave a value, or null rightly."""
        return "; ".join(one.reason for one in self.problems if (one.step_id, one.place) == (step_id, place))

    def unusable(self, step: Step, place: str, given: Given, reason: str) -> ExpressionFailed:
        """The incident for an expression whose value cannot be used."""
        why = [reason, self.reasons(step.id, place)]
        return ExpressionFailed(
            step=step.name or step.id, place=place, expression=given.text, reason="；".join(filter(None, why))
        )

    def assigned(self, step: Step, lines: Iterable[Assigned], word: str, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate a mapping line by line; a later line sees the targets of earlier ones."""
        found: dict[str, Any] = {}
        for line in lines:
            value = self.evaluate(step.id, f"{word} {line.target}", line.source, Scope(found, scope))
            found[line.target] = value
        return found

    def inputs(self, step: Step, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate the input mapping of ``step`` into plain values."""
        return {name: plain(value, name) for name, value in self.assigned(step, step.inputs, "input", scope).items()}

    def holds(self, step: Step, flow: Flow, condition: Formula, data: Data) -> bool:
        """Whether the condition of ``flow`` is true; ExpressionFailed when it is neither true nor false."""
        value = self.evaluate(flow.id, "condition", condition, self.scope(data, {}))
        if not isinstance(value, bool):
            raise ExpressionFailed(
                step=step.name or step.id,
                place=f"流向“{flow.name or flow.id}”的条件",
                expression=condition.text,
                reason=self.reasons(flow.id, "condition") or "结果不是 true 或 false",
            )
        return value

    def pass_step(self, step: Step, kind: str = "") -> None:
        """Note that a token passed ``step``; EndlessLoop when the run has become too long."""
        self.passed.append(Passed(step.id, kind or step.kind))
        self._steps += 1
        self._visits[step.name or step.id] += 1
        if self._steps > MAX_STEPS:
            raise EndlessLoop(count=MAX_STEPS, step=self._visits.most_common(1)[0][0])

    def take(self, flow: Flow) -> None:
        """Note that a token moved along ``flow``."""
        self.passed.append(Passed(flow.source, "flow", flow.id))
