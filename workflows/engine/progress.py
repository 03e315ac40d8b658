"""What goes into the engine and what comes out: House and Progress. Pure values; nothing here runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class House:
    """What the office lends to one run of the engine."""

    #: Functions and values FEEL sees: `instance`, `policy`, `role`, `working days` … `task` here is the task being completed.
    context: Mapping[str, Any]
    #: Decides: decision id and everything the step sees -> a ruling (`.outputs`, `.value`).
    decide: Callable[[str, Mapping[str, Any]], Any]
    #: The moment of the act, aware.
    now: datetime
    #: Stored parts of the instance's state by key: every one whose key begins with what is asked (see Progress.parts).
    parts: Callable[[str], Mapping[str, bytes]] = lambda _prefix: {}
    #: Whether the instance was started by a call activity: an error that nobody catches is its caller's then.
    called: bool = False


@dataclass(frozen=True)
class Passed:
    """A token passed a step, or moved along a sequence flow."""

    #: The step; for a flow, the step it leaves.
    step_id: str
    #: Kind of the step (see Step.kind); "repeated" when a repeated task as a whole is done, after its members; or "flow".
    kind: str
    flow_id: str | None = None


@dataclass(frozen=True)
class OpenedTask:
    """A user task that now waits for somebody."""

    token: str
    step_id: str
    form_id: str
    #: Rules, each a plain context: {"role": …, "at": …} or {"person": number}; empty when the diagram names nobody.
    candidates: tuple[Any, ...]
    #: A person number, a rule, or None.
    assignee: Any
    due_at: datetime | None
    #: The working days counted towards due_at.
    due_days: tuple[date, ...]
    #: Whether due_at may still move because a year without official calendar was entered.
    provisional: bool
    follow_up_at: datetime | None
    #: 0–100, 50 unless the diagram says otherwise.
    priority: int
    #: Values of the input mapping by target: prefill of the form.
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class OpenedTimer:
    """A timer that now waits for its moment."""

    token: str
    step_id: str
    due_at: datetime
    due_days: tuple[date, ...]
    provisional: bool


@dataclass(frozen=True)
class OpenedSubscription:
    """A place that now waits for a message or a signal."""

    token: str
    step_id: str
    #: "message" or "signal".
    kind: str
    name: str
    #: What the message must carry; None for a message without key, and for signals.
    key: str | None
    #: Whether it goes on waiting after it was met (non-interrupting).
    stays: bool = False


@dataclass(frozen=True)
class Published:
    """A message or signal that was thrown, for others; the caller delivers it after the commit."""

    step_id: str
    #: "message" or "signal". A signal has reached this instance's own waiting steps already.
    kind: str
    name: str
    key: str | None
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class OpenedCall:
    """A call activity that waits for another process, which the caller starts after the commit."""

    token: str
    step_id: str
    process_id: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Reported:
    """An error or escalation that nobody in a called process caught: its caller's affair."""

    #: "error" (the instance has ended by it) or "escalation".
    kind: str
    code: str
    step_id: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """What a service task asks for; run by the caller in the same transaction, in this order."""

    step_id: str
    type: str
    #: The variables that the step sees, with its input mapping laid over them.
    variables: Mapping[str, Any]
    headers: Mapping[str, str]
    retries: int


@dataclass(frozen=True)
class RulingAt:
    """A decision taken at a business rule task."""

    step_id: str
    decision_id: str
    ruling: Any
    result_variable: str


@dataclass(frozen=True)
class ExpressionProblem:
    """An expression that gave null for a reason worth a look; the run went on."""

    step_id: str
    place: str
    expression: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """What one verb moved. The caller writes it down; the engine touched nothing."""

    #: The new state, to be stored as it is.
    state: bytes
    #: The instance's variables: of every name the value written last, in any branch.
    variables: Mapping[str, Any]
    #: Steps passed and flows taken, in the order in which it happened.
    passed: tuple[Passed, ...] = ()
    opened: tuple[OpenedTask, ...] = ()
    #: Tokens of tasks that no longer wait because something else ended them; never the completed task itself.
    closed: tuple[str, ...] = ()
    timers: tuple[OpenedTimer, ...] = ()
    #: Tokens of timers that no longer wait; never the fired timer itself.
    timers_closed: tuple[str, ...] = ()
    subscriptions: tuple[OpenedSubscription, ...] = ()
    #: Tokens of subscriptions that no longer wait; never the one just met.
    subscriptions_closed: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    calls: tuple[OpenedCall, ...] = ()
    #: Tokens of call activities that no longer wait: what they called is to be cancelled; never one that just returned.
    calls_closed: tuple[str, ...] = ()
    reported: tuple[Reported, ...] = ()
    #: Parts of the state stored beside it, by key, to be written over what is there; a large repetition keeps its members
    #: there, so that one completion reads and writes one of them.
    parts: Mapping[str, bytes] = field(default_factory=dict)
    #: Beginnings of the keys of parts that are no longer needed; removed before ``parts`` are written.
    parts_gone: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    rulings: tuple[RulingAt, ...] = ()
    #: Of a step back in one branch: the steps that lie behind it, and itself; empty where the whole case went back.
    undone: frozenset[str] = frozenset()
    #: End events reached, in order.
    ended: tuple[str, ...] = ()
    completed: bool = False
    problems: tuple[ExpressionProblem, ...] = field(default=())

    @property
    def flows(self) -> tuple[str, ...]:
        """Ids of the sequence flows taken, in order."""
        return tuple(one.flow_id for one in self.passed if one.flow_id)
