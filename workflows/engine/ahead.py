"""The way that lies ahead, by the drawing and by what is known today: every step with its moment. Nothing is run, nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any

from workflows.engine.foreknown import INSTANT, Knowledge, Known, Lent
from workflows.engine.model import Diagram, Flow, Step
from workflows.engine.names import variables as variables_of

#: No way is followed further than so many steps.
FURTHEST = 200
#: How deep called processes are followed.
DEEPEST = 5
#: Kinds of steps at which a case stands, by what it waits for there; a catching event says it itself.
_HALTS = {"user": "task", "receive": "message", "call": "call"}


@dataclass(frozen=True)
class Stand:
    """A place at which a case waits now."""

    step_id: str
    #: When it is due, or fires; empty when no such moment is set.
    due_at: datetime | None = None


@dataclass(frozen=True)
class Option:
    """A way that may be taken instead."""

    #: What the drawing calls it.
    words: str
    #: Id of the step at which it would come to stand, or of the end that it would reach.
    leads_to: str


@dataclass(frozen=True)
class Choice:
    """A place where the way divides, and which way was assumed."""

    step_id: str
    taken: str
    #: It follows from what is known; else the flow that is drawn first was taken, which is the usual one.
    sure: bool
    others: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Stop:
    """One step at which the case will stand, or stands now."""

    step: Step
    #: ``task``, ``timer``, ``message``, ``signal``, ``condition`` or ``call``.
    kind: str
    begins_at: datetime
    #: When it is over at the latest; empty when the drawing sets no time.
    due_at: datetime | None
    #: Ids of steps before it of which nobody knows how long they take: both moments are then counted without them.
    after: tuple[str, ...] = ()
    #: Choices since the stop before it.
    choices: tuple[Choice, ...] = ()
    #: Rules of who may take it; nothing when they cannot be told yet.
    candidates: tuple[Any, ...] | None = None
    assignee: Any = None
    #: The case stands here now.
    stands: bool = False
    #: Done by several people, or several times.
    repeated: bool = False
    #: What may end it besides: an interrupting event on its border.
    exits: tuple[Option, ...] = ()
    #: Call activities around it, the outermost first: their ids.
    within: tuple[str, ...] = ()

    @property
    def endless(self) -> bool:
        """Whether nobody knows how long it takes: it waits for somebody else's message, and for no moment."""
        return self.kind not in {"task", "timer"} and self.due_at is None


@dataclass(frozen=True)
class Ahead:
    """The way ahead of one case."""

    stops: tuple[Stop, ...]
    #: End events reached, in order, with the choices before each.
    ends: tuple[tuple[str, tuple[Choice, ...]], ...]
    #: When the last of them is reached at the latest, without what nobody knows.
    end_at: datetime
    #: Ids of steps of which nobody knows how long they take.
    endless: tuple[str, ...]


def forecast(diagram: Diagram, stands: Sequence[Stand], known: Known, lent: Lent, now: datetime) -> Ahead:
    """The most likely way from where a case stands (or, without any such place, from the start) to its end.

    A choice whose condition can be evaluated from what is known is taken as it will be; at any other the flow that is drawn
    first is assumed, and the others are named. Each step takes its whole period. Moments are aware, UTC.
    """
    walk = _Walk(diagram, known, lent, now)
    if stands:
        for stand in stands:
            if stand.step_id in diagram.steps:
                walk.stand(stand)
    else:
        walk.pass_by(diagram.start, _Token(now))
    walk.run()
    return Ahead(tuple(walk.stops), tuple(walk.ends), walk.latest, tuple(dict.fromkeys(walk.endless)))


@dataclass(frozen=True)
class _Token:
    at: datetime
    after: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass
class _Walk:
    """Tokens in the order of their moments; what they meet is noted."""

    diagram: Diagram
    known: Known
    lent: Lent
    now: datetime
    within: tuple[str, ...] = ()
    stops: list[Stop] = field(default_factory=list)
    ends: list[tuple[str, tuple[Choice, ...]]] = field(default_factory=list)
    endless: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.knows = Knowledge(self.known, self.lent)
        self.latest = self.now
        #: Flows taken, and steps passed.
        self.taken: set[str] = set()
        self.passed: set[str] = set()
        self._order = count()
        #: (moment, order, step, token) of what is to arrive.
        self.queue: list[tuple[datetime, int, Step, _Token]] = []
        #: Joins that wait: step id -> the tokens that have come.
        self.joins: dict[str, list[_Token]] = {}
        #: Scopes -> the latest token that ended in each.
        self.ended: dict[str, _Token] = {}

    # --- tokens ---

    def run(self) -> None:
        """Let every token go on until nothing moves."""
        while len(self.stops) < FURTHEST:
            if self.queue:
                _, _, step, token = heappop(self.queue)
                self.arrive(step, token)
            elif self.joins:
                # Nothing else will come: whoever is here goes on.
                self._meet(next(iter(self.joins)))
            else:
                break

    def arrive(self, step: Step, token: _Token) -> None:
        """A token comes to a step."""
        if step.kind in {"parallel", "inclusive"} and self._incoming(step) > 1:
            self.joins.setdefault(step.id, []).append(token)
            if step.kind == "parallel" and len(self.joins[step.id]) == self._incoming(step):
                self._meet(step.id)
        elif step.kind in _HALTS or step.kind == "catch":
            self._halt(step, token)
        elif step.kind in {"subprocess", "transaction"}:
            self._enter(step, token)
        elif step.kind == "end":
            self._end(step, token)
        else:
            self.pass_by(step, token)

    def _incoming(self, step: Step) -> int:
        return sum(1 for flow in self.diagram.flows if flow.target == step.id)

    def _meet(self, step_id: str) -> None:
        tokens = self.joins.pop(step_id)
        self.pass_by(self.diagram.steps[step_id], _latest(tokens))

    def pass_by(self, step: Step, token: _Token) -> None:
        """What a step does on the way, and where the token goes from it."""
        self.passed.add(step.id)
        self.knows.write(step, token.at)
        if step.kind == "throw" and step.event is not None and step.event.kind == "link":
            for one in self.diagram.steps.values():
                if (one.kind, one.scope) == ("catch", step.scope) and one.event == step.event:
                    self._follow(one, token)
            return
        self._follow(step, token)

    def _follow(self, step: Step, token: _Token) -> None:
        leaving = self.diagram.leaving(step.id)
        if not leaving and step.kind not in {"start"}:
            self._end(step, token)
            return
        flows, choice = self._chosen(step, leaving, token)
        onward = token if choice is None else replace(token, choices=(*token.choices, choice))
        for flow in flows:
            self.taken.add(flow.id)
            target = self.diagram.steps.get(flow.target)
            if target is not None:
                heappush(self.queue, (onward.at, next(self._order), target, onward))

    def _end(self, step: Step, token: _Token) -> None:
        """The end of a branch; the last one of a scope leaves it."""
        self.latest = max(self.latest, token.at)
        if not step.scope:
            if step.kind == "end":
                self.ends.append((step.id, token.choices))
            return
        scope = step.scope
        self.ended[scope] = _latest([self.ended.get(scope, token), token])
        inside = {one.id for one in self.diagram.steps.values() if self._lies_in(one, scope)}
        if any(one.id in inside for _, _, one, _ in self.queue) or inside & self.joins.keys():
            return
        holder = self.diagram.steps[scope]
        last = self.ended.pop(scope)
        if holder.kind == "event_subprocess":
            return
        self.knows.write(holder, last.at)
        self._follow(holder, last)

    def _lies_in(self, step: Step, scope: str) -> bool:
        above = step.scope
        while above and above != scope:
            above = self.diagram.steps[above].scope
        return above == scope

    def _enter(self, step: Step, token: _Token) -> None:
        for one in self.diagram.steps.values():
            if one.scope == step.id and one.kind == "start" and one.event is None:
                self.pass_by(one, token)

    # --- where a case stands ---

    def stand(self, stand: Stand) -> None:
        """Begin at a place at which the case waits already."""
        step = self.diagram.steps[stand.step_id]
        kind = _kind(step)
        if kind is None:
            return
        token = _Token(self.now)
        stop = Stop(step, kind, self.now, stand.due_at, stands=True, repeated=step.repetition is not None,
                    exits=self._exits(step), within=self.within)
        if any(one.step.id == step.id for one in self.stops):
            return  # one of many at the same step
        self.stops.append(stop)
        self._leave(stop, token)

    def _halt(self, step: Step, token: _Token) -> None:
        kind = _kind(step)
        if kind is None:
            self.pass_by(step, token)
            return
        if step.repetition is not None and step.repetition.item:
            self.knows.unknown.add(step.repetition.item)  # known to each member alone
        due_at = self.knows.due(step, kind, token.at)
        for _ in range(self.knows.turns(step, token.at) - 1):
            due_at = self.knows.due(step, kind, due_at - INSTANT) if due_at is not None else None
        groups = self.knows.rules(step.candidate_groups, "role", token.at)
        users = self.knows.rules(step.candidate_users, "person", token.at)
        stop = Stop(
            step, kind, token.at, due_at, token.after, token.choices,
            candidates=None if groups is None or users is None else (*groups, *users),
            assignee=self.knows.value(step.assignee, token.at),
            repeated=step.repetition is not None, exits=self._exits(step), within=self.within,
        )  # fmt: skip
        self.stops.append(stop)
        if kind == "call" and self._call(stop, token):
            return
        self._leave(stop, token)

    def _leave(self, stop: Stop, token: _Token) -> None:
        over = token.at if stop.due_at is None else max(token.at, stop.due_at)
        self.latest = max(self.latest, over)
        # Whoever uses up a period is done on its last day, and the next period counts from that day (I21).
        at = max(token.at, over - INSTANT) if stop.kind == "task" else over
        after = token.after
        if stop.endless:
            after = (*after, stop.step.id)
            self.endless.append(stop.step.id)
        self.pass_by(stop.step, _Token(at, after))

    def _call(self, stop: Stop, token: _Token) -> bool:
        """Follow the process that a call activity starts; False when it is not known which."""
        process = self.knows.value(stop.step.called, token.at)
        diagram = self.lent.called(process) if isinstance(process, str) and len(self.within) < DEEPEST else None
        if diagram is None:
            return False
        known = Known(self.knows.variables, frozenset(self.knows.unknown))
        inner = _Walk(diagram, known, self.lent, token.at, (*self.within, stop.step.id))
        inner.pass_by(diagram.start, _Token(token.at, token.after))
        inner.run()
        self.stops += inner.stops[: FURTHEST - len(self.stops)]
        self.endless += inner.endless
        self.latest = max(self.latest, inner.latest)
        if stop.step.takes_back_all:
            self.knows.unknown |= variables_of(diagram)
        self.pass_by(stop.step, _Token(inner.latest, (*token.after, *inner.endless)))
        return True

    # --- where the way divides ---

    def _chosen(
        self, step: Step, leaving: Sequence[Flow], token: _Token
    ) -> tuple[Sequence[Flow], Choice | None]:
        """The flows that are followed from a step, and the choice that this was."""
        if len(leaving) < 2 or step.kind == "parallel":
            return leaving, None
        if step.kind == "event_gateway":
            flow = self._first(leaving)
            return [flow], self._choice(step, flow, leaving, sure=False)
        if step.kind == "exclusive":
            flow, sure, open_to = self._exclusive(leaving, token)
            return [flow], self._choice(step, flow, open_to, sure=sure)
        always = [flow for flow in leaving if flow.condition is None and not flow.default]
        if step.kind != "inclusive" and len(always) == len(leaving):
            return leaving, None
        holding = [*always, *(flow for flow in leaving if self.knows.holds(flow, token.at) is True)]
        if holding:
            return holding, None
        flow = next((one for one in leaving if self.knows.holds(one, token.at) is None), leaving[-1])
        return [flow], self._choice(step, flow, leaving, sure=False)

    def _exclusive(self, leaving: Sequence[Flow], token: _Token) -> tuple[Flow, bool, Sequence[Flow]]:
        """The flow taken, whether that is sure, and which might be taken."""
        might: list[Flow] = []
        for flow in leaving:
            if flow.default:
                continue
            holds = self.knows.holds(flow, token.at)
            if holds is True and not might:
                return flow, True, [flow]
            if holds is not False:
                might.append(flow)
            if holds is True:
                break
        else:
            might += [flow for flow in leaving if flow.default]
        might = [flow for flow in leaving if flow in might] or list(leaving)
        return self._first(might), len(might) == 1, might

    def _first(self, flows: Sequence[Flow]) -> Flow:
        """The flow that is drawn first; one that leads back is not assumed where there is another."""
        onward = [flow for flow in flows if flow.id not in self.taken]
        return next((flow for flow in onward if flow.target not in self.passed), (onward or list(flows))[0])

    def _choice(self, step: Step, taken: Flow, flows: Sequence[Flow], *, sure: bool) -> Choice:
        others = tuple(self._option(flow) for flow in flows if flow is not taken)
        return Choice(step.id, self._option(taken).words, sure, others)

    def _option(self, flow: Flow) -> Option:
        target = self.diagram.steps[flow.target]
        return Option(flow.name or target.name or target.id, self._leads_to(target))

    def _leads_to(self, step: Step) -> str:
        """Where a way would come to stand, following what is drawn first."""
        seen: set[str] = set()
        while step.id not in seen:
            seen.add(step.id)
            leaving = self.diagram.leaving(step.id)
            if step.kind in {*_HALTS, "end", "subprocess", "transaction"} or not leaving:
                break
            if step.kind == "catch" and leaving:
                break
            step = self.diagram.steps[leaving[0].target]
        return step.id

    def _exits(self, step: Step) -> tuple[Option, ...]:
        return tuple(
            Option(one.name or one.id, self._leads_to(one))
            for one in self.diagram.steps.values()
            if one.kind == "boundary" and one.attached_to == step.id and one.interrupting
        )


def _kind(step: Step) -> str | None:
    if step.kind == "catch":
        kind = step.event.kind if step.event is not None else ""
        return {"timer": "timer", "message": "message", "signal": "signal", "conditional": "condition"}.get(kind)
    return _HALTS.get(step.kind)


def _latest(tokens: Sequence[_Token]) -> _Token:
    """Several tokens as one: the moment of the last, and everything that any of them met."""
    last = max(tokens, key=lambda one: one.at)
    after = tuple(dict.fromkeys(name for one in tokens for name in one.after))
    return _Token(last.at, after, last.choices)
