"""Matching of patterns in bounded time.

Python's ``re`` backtracks, so it is used only where the number of ways it could try, computed from the pattern and
the length of the text, stays below a bound. Every other pattern runs on an automaton (pattern_machine.py) whose
time is proportional to text times pattern. A pattern with back references beyond the bound is refused: no linear
method knows them. The text is never longer than FEEL's own bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from workflows.feel.pattern_machine import Machine
from workflows.feel.pattern_syntax import (
    Anchor,
    BackReference,
    CharSet,
    Choice,
    Group,
    PatternRefused,
    Repeat,
    Sequence,
    Tree,
    read,
)

#: Most ways that Python's ``re`` may have to try for one search.
MAX_WAYS = 500_000
#: Most ranges of characters that a pattern for ``re`` may list.
MAX_SETS = 2_000

Spend = Callable[[int], None]
#: The spans of a match, the whole first; (-1, -1) for a group that took no part.
Match = tuple[tuple[int, int], ...]


class Pattern:
    """A pattern ready to search."""

    def __init__(self, pattern: str, flags: str) -> None:
        self._tree, self.groups = read(pattern, flags)
        self._ignore_case = "i" in flags
        self._literal = "q" in flags
        self._has_references = _has_references(self._tree)
        self._size = _size(self._tree)
        #: Parts of the pattern, all of which are looked at to know what a search may cost.
        self._parts = _count(self._tree)
        self._compiled: re.Pattern[str] | None = None
        self._machine: Machine | None = None

    def _cost(self, length: int) -> float:
        """An upper bound of the steps of one search by backtracking over so many characters."""
        tree = self._tree
        first = tree.parts[0] if isinstance(tree, Sequence) and tree.parts else tree
        starts = 1 if isinstance(first, Anchor) and first.sign == "^" and not first.lines else length + 1
        ways = _ways(tree, length)
        return starts * ways * 4 if ways > 1 else 128

    def search(self, text: str, spend: Spend, start: int = 0) -> Match | None:
        """The first match from ``start`` on."""
        spend(self._parts)
        cost = self._cost(len(text) - start)
        if cost <= MAX_WAYS and self._size <= MAX_SETS:
            spend(1 + int(cost) // 32)
            if self._compiled is None:
                spend(self._size)
                self._compiled = re.compile(_translate(self._tree), re.IGNORECASE if self._ignore_case else 0)
            found = self._compiled.search(text, start)
            return tuple(found.span(n) for n in range(self.groups + 1)) if found else None
        if self._has_references:
            raise PatternRefused("a pattern with back references would need unbounded work on this text")
        if self._machine is None:
            self._machine = Machine(self._tree, self.groups)
            spend(self._machine.size // 4)
        return self._machine.search(text, spend, start)

    def every(self, text: str, spend: Spend) -> Iterator[Match]:
        """All matches, left to right, without overlap."""
        at = 0
        while at <= len(text):
            found = self.search(text, spend, at)
            if found is None:
                return
            yield found
            at = found[0][1] + (found[0][0] == found[0][1])

    def replace(self, text: str, replacement: str, spend: Spend) -> str:
        """Every match replaced; ``$1`` in the replacement is a group. Raises PatternRefused at a bad replacement."""
        parts = [("", 0)] if self._literal else _replacement(replacement, self.groups)
        if self._literal:
            parts = [(replacement, -1)]
        if self.search("", spend) is not None:
            raise PatternRefused("the pattern matches the empty string")
        written: list[str] = []
        at = 0
        for match in self.every(text, spend):
            written.append(text[at : match[0][0]])
            for literal, group in parts:
                written.append(literal if group < 0 else text[slice(*match[group])] if match[group][0] >= 0 else "")
            at = match[0][1]
            spend(len(parts))
        return "".join(written) + text[at:]

    def split(self, text: str, spend: Spend) -> Iterator[str]:
        """The pieces between the matches."""
        at = 0
        for match in self.every(text, spend):
            if match[0][0] == match[0][1]:
                continue
            yield text[at : match[0][0]]
            at = match[0][1]
        yield text[at:]


__all__ = ["Pattern", "PatternRefused", "compile_pattern"]


@lru_cache(maxsize=128)
def compile_pattern(pattern: str, flags: str = "") -> Pattern:
    """The pattern, read once. Raises PatternRefused."""
    return Pattern(pattern, flags)


def _replacement(text: str, groups: int) -> list[tuple[str, int]]:
    """Literal pieces (group -1) and group numbers."""
    parts: list[tuple[str, int]] = []
    at = 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\":
            if following not in ("\\", "$") or not following:
                raise PatternRefused("in a replacement a backslash stands before \\ or $")
            parts.append((following, -1))
            at += 2
        elif char == "$":
            if not (following.isascii() and following.isdigit()):
                raise PatternRefused("in a replacement $ is followed by a group number")
            number, at = int(following), at + 2
            while (
                at < len(text) and text[at].isascii() and text[at].isdigit() and number * 10 + int(text[at]) <= groups
            ):
                number, at = number * 10 + int(text[at]), at + 1
            parts.append(("", number) if number <= groups else ("", -1))
        else:
            parts.append((char, -1))
            at += 1
    return parts


# The bound --------------------------------------------------------------------------------------------------------


def _has_references(tree: Tree) -> bool:
    match tree:
        case BackReference():
            return True
        case Group(inside=inside) | Repeat(inside=inside):
            return _has_references(inside)
        case Sequence(parts=parts) | Choice(branches=parts):
            return any(map(_has_references, parts))
    return False


def _count(tree: Tree) -> int:
    match tree:
        case Group(inside=inside) | Repeat(inside=inside):
            return 1 + _count(inside)
        case Sequence(parts=parts) | Choice(branches=parts):
            return 1 + sum(map(_count, parts))
    return 1


def _size(tree: Tree) -> int:
    match tree:
        case CharSet(ranges=ranges):
            return 1 + len(ranges)
        case Group(inside=inside):
            return 1 + _size(inside)
        case Repeat(inside=inside, least=least, most=most):
            return 1 + _size(inside) * max(1, (most or least) // 100)
        case Sequence(parts=parts) | Choice(branches=parts):
            return 1 + sum(map(_size, parts))
    return 1


def _ways(tree: Tree, length: int) -> float:
    """An upper bound of the ways in which a backtracking matcher can walk the tree over so many characters."""
    match tree:
        case Group(inside=inside):
            return _ways(inside, length)
        case Sequence(parts=parts):
            product = 1.0
            for part in parts:
                product *= _ways(part, length)
            return min(product, 1e30)
        case Choice(branches=branches):
            return sum(_ways(branch, length) for branch in branches)
        case Repeat(inside=inside, least=least, most=most):
            times = min(length, MAX_WAYS) + 1 if most is None else most
            each = _ways(inside, length)
            if each <= 1:
                return max(times - least + 1, 1)
            return min(each ** min(times, 100) * 2, 1e30)
    return 1


# For Python's re --------------------------------------------------------------------------------------------------


def _translate(tree: Tree) -> str:
    match tree:
        case CharSet():
            return _translate_set(tree)
        case Anchor(sign=sign, lines=lines):
            if sign == "^":
                return r"(?:\A|(?<=\n))" if lines else r"\A"
            return r"(?=\n|\Z)" if lines else r"\Z"
        case BackReference(group=group):
            return f"(?({group})\\{group})"  # a group that took no part refers to the empty string
        case Group(inside=inside, number=number):
            return f"({_translate(inside)})" if number else f"(?:{_translate(inside)})"
        case Sequence(parts=parts):
            return "".join(map(_translate, parts))
        case Choice(branches=branches):
            return "(?:" + "|".join(map(_translate, branches)) + ")"
        case Repeat(inside=inside, least=least, most=most, lazy=lazy):
            count = f"{{{least},{'' if most is None else most}}}"
            return f"(?:{_translate(inside)}){count}{'?' if lazy else ''}"


def _translate_set(chars: CharSet) -> str:
    if not chars.ranges:
        return r"[\s\S]" if chars.negated else r"(?!)"
    inside = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in chars.ranges)
    return f"[{'^' if chars.negated else ''}{inside}]"
