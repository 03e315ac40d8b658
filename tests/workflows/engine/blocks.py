"""Random block-structured processes, each drawn as BPMN and played by a model that knows no tokens.

The model follows the blocks, not the arrows, so that it cannot share a mistake with the engine.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.workflows.engine.drawing import (
    again,
    at,
    begin,
    begin_on,
    boundary,
    call,
    catch,
    choice,
    drawing,
    end,
    end_with,
    error,
    event_sub,
    extensions,
    first_of,
    flow,
    fork,
    message,
    node,
    on,
    receive,
    script,
    signal,
    some,
    sub,
    terminate,
    throw,
    timer,
    times,
    undo,
    user,
    what,
    zeebe,
)

#: What an element waits for ("task", "timer", "message" or "call"), and its id.
Wait = tuple[str, str]


@dataclass
class Sketch:
    """What has been drawn of one scope."""

    nodes: list[str] = field(default_factory=list)
    arrows: list[str] = field(default_factory=list)

    def put(self, *xml: str) -> None:
        self.nodes += xml

    def arrow(self, source: str, target: str, condition: str = "", name: str = "") -> None:
        self.arrows.append(flow(source, target, condition, name))

    def xml(self) -> str:
        return "".join(self.nodes + self.arrows)


class Scope:
    """The model's side of a process or sub-process: reminders run beside its body and it waits for them."""

    def __init__(self) -> None:
        self.beside: list[Play] = []


class Play:
    """A running block: what it waits for, and what happens when that comes."""

    finished = False

    def waits(self) -> list[Wait]:
        raise NotImplementedError

    def do(self, name: str) -> bool:
        """Let what ``name`` waits for happen; False when it is not here."""
        raise NotImplementedError


class Block:
    """A piece of a process with one way in and one way out."""

    name: str

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        """Draw it; the ids of its first and last element."""
        raise NotImplementedError

    def play(self, scope: Scope) -> Play:
        raise NotImplementedError


@dataclass
class Task(Block):
    name: str

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        sketch.put(user(self.name))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _TaskPlay(self.name)


class _TaskPlay(Play):
    def __init__(self, name: str, kind: str = "task") -> None:
        self.name = name
        self.kind = kind

    def waits(self) -> list[Wait]:
        return [] if self.finished else [(self.kind, self.name)]

    def do(self, name: str) -> bool:
        if self.finished or name != self.name:
            return False
        self.finished = True
        return True


@dataclass
class Each(Block):
    """A task for each of ``count`` items, at once or one after the other; ``enough`` of them are enough."""

    name: str
    count: int
    enough: int
    sequential: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        loop = extensions(zeebe("loopCharacteristics", inputCollection=f"=for i in 1..{self.count} return i"))
        until = f"<bpmn:completionCondition>=numberOfCompletedInstances >= {self.enough}</bpmn:completionCondition>"
        many = node(
            "multiInstanceLoopCharacteristics", f"{self.name}l", loop + until, isSequential=str(self.sequential).lower()
        )
        sketch.put(node("userTask", self.name, many))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _EachPlay(self)


class _EachPlay(Play):
    def __init__(self, block: Each) -> None:
        self.block = block
        self.done = 0

    def waits(self) -> list[Wait]:
        if self.finished:
            return []
        return [("task", self.block.name)] * (1 if self.block.sequential else self.block.count - self.done)

    def do(self, name: str) -> bool:
        if self.finished or name != self.block.name:
            return False
        self.done += 1
        self.finished = self.done == self.block.enough
        return True


@dataclass
class Many(Block):
    """A sub-process for each of ``count`` items, at once or one after the other."""

    name: str
    body: Block
    count: int
    sequential: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        inner = Sketch()
        first, last = self.body.draw(inner)
        inner.put(begin(f"{self.name}s"), end(f"{self.name}e"))
        inner.arrow(f"{self.name}s", first)
        inner.arrow(last, f"{self.name}e")
        times = f"<bpmn:loopCardinality>{self.count}</bpmn:loopCardinality>"
        loop = node(
            "multiInstanceLoopCharacteristics", f"{self.name}l", times, isSequential=str(self.sequential).lower()
        )
        sketch.put(sub(self.name, inner.xml(), loop))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        if self.sequential:
            plays: list[Callable[[], Play]] = [partial(ScopePlay, self.body)] * self.count
            return _SequencePlay(plays)
        return _TogetherPlay([ScopePlay(self.body) for _ in range(self.count)])


@dataclass
class Sequence(Block):
    name: str
    parts: list[Block]

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        ends = [part.draw(sketch) for part in self.parts]
        for one, two in itertools.pairwise(ends):
            sketch.arrow(one[1], two[0])
        return ends[0][0], ends[-1][1]

    def play(self, scope: Scope) -> Play:
        return _SequencePlay([lambda part=part: part.play(scope) for part in self.parts])


class _SequencePlay(Play):
    def __init__(self, todo: list[Callable[[], Play]]) -> None:
        self.todo = todo
        self.now = self.todo.pop(0)()

    def waits(self) -> list[Wait]:
        return self.now.waits()

    def do(self, name: str) -> bool:
        if not self.now.do(name):
            return False
        while self.now.finished and self.todo:
            self.now = self.todo.pop(0)()
        self.finished = self.now.finished
        return True


@dataclass
class Split(Block):
    """Exclusive (one branch), parallel (all) or inclusive (those in ``taken``), joined by a gateway of the same kind."""

    name: str
    gateway: Callable[[str], str]
    parts: list[Block]
    taken: list[int]

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        opening, closing = f"{self.name}o", f"{self.name}c"
        sketch.put(self.gateway(opening), self.gateway(closing))
        for index, part in enumerate(self.parts):
            first, last = part.draw(sketch)
            condition = "" if self.gateway is fork else f"{len(self.parts)} > 0 and {str(index in self.taken).lower()}"
            sketch.arrow(opening, first, condition)
            sketch.arrow(last, closing)
        return opening, closing

    def play(self, scope: Scope) -> Play:
        return _TogetherPlay([self.parts[index].play(scope) for index in self.taken])


#: What names a split while it is played, in copies of the model too.
_keys = itertools.count()


class _TogetherPlay(Play):
    def __init__(self, plays: list[Play]) -> None:
        self.plays = plays
        self.key = next(_keys)

    def waits(self) -> list[Wait]:
        return [wait for play in self.plays for wait in play.waits()]

    def do(self, name: str) -> bool:
        done = any(play.do(name) for play in self.plays)
        self.finished = all(play.finished for play in self.plays)
        return done


@dataclass
class Loop(Block):
    """The body again and again, ``times`` in all."""

    name: str
    body: Block
    times: int

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        entry, count, again, leave = (f"{self.name}{part}" for part in "mnge")
        sketch.put(choice(entry), choice(again, f"{again}-{leave}"), choice(leave))
        sketch.put(script(count, f"if {count} = null then 1 else {count} + 1", count))
        reset = f"{self.name}r"
        sketch.put(script(reset, "null", count))
        first, last = self.body.draw(sketch)
        sketch.arrow(entry, first)
        sketch.arrow(last, count)
        sketch.arrow(count, again)
        sketch.arrow(again, entry, f"{count} < {self.times}")
        sketch.arrow(again, leave)
        sketch.arrow(reset, entry)  # an outer loop begins this one anew
        return reset, leave

    def play(self, scope: Scope) -> Play:
        return _SequencePlay([lambda: self.body.play(scope)] * self.times)


@dataclass
class Inside(Block):
    """An embedded sub-process."""

    name: str
    body: Block

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        inner = Sketch()
        start, stop = f"{self.name}s", f"{self.name}e"
        first, last = self.body.draw(inner)
        inner.put(begin(start), end(stop))
        inner.arrow(start, first)
        inner.arrow(last, stop)
        sketch.put(sub(self.name, inner.xml()))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return ScopePlay(self.body)


class ScopePlay(Play):
    """A whole process or sub-process: its body and whatever runs beside it."""

    def __init__(self, body: Block) -> None:
        self.scope = Scope()
        self.body = body.play(self.scope)

    def waits(self) -> list[Wait]:
        return [wait for play in (self.body, *self.scope.beside) for wait in play.waits()]

    def do(self, name: str) -> bool:
        done = any(play.do(name) for play in (self.body, *self.scope.beside))
        self.finished = self.body.finished and all(play.finished for play in self.scope.beside)
        return done


@dataclass
class Broken(Block):
    """A sub-process that ends by an error or a terminate event, whatever runs beside its body, and goes on from its border."""

    name: str
    body: Block
    by_error: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        inner = Sketch()
        start, stop, caught = f"{self.name}s", f"{self.name}e", f"{self.name}b"
        first, last = self.body.draw(inner)
        inner.put(begin(start), end_with("error", stop, "E1") if self.by_error else terminate(stop))
        inner.arrow(start, first)
        inner.arrow(last, stop)
        sketch.put(sub(self.name, inner.xml()))
        if not self.by_error:
            return self.name, self.name
        leave = f"{self.name}m"
        sketch.put(at("error", caught, self.name, "E1"), choice(leave))
        sketch.arrow(self.name, leave)
        sketch.arrow(caught, leave)
        return self.name, leave

    def play(self, scope: Scope) -> Play:
        return _BrokenPlay(self.body)


class _BrokenPlay(ScopePlay):
    def waits(self) -> list[Wait]:
        return [] if self.finished else super().waits()

    def do(self, name: str) -> bool:
        done = super().do(name)
        self.finished = self.body.finished
        return done


@dataclass
class Called(Block):
    name: str

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        sketch.put(call(self.name, "other"))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _TaskPlay(self.name, "call")


@dataclass
class Received(Block):
    name: str

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        sketch.put(receive(self.name, "N"))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _TaskPlay(self.name, "message")


@dataclass
class Race(Block):
    """An event gateway: the first of a timer, a message and a receive task decides what follows."""

    name: str
    parts: list[Block]

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        opening, closing = f"{self.name}o", f"{self.name}c"
        sketch.put(first_of(opening), choice(closing))
        for (kind, catching), part in zip(self.catches(), self.parts, strict=True):
            drawn = {"timer": catch(catching, "P1D"), "message": on("message", catching, "N")}
            sketch.put(receive(catching, "N") if catching.endswith("2") else drawn[kind])
            first, last = part.draw(sketch)
            sketch.arrow(opening, catching)
            sketch.arrow(catching, first)
            sketch.arrow(last, closing)
        return opening, closing

    def catches(self) -> list[Wait]:
        return [(("timer", "message", "message")[place], f"{self.name}w{place}") for place in range(len(self.parts))]

    def play(self, scope: Scope) -> Play:
        return _RacePlay(self, scope)


class _RacePlay(Play):
    def __init__(self, block: Race, scope: Scope) -> None:
        self.block = block
        self.scope = scope
        self.now: Play | None = None

    def waits(self) -> list[Wait]:
        return self.now.waits() if self.now else self.block.catches()

    def do(self, name: str) -> bool:
        if self.now:
            done = self.now.do(name)
            self.finished = self.now.finished
            return done
        names = [catching for _, catching in self.block.catches()]
        if name in names:
            self.now = self.block.parts[names.index(name)].play(self.scope)
        return name in names


@dataclass
class Again(Block):
    """A sub-process several times, one after the other: as a standard loop or by a number."""

    name: str
    body: Inside
    times: int
    loop: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        inner = Sketch()
        first, last = self.body.draw(inner)
        (drawn,) = inner.nodes
        most = str(self.times)
        sketch.put(again(drawn, most=most) if self.loop else times(drawn, most, sequential=True))
        return first, last

    def play(self, scope: Scope) -> Play:
        return _SequencePlay([lambda: self.body.play(scope)] * self.times)


@dataclass
class Undone(Block):
    """A sub-process that does some tasks, one after the other or at once, and then undoes them, the latest first."""

    name: str
    count: int
    at_once: bool

    @property
    def names(self) -> list[str]:
        return [f"{self.name}a{place}" for place in range(self.count)]

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        path = [f"{self.name}{part}" for part in "fjte"]
        inner = Sketch()
        inner.put(begin(f"{self.name}s"), throw("compensate", path[2]), end(path[3]))
        for name in self.names:
            inner.put(user(name), undo(name, f"{name}u"), user(f"{name}u", isForCompensation="true"))
        if self.at_once:
            inner.put(fork(path[0]), fork(path[1]))
            for name in self.names:
                inner.arrow(path[0], name)
                inner.arrow(name, path[1])
            ways = [[f"{self.name}s", path[0]], path[1:]]
        else:
            ways = [[f"{self.name}s", *self.names, *path[2:]]]
        for way in ways:
            for one, two in itertools.pairwise(way):
                inner.arrow(one, two)
        sketch.put(sub(self.name, inner.xml()))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _UndonePlay(self)


class _UndonePlay(Play):
    def __init__(self, block: Undone) -> None:
        self.block = block
        self.todo = list(block.names)
        self.done: list[str] = []

    def waits(self) -> list[Wait]:
        if self.finished:
            return []
        if not self.todo:
            return [("task", f"{self.done[-1]}u")]
        return [("task", name) for name in (self.todo if self.block.at_once else self.todo[:1])]

    def do(self, name: str) -> bool:
        if ("task", name) not in self.waits():
            return False
        if self.todo:
            self.todo.remove(name)
            self.done.append(name)
        else:
            self.done.pop()
            self.finished = not self.done
        return True


@dataclass
class Guarded(Block):
    """A sub-process with an event sub-process: it takes the place of the body, or runs beside it."""

    name: str
    body: Block
    instead: Block
    kind: str
    interrupting: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        inner, other = Sketch(), Sketch()
        first, last = self.body.draw(inner)
        inner.put(begin(f"{self.name}s"), end(f"{self.name}e"))
        inner.arrow(f"{self.name}s", first)
        inner.arrow(last, f"{self.name}e")
        first, last = self.instead.draw(other)
        definition = {"timer": timer("PT1H"), "cycle": timer("R2/PT1H", "timeCycle"), "message": what("message", "N")}
        other.put(
            begin_on(definition[self.kind], f"{self.name}l", interrupting=self.interrupting), end(f"{self.name}z")
        )
        other.arrow(f"{self.name}l", first)
        other.arrow(last, f"{self.name}z")
        inner.put(event_sub(f"{self.name}q", other.xml()))
        sketch.put(sub(self.name, inner.xml()))
        return self.name, self.name

    def play(self, scope: Scope) -> Play:
        return _GuardedPlay(self)


@dataclass
class Shouted(Block):
    """A body beside a task; when the body is done, a signal puts another task in the place of the one beside it."""

    name: str
    body: Block

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        opening, closing, shout, leave = (f"{self.name}{part}" for part in "octm")
        host, border, instead = (f"{self.name}{part}" for part in "hwx")
        sketch.put(fork(opening), fork(closing), choice(leave), user(host), user(instead))
        sketch.put(throw("signal", shout, f"{self.name}g"), at("signal", border, host, f"{self.name}g"))
        first, last = self.body.draw(sketch)
        for way in (
            [opening, first],
            [last, shout, closing],
            [opening, host, leave, closing],
            [border, instead, leave],
        ):
            for one, two in itertools.pairwise(way):
                sketch.arrow(one, two)
        return opening, closing

    def play(self, scope: Scope) -> Play:
        return _ShoutedPlay(self, scope)


class _ShoutedPlay(Play):
    def __init__(self, block: Shouted, scope: Scope) -> None:
        self.border = f"{block.name}w"
        self.instead = f"{block.name}x"
        self.body = block.body.play(scope)
        self.beside = _TaskPlay(f"{block.name}h")
        self.listens = True

    def waits(self) -> list[Wait]:
        return self.body.waits() + self.beside.waits() + [("message", self.border)] * self.listens

    def do(self, name: str) -> bool:
        if name == self.border and self.listens:
            self._interrupt()
        elif self.body.do(name):
            if self.body.finished and self.listens:
                self._interrupt()
        elif self.beside.do(name):
            self.listens = False
        else:
            return False
        self.finished = self.body.finished and self.beside.finished
        return True

    def _interrupt(self) -> None:
        self.beside = _TaskPlay(self.instead)
        self.listens = False


def rounds(kind: str, interrupting: bool) -> int:
    """How often a catch beside a step or a scope can be met."""
    return 1 if interrupting or kind == "timer" else 2 if kind == "cycle" else 1_000_000


class _GuardedPlay(ScopePlay):
    def __init__(self, block: Guarded) -> None:
        super().__init__(block.body)
        self.block = block
        self.armed = rounds(block.kind, block.interrupting)

    def waits(self) -> list[Wait]:
        listening = [("message" if self.block.kind == "message" else "timer", f"{self.block.name}l")]
        return super().waits() + listening * (self.armed > 0 and not self.finished)

    def do(self, name: str) -> bool:
        if name != f"{self.block.name}l" or not self.armed:
            return super().do(name)
        self.armed -= 1
        instead = ScopePlay(self.block.instead)
        if self.block.interrupting:
            self.body, self.scope.beside = instead, []
        else:
            self.scope.beside.append(instead)
        return True


@dataclass
class Watched(Block):
    """A step with a boundary event: interrupting, a task replaces it; else a reminder runs beside it."""

    name: str
    host: Block
    kind: str
    interrupting: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        first, last = self.host.draw(sketch)
        border, instead = f"{self.name}t", f"{self.name}x"
        drawn = {
            "timer": boundary(border, first, "PT1H", cancel=self.interrupting),
            "cycle": boundary(border, first, "R2/PT1H", cancel=self.interrupting, kind="timeCycle"),
            "message": at("message", border, first, "N", cancel=self.interrupting),
        }
        sketch.put(drawn[self.kind], user(instead))
        sketch.arrow(border, instead)
        if self.interrupting:
            leave = f"{self.name}m"
            sketch.put(choice(leave))
            sketch.arrow(last, leave)
            sketch.arrow(instead, leave)
            return first, leave
        stop = f"{self.name}z"
        sketch.put(end(stop))
        sketch.arrow(instead, stop)
        return first, last

    def play(self, scope: Scope) -> Play:
        return _WatchedPlay(self, scope)


class _WatchedPlay(Play):
    def __init__(self, block: Watched, scope: Scope) -> None:
        self.block = block
        self.scope = scope
        self.now = block.host.play(scope)
        self.armed = rounds(block.kind, block.interrupting)

    def waits(self) -> list[Wait]:
        watching = [("message" if self.block.kind == "message" else "timer", f"{self.block.name}t")]
        return watching * (self.armed > 0) + self.now.waits()

    def do(self, name: str) -> bool:
        if name == f"{self.block.name}t" and self.armed:
            self.armed -= 1
            instead = _TaskPlay(f"{self.block.name}x")
            if self.block.interrupting:
                self.now = instead
            else:
                self.scope.beside.append(instead)
            return True
        if not self.now.do(name):
            return False
        self.finished = self.now.finished
        if self.finished:
            self.armed = 0
        return True


class Maker:
    """Makes random blocks with distinct names."""

    def __init__(
        self,
        seed: int,
        *,
        kinds: str = "task sequence choice parallel inclusive loop sub watch each call receive race broken again undo guard shout many",
    ) -> None:
        self.random = random.Random(seed)
        self.kinds = kinds.split()
        self.count = 0
        self.signals: list[str] = []

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def block(self, depth: int) -> Block:
        kind = self.random.choice(self.kinds) if depth else "task"
        name = self.name()
        if kind == "task":
            return Task(name)
        if kind == "each":
            count = self.random.randint(1, 3)
            return Each(name, count, self.random.randint(1, count), self.random.random() < 0.5)
        if kind == "loop":
            return Loop(name, self.block(depth - 1), self.random.randint(1, 3))
        if kind == "sub":
            return Inside(name, self.block(depth - 1))
        if kind in {"call", "receive"}:
            return Called(name) if kind == "call" else Received(name)
        if kind == "broken":
            return Broken(name, self.block(depth - 1), self.random.random() < 0.5)
        if kind == "again":
            body = Inside(name, self.block(depth - 1))
            return Again(self.name(), body, self.random.randint(1, 3), self.random.random() < 0.5)
        if kind == "shout":
            self.signals.append(signal(f"{name}g"))
            return Shouted(name, self.block(depth - 1))
        if kind == "many":
            # One token a member: so it does not matter which of those at the same step goes on.
            inside = self.narrow(depth - 1)
            return Many(self.name(), inside, self.random.randint(1, 12), self.random.random() < 0.5)
        if kind == "undo":
            return Undone(name, self.random.randint(1, 3), self.random.random() < 0.5)
        event, interrupting = self.random.choice(["timer", "message", "cycle"]), self.random.random() < 0.5
        if kind == "guard":
            # Of several bodies that run at once nobody could say which one is meant, unless each is a single step.
            instead = self.block(depth - 1 if rounds(event, interrupting) == 1 else 0)
            return Guarded(name, self.block(depth - 1), instead, event, interrupting)
        if kind == "watch":
            hosts: list[Block] = [
                Task(name),
                Inside(name, self.block(depth - 1)),
                Each(name, 2, 2, False),
                Called(name),
                Received(name),
            ]
            return Watched(self.name(), self.random.choice(hosts), event, interrupting)
        parts = [self.block(depth - 1) for _ in range(self.random.randint(2, 3))]
        if kind == "sequence":
            return Sequence(name, parts)
        if kind == "race":
            return Race(name, parts)
        indexes = list(range(len(parts)))
        taken = {
            "choice": [self.random.choice(indexes)],
            "parallel": indexes,
            "inclusive": sorted(self.random.sample(indexes, self.random.randint(1, len(parts)))),
        }[kind]
        return Split(name, {"choice": choice, "parallel": fork, "inclusive": some}[kind], parts, taken)

    def narrow(self, depth: int) -> Block:
        """A block in which there is never more than one token."""
        kinds, self.kinds = self.kinds, ["task", "sequence", "choice", "sub"]
        found = self.block(depth)
        self.kinds = kinds
        return found

    def process(self, depth: int) -> tuple[bytes, ScopePlay]:
        """A whole process: its file and its model."""
        body = self.block(depth)
        sketch = Sketch()
        first, last = body.draw(sketch)
        sketch.put(begin(), end())
        sketch.arrow("s", first)
        sketch.arrow(last, "e")
        return drawing(message("N"), error("E1"), *self.signals, sketch.xml()), ScopePlay(body)


# --- where a model stands -------------------------------------------------------------------------------------------


def running(play: Play) -> Iterator[Play]:
    """Everything that runs in a play, itself first, the outer before the inner."""
    if play.finished:
        return
    yield play
    if isinstance(play, _TogetherPlay):
        inner: list[Play | None] = list(play.plays)
    else:
        inner = [
            play.now
            if isinstance(play, (_SequencePlay, _RacePlay))
            else play.body
            if isinstance(play, ScopePlay)
            else None
        ]
    for one in inner:
        if one is not None:
            yield from running(one)


def go_back(model: ScopePlay, then: ScopePlay, name: str) -> ScopePlay:
    """The model with the step ``name`` as it was ``then``: its innermost branch that still runs, or else everything."""
    splits = {one.key: one for one in running(model) if isinstance(one, _TogetherPlay)}
    for split in reversed([one for one in running(then) if isinstance(one, _TogetherPlay)]):
        for place, play in enumerate(split.plays):
            if split.key in splits and ("task", name) in ([] if play.finished else play.waits()):
                splits[split.key].plays[place] = copy.deepcopy(play)
                return model
    return copy.deepcopy(then)
