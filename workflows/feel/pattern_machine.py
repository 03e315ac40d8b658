"""An automaton for patterns without back references: time proportional to text times pattern (Pike's method)."""

from __future__ import annotations

from collections.abc import Callable

from workflows.feel.pattern_syntax import Anchor, CharSet, Choice, Group, PatternRefused, Repeat, Sequence, Tree

#: Most instructions of one program.
MAX_PROGRAM = 20_000
#: Most characters whose answer an instruction remembers.
MAX_KNOWN = 128

# Instructions: (code, argument, second argument)
_CHAR, _SPLIT, _JUMP, _SAVE, _ANCHOR, _MATCH = range(6)


class Machine:
    """A program of instructions, run for all alternatives at once, the preferred one first."""

    def __init__(self, tree: Tree, groups: int) -> None:
        self._program: list[list] = []  # type: ignore[type-arg]  # heterogeneous instructions
        self._slots = 2 * (groups + 1)
        self._emit(_SAVE, 0)
        self._compile(tree)
        self._emit(_SAVE, 1)
        self._emit(_MATCH)

    @property
    def size(self) -> int:
        """The number of instructions."""
        return len(self._program)

    def _emit(self, code: int, first: object = None, second: object = None) -> int:
        if len(self._program) >= MAX_PROGRAM:
            raise PatternRefused("the pattern is too large")
        self._program.append([code, first, second])
        return len(self._program) - 1

    def _compile(self, tree: Tree) -> None:
        match tree:
            case CharSet():
                self._emit(_CHAR, tree, {})
            case Anchor():
                self._emit(_ANCHOR, tree)
            case Group(inside=inside, number=number):
                if number:
                    self._emit(_SAVE, 2 * number)
                self._compile(inside)
                if number:
                    self._emit(_SAVE, 2 * number + 1)
            case Sequence(parts=parts):
                for part in parts:
                    self._compile(part)
            case Choice(branches=branches):
                self._choice(branches)
            case Repeat():
                self._repeat(tree)
            case _:
                raise PatternRefused("back references need another method")

    def _choice(self, branches: tuple[Tree, ...]) -> None:
        ends: list[int] = []
        for branch in branches[:-1]:
            split = self._emit(_SPLIT)
            self._program[split][1] = split + 1
            self._compile(branch)
            ends.append(self._emit(_JUMP))
            self._program[split][2] = len(self._program)
        self._compile(branches[-1])
        for end in ends:
            self._program[end][1] = len(self._program)

    def _repeat(self, tree: Repeat) -> None:
        for _ in range(tree.least):
            self._compile(tree.inside)
        if tree.most is None:
            split = self._emit(_SPLIT)
            self._compile(tree.inside)
            self._emit(_JUMP, split)
            self._branch(split, tree.lazy)
            return
        splits: list[int] = []
        for _ in range(tree.most - tree.least):
            splits.append(self._emit(_SPLIT))
            self._compile(tree.inside)
        for split in splits:
            self._branch(split, tree.lazy)

    def _branch(self, split: int, lazy: bool) -> None:
        inside, outside = split + 1, len(self._program)
        self._program[split][1:] = [outside, inside] if lazy else [inside, outside]

    def search(self, text: str, spend: Callable[[int], None], start: int) -> tuple[tuple[int, int], ...] | None:
        """The spans of the first match from ``start`` on, or None."""
        program = self._program
        weight = 2 + (self._slots >> 7)  # each thread carries the places of all groups
        found: tuple[int, ...] | None = None
        threads: list[tuple[int, tuple[int, ...]]] = []
        for at in range(start, len(text) + 1):
            reached: dict[int, tuple[int, ...]] = {}
            for pc, slots in threads:
                self._follow(pc, slots, text, at, reached)
            if found is None:
                self._follow(0, (-1,) * self._slots, text, at, reached)
            spend(1 + len(reached) * weight)
            threads = []
            char = text[at : at + 1]
            for pc, slots in reached.items():
                code, chars, known = program[pc]
                if code == _MATCH:
                    found = slots
                    break  # what follows is less preferred
                if code == _CHAR and char:
                    fits = known.get(char)
                    if fits is None:
                        fits = chars.has(char)
                        if len(known) < MAX_KNOWN:
                            known[char] = fits
                    if fits:
                        threads.append((pc + 1, slots))
            if not threads and (found is not None or not char):
                break
        if found is None:
            return None
        return tuple((found[i], found[i + 1]) for i in range(0, self._slots, 2))

    def _follow(self, pc: int, slots: tuple[int, ...], text: str, at: int, reached: dict[int, tuple[int, ...]]) -> None:
        """Add every instruction reachable without reading a character, in order of preference."""
        stack = [(pc, slots)]
        while stack:
            pc, slots = stack.pop()
            if pc in reached:
                continue
            reached[pc] = slots
            code, first, second = self._program[pc]
            if code == _JUMP:
                stack.append((first, slots))
            elif code == _SPLIT:
                stack.append((second, slots))
                stack.append((first, slots))
            elif code == _SAVE:
                stack.append((pc + 1, (*slots[:first], at, *slots[first + 1 :])))
            elif code == _ANCHOR and _at_anchor(first, text, at):
                stack.append((pc + 1, slots))


def _at_anchor(anchor: Anchor, text: str, at: int) -> bool:
    if anchor.sign == "^":
        return at == 0 or (anchor.lines and text[at - 1] == "\n")
    return at == len(text) or (anchor.lines and text[at] == "\n")
