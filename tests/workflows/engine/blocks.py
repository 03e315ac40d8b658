"""Random block-structured processes, each drawn as BPMN and played by a model that knows no tokens.

The model follows the blocks, not the arrows, so that it cannot share a mistake with the engine.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.workflows.engine.drawing import (
    begin,
    boundary,
    choice,
    drawing,
    end,
    extensions,
    flow,
    fork,
    node,
    script,
    some,
    sub,
    user,
    zeebe,
)


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
    """A running block: which tasks and timers are open, and what happens when one is done."""

    finished = False

    def tasks(self) -> list[str]:
        raise NotImplementedError

    def timers(self) -> list[str]:
        return []

    def do(self, name: str) -> bool:
        """Complete the task or fire the timer ``name``; False when it is not here."""
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
    def __init__(self, name: str) -> None:
        self.name = name

    def tasks(self) -> list[str]:
        return [] if self.finished else [self.name]

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

    def tasks(self) -> list[str]:
        if self.finished:
            return []
        return [self.block.name] * (1 if self.block.sequential else self.block.count - self.done)

    def do(self, name: str) -> bool:
        if self.finished or name != self.block.name:
            return False
        self.done += 1
        self.finished = self.done == self.block.enough
        return True


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

    def tasks(self) -> list[str]:
        return self.now.tasks()

    def timers(self) -> list[str]:
        return self.now.timers()

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


class _TogetherPlay(Play):
    def __init__(self, plays: list[Play]) -> None:
        self.plays = plays

    def tasks(self) -> list[str]:
        return [name for play in self.plays for name in play.tasks()]

    def timers(self) -> list[str]:
        return [name for play in self.plays for name in play.timers()]

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

    def tasks(self) -> list[str]:
        return [name for play in (self.body, *self.scope.beside) for name in play.tasks()]

    def timers(self) -> list[str]:
        return [name for play in (self.body, *self.scope.beside) for name in play.timers()]

    def do(self, name: str) -> bool:
        done = any(play.do(name) for play in (self.body, *self.scope.beside))
        self.finished = self.body.finished and all(play.finished for play in self.scope.beside)
        return done


@dataclass
class Watched(Block):
    """A task or sub-process with a boundary timer: interrupting, a task replaces it; else a reminder runs beside it."""

    name: str
    host: Block
    interrupting: bool

    def draw(self, sketch: Sketch) -> tuple[str, str]:
        first, last = self.host.draw(sketch)
        timer, instead = f"{self.name}t", f"{self.name}x"
        sketch.put(boundary(timer, first, "PT1H", cancel=self.interrupting), user(instead))
        sketch.arrow(timer, instead)
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
        self.armed = True

    def tasks(self) -> list[str]:
        return self.now.tasks()

    def timers(self) -> list[str]:
        return [f"{self.block.name}t"] * self.armed + self.now.timers()

    def do(self, name: str) -> bool:
        if name == f"{self.block.name}t" and self.armed:
            self.armed = False
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
            self.armed = False
        return True


class Maker:
    """Makes random blocks with distinct names."""

    def __init__(
        self, seed: int, *, kinds: str = "task sequence choice parallel inclusive loop sub watch each"
    ) -> None:
        self.random = random.Random(seed)
        self.kinds = kinds.split()
        self.count = 0

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
        if kind == "watch":
            hosts: list[Block] = [Task(name), Inside(name, self.block(depth - 1)), Each(name, 2, 2, False)]
            host = self.random.choice(hosts)
            return Watched(self.name(), host, self.random.random() < 0.5)
        parts = [self.block(depth - 1) for _ in range(self.random.randint(2, 3))]
        if kind == "sequence":
            return Sequence(name, parts)
        indexes = list(range(len(parts)))
        taken = {
            "choice": [self.random.choice(indexes)],
            "parallel": indexes,
            "inclusive": sorted(self.random.sample(indexes, self.random.randint(1, len(parts)))),
        }[kind]
        return Split(name, {"choice": choice, "parallel": fork, "inclusive": some}[kind], parts, taken)

    def process(self, depth: int) -> tuple[bytes, ScopePlay]:
        """A whole process: its file and its model."""
        body = self.block(depth)
        sketch = Sketch()
        first, last = body.draw(sketch)
        sketch.put(begin(), end())
        sketch.arrow("s", first)
        sketch.arrow(last, "e")
        return drawing(sketch.xml()), ScopePlay(body)
