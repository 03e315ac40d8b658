"""What came from a step: of everything that waits in a scope now, what its token has become, and what others' have.

Colours run along the arrows: one from the step, one from whatever waited beside it then and has moved on, one from what has not
moved. A gateway that joins them lets none through, as if it had not joined yet: what waits beyond it, or where two colours come,
has no one origin, and then nobody can say what going back undoes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.occurrences import LinkThrow
from workflows.engine.specs import FLOW, HOST, OF, Element, InclusiveGateway, ParallelGateway, live

#: Where the branches of a scope end; ids of flows and steps hold no colon.
_END = ":end"


@dataclass(frozen=True)
class Descent:
    """What has become of a step that was done."""

    #: What came from it, and goes when the step waits again.
    gone: tuple[Task, ...]
    #: Names of the steps behind it, as far as its branch goes alone.
    behind: frozenset[str]
    #: Names of the gateways where its branch meets others.
    meets: frozenset[str] = frozenset()


def descent(then: Any, target: Task, now: Any, *, border: bool) -> Descent | None:
    """What came from ``target`` of the scope ``then`` among what waits in ``now``, the same scope later.

    ``border``: it has an inside or many members, so that an event on its border may have ended it. None where that is in
    doubt: branches have met since, or something waits that came from neither.
    """
    beside, waiting = beside_in(then, target), stands_in(now)
    start = _leaving(target.task_spec, border=border)
    if not beside:
        return Descent(tuple(waiting), _Colours(now.spec, [start]).steps(0))
    before, still = {task.id for task in stands_in(then)}, {task.id for task in waiting}
    moved, unmoved = set[str](), set[str]()
    for task in beside:
        if task.id in still:
            unmoved |= _onward(task)
            moved |= {one.name for one in task.task_spec.boundaries if not one.step.interrupting}
        else:
            moved |= _onward(task, gone_on=True)
    colours = _Colours(now.spec, [start, moved, unmoved])
    since = [(task, _position(task)) for task in waiting if task.id not in before]
    if not colours.doubtful and any(where not in colours.reached[0] | colours.reached[1] for _, where in since):
        # Another branch may have gone back since.
        came = {_position(task) for task in beside}
        moved |= _upstream(now.spec, came, colours.reached[0] | {_position(target)})
        colours = _Colours(now.spec, [start, moved, unmoved])
    mine, theirs, _ = colours.reached
    if colours.doubtful or any((where in mine) == (where in theirs) for _, where in since):
        return None
    gone = [task for task, where in since if where in mine]
    # Of the branches beside, each must still come to where it meets this one: else they have met there, and gone on.
    left = set[str]().union(*(_onward(task) for task in waiting if task not in gone))
    coming = _Colours(now.spec, [start, left]).reached[1]
    if not colours.awaited() <= coming:
        return None
    return Descent(tuple(gone), colours.steps(0), colours.meets())


def stands_in(scope: Any) -> list[Task]:
    """What waits in a scope by itself: no event on a border, no member of a repetition, no listener."""
    return [
        task for task in live(scope)
        if not (task.task_spec.listens or HOST in task.internal_data or OF in task.internal_data)
    ]  # fmt: skip


def beside_in(scope: Any, target: Task) -> list[Task]:
    """What waits in the scope of ``target`` beside it."""
    whole = target.internal_data.get(OF)
    return [task for task in stands_in(scope) if task is not target and task.id != whole]


def _position(task: Task) -> str:
    # A token that came by a flow did not come by the others, though they lead to the same step.
    found: str = task.internal_data.get(FLOW, task.task_spec.name)
    return found if isinstance(task.task_spec, Element) else _END


def _onward(task: Task, *, gone_on: bool = False) -> set[str]:
    """Where a token stands and where it can go from there; of one that has ``gone_on`` from a step not where it stood."""
    spec, here = task.task_spec, {_position(task)}
    if not isinstance(spec, Element) or (_joins(spec) and task._state == TaskState.WAITING):
        return here
    return _leaving(spec, border=True) | (set() if gone_on else here)


def _leaving(spec: Any, *, border: bool) -> set[str]:
    """Flows by which a step is left, and the events on its border."""
    found = {flow.id for flow in spec.leaving} or {spec.target.name if isinstance(spec, LinkThrow) else _END}
    return found | {one.name for one in spec.boundaries} if border else found


def _upstream(scope: Any, places: Set[str], but: Set[str]) -> set[str]:
    """Flows that lead to one of some places, and to none where the branch itself is or goes: others' way to where they were."""
    flows = {flow.id for one in scope.task_specs.values() if isinstance(one, Element) for flow in one.leaving}
    ways = {flow: _Colours(scope, [{flow}]).reached[0] for flow in flows - but}
    return {flow for flow, way in ways.items() if way & places and not way & but}


def _joins(spec: Any) -> bool:
    return isinstance(spec, (ParallelGateway, InclusiveGateway)) and len(spec.entering) > 1


def _entering(join: Any) -> set[str]:
    return {flow.id for flow in join.entering}


class _Colours:
    """Where tokens of several origins can come to, none passing a gateway at which two of them meet."""

    def __init__(self, scope: Any, starts: Sequence[Set[str]]) -> None:
        self._specs = {name: one for name, one in scope.task_specs.items() if isinstance(one, Element)}
        self._leads_to = {flow.id: flow.target for one in self._specs.values() for flow in one.leaving}
        self._joins = [one for one in self._specs.values() if _joins(one)]
        self._starts = starts
        #: Of each origin: flows along which it may come, and steps that it reaches by none.
        self.reached: list[set[str]] = [set() for _ in starts]
        for reached, start in zip(self.reached, starts, strict=True):
            self._spread(reached, start)
        passed: list[Any] = []
        while (join := self._next(passed)) is not None:
            passed.append(join)
        #: Whether a gateway was passed by one alone at which, as it turned out, another comes too.
        self.doubtful = any(len(self._coming(join)) > 1 for join in passed)

    def meets(self) -> frozenset[str]:
        """Names of the gateways to which the first comes, and others too."""
        return frozenset(
            join.name for join in self._joins if (coming := self._coming(join))[:1] == [0] and len(coming) > 1
        )

    def awaited(self) -> set[str]:
        """Flows by which others come to where they meet the first."""
        mine, *others = self.reached
        met = [_entering(join) for join in self._joins]
        return {
            flow
            for entering in met
            if entering & mine
            for flow in entering - mine
            if any(flow in one for one in others)
        }

    def steps(self, number: int) -> frozenset[str]:
        """Names of the steps to which one origin comes."""
        return frozenset(self._leads_to.get(place, place) for place in self.reached[number]) - {_END}

    def _coming(self, join: Any) -> list[int]:
        entering = _entering(join)
        return [number for number, reached in enumerate(self.reached) if entering & reached]

    def _next(self, passed: Sequence[Any]) -> Any:
        """Let one origin through a gateway to which no other comes; first through those that wait for all their flows."""
        for join in sorted(self._joins, key=lambda one: isinstance(one, InclusiveGateway)):
            coming = self._coming(join)
            if join in passed or len(coming) != 1:
                continue
            reached = self.reached[coming[0]]
            if self._is_free(join, coming[0]) if isinstance(join, InclusiveGateway) else _entering(join) <= reached:
                self._spread(reached, _leaving(join, border=False))
                return join
        return None

    def _is_free(self, join: Any, number: int) -> bool:
        """Whether no other origin could ever come to a gateway that waits for whatever can still come."""
        for other, start in enumerate(self._starts):
            reached, passed = set[str](), [join]
            self._spread(reached, start)
            while other != number and (further := self._passable(reached, passed)) is not None:
                passed.append(further)
                self._spread(reached, _leaving(further, border=False))
            if other != number and _entering(join) & reached:
                return False
        return True

    def _passable(self, reached: Set[str], passed: Sequence[Any]) -> Any:
        for join in self._joins:
            coming = _entering(join) & reached
            if join not in passed and coming and (isinstance(join, InclusiveGateway) or coming == _entering(join)):
                return join
        return None

    def _spread(self, reached: set[str], start: Iterable[str]) -> None:
        todo = list(start)
        while todo:
            place = todo.pop()
            if place in reached:
                continue
            reached.add(place)
            spec = None if place == _END else self._specs[self._leads_to.get(place, place)]
            if spec is not None and not _joins(spec):
                todo += _leaving(spec, border=True)
