"""Regular expressions as XPath 3.1 writes them, read to a tree (XML Schema regex, plus anchors, groups, laziness)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

#: Longest pattern, and largest count of a repetition.
MAX_PATTERN = 2_000
MAX_REPEAT = 1_000
#: Deepest subtraction of character classes.
MAX_CLASSES = 8
_TOP = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]


class PatternRefused(Exception):
    """The text is not a pattern, or would need unbounded work."""


@dataclass(frozen=True, slots=True)
class CharSet:
    """One character out of ``ranges`` (or out of none of them)."""

    ranges: Ranges
    negated: bool = False
    ignore_case: bool = False

    def has(self, char: str) -> bool:
        """Whether the character belongs to the set."""
        found = in_ranges(self.ranges, ord(char))
        if not found and self.ignore_case:
            found = any(len(c) == 1 and in_ranges(self.ranges, ord(c)) for c in (char.lower(), char.upper()))
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class Anchor:
    """``^`` or ``$``; ``lines`` where they mean lines."""

    sign: str
    lines: bool


@dataclass(frozen=True, slots=True)
class BackReference:
    group: int


@dataclass(frozen=True, slots=True)
class Group:
    """``number`` is 0 for a group that is not captured."""

    inside: Tree
    number: int


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    branches: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``most`` is None for no limit."""

    inside: Tree
    least: int
    most: int | None
    lazy: bool


Tree = CharSet | Anchor | BackReference | Group | Sequence | Choice | Repeat


# Sets of characters -----------------------------------------------------------------------------------------------


def in_ranges(ranges: Ranges, code: int) -> bool:
    """Whether a code point lies in sorted ranges."""
    at = bisect_right(ranges, (code, _TOP)) - 1
    return at >= 0 and ranges[at][0] <= code <= ranges[at][1]


def merge(*pairs: tuple[int, int]) -> Ranges:
    """Sorted ranges without overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def complement(ranges: Ranges) -> Ranges:
    """Everything else."""
    found, at = [], 0
    for low, high in ranges:
        if low > at:
            found.append((at, low - 1))
        at = high + 1
    if at <= _TOP:
        found.append((at, _TOP))
    return tuple(found)


def subtract(ranges: Ranges, less: Ranges) -> Ranges:
    """``ranges`` without ``less``."""
    return complement(merge(*complement(ranges), *less))


# Beyond these planes nothing but unassigned and private characters exists.
_ASSIGNED = ((0, 0x323AF), (0xE0000, 0xE01EF))


@lru_cache(maxsize=1)
def _by_category() -> dict[str, list[tuple[int, int]]]:
    """Runs of characters by their general category, in one walk over all that are assigned."""
    found: dict[str, list[tuple[int, int]]] = {}
    for low, high in _ASSIGNED:
        for code in range(low, high + 1):
            pairs = found.setdefault(unicodedata.category(chr(code)), [])
            if pairs and pairs[-1][1] == code - 1:
                pairs[-1] = (pairs[-1][0], code)
            else:
                pairs.append((code, code))
    return found


@lru_cache(maxsize=64)
def _all_but(name: str) -> Ranges:
    return complement(category(name))


@lru_cache(maxsize=64)
def category(name: str) -> Ranges:
    """All characters of a general category such as ``Lu`` or ``L``."""
    pairs = [pair for letters, some in _by_category().items() if letters.startswith(name) for pair in some]
    if name in ("C", "Cn"):
        pairs += [(0x323B0, 0xDFFFF), (0xE01F0, _TOP)]
    return merge(*pairs)


_CATEGORIES = {
    **dict.fromkeys(
        ("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "Z", "Zs", "Zl", "Zp")
    ),
    **dict.fromkeys(
        ("P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "C", "Cc", "Cf", "Co", "Cn")
    ),
}
_BLOCKS = {
    "IsBasicLatin": (0, 0x7F),
    "IsLatin-1Supplement": (0x80, 0xFF),
    "IsLatinExtended-A": (0x100, 0x17F),
    "IsLatinExtended-B": (0x180, 0x24F),
    "IsGreek": (0x370, 0x3FF),
    "IsGreekandCoptic": (0x370, 0x3FF),
    "IsCyrillic": (0x400, 0x4FF),
    "IsHebrew": (0x590, 0x5FF),
    "IsArabic": (0x600, 0x6FF),
    "IsThai": (0xE00, 0xE7F),
    "IsGeneralPunctuation": (0x2000, 0x206F),
    "IsCJKSymbolsandPunctuation": (0x3000, 0x303F),
    "IsHiragana": (0x3040, 0x309F),
    "IsKatakana": (0x30A0, 0x30FF),
    "IsCJKUnifiedIdeographsExtensionA": (0x3400, 0x4DBF),
    "IsCJKUnifiedIdeographs": (0x4E00, 0x9FFF),
    "IsHangulSyllables": (0xAC00, 0xD7AF),
    "IsCJKCompatibilityIdeographs": (0xF900, 0xFAFF),
    "IsHalfwidthandFullwidthForms": (0xFF00, 0xFFEF),
}
_NAME_START = merge(
    (0x3A, 0x3A), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x37D),
    (0x37F, 0x1FFF), (0x200C, 0x200D), (0x2070, 0x218F), (0x2C00, 0x2FEF), (0x3001, 0xD7FF), (0xF900, 0xFDCF),
    (0xFDF0, 0xFFFD), (0x10000, 0xEFFFF),
)  # fmt: skip
_NAME = merge(*_NAME_START, (0x2D, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040))
_SPACE: Ranges = ((0x9, 0xA), (0xD, 0xD), (0x20, 0x20))
_SINGLE = {"n": 0xA, "r": 0xD, "t": 0x9}


@lru_cache(maxsize=16)
def _multi(letter: str) -> Ranges | None:
    """The set behind ``\\d`` and its like; the capital is the complement."""
    match letter.lower():
        case "d":
            found = category("Nd")
        case "s":
            found = _SPACE
        case "i":
            found = _NAME_START
        case "c":
            found = _NAME
        case "w":
            found = complement(merge(*category("P"), *category("Z"), *category("C")))
        case _:
            return None
    return found if letter.islower() else complement(found)


# Reading ----------------------------------------------------------------------------------------------------------


def read(pattern: str, flags: str) -> tuple[Tree, int]:
    """The tree and the number of captured groups. Raises PatternRefused."""
    if len(pattern) > MAX_PATTERN:
        raise PatternRefused(f"the pattern is longer than {MAX_PATTERN} characters")
    if set(flags) - set("smixq"):
        raise PatternRefused(f"the flags {flags!r} are not among s, m, i, x, q")
    if "q" in flags:
        return Sequence(tuple(CharSet(((ord(c), ord(c)),), ignore_case="i" in flags) for c in pattern)), 0
    reader = _Reader(pattern, flags)
    tree = reader.choice(0)
    if reader.at < len(pattern):
        raise PatternRefused(f"unexpected {pattern[reader.at]!r} at position {reader.at + 1}")
    return tree, reader.groups


class _Reader:
    def __init__(self, pattern: str, flags: str) -> None:
        self.text = pattern
        self.at = 0
        self.groups = 0
        self._closed: set[int] = set()
        self._fold = "i" in flags
        self._lines = "m" in flags
        self._loose = "x" in flags
        self._any: Ranges = () if "s" in flags else ((0xA, 0xA), (0xD, 0xD))

    def _skip(self) -> None:
        while self._loose and self.at < len(self.text) and self.text[self.at] in " \t\n\r":
            self.at += 1

    def _peek(self) -> str:
        self._skip()
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise PatternRefused("the pattern ends too early")
        self.at += 1
        return char

    def choice(self, depth: int) -> Tree:
        if depth > 50:
            raise PatternRefused("groups are nested more than 50 deep")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self, depth: int) -> Tree:
        char = self._take()
        if char == "(":
            return self._group(depth)
        if char == "[":
            ranges, negated = self._set()
            return CharSet(ranges, negated, self._fold)
        if char == ".":
            return CharSet(self._any, negated=True)
        if char in "^$":
            return Anchor(char, self._lines)
        if char == "\\":
            return self._escape()
        if char in "?*+{}]":
            raise PatternRefused(f"unexpected {char!r} at position {self.at}")
        return CharSet(((ord(char), ord(char)),), ignore_case=self._fold)

    def _group(self, depth: int) -> Tree:
        number = 0
        if self._peek() == "?":
            if self.text[self.at : self.at + 2] != "?:":
                raise PatternRefused("only (…) and (?:…) are groups")
            self.at += 2
        else:
            self.groups += 1
            number = self.groups
        inside = self.choice(depth + 1)
        if self._peek() != ")":
            raise PatternRefused("a group is not closed")
        self.at += 1
        self._closed.add(number)
        return Group(inside, number)

    def _escape(self) -> Tree:
        letter = self._take()
        if letter.isascii() and letter.isdigit():
            number = int(letter)
            while self._peek().isdigit() and number * 10 + int(self._peek()) <= self.groups:
                number = number * 10 + int(self._take())
            if number not in self._closed or number == 0:
                raise PatternRefused(f"\\{number} refers to no finished group")
            return BackReference(number)
        found = self._class_escape(letter)
        return CharSet(found, ignore_case=self._fold and len(found) == 1 and found[0][0] == found[0][1])

    def _class_escape(self, letter: str) -> Ranges:
        if letter in _SINGLE:
            return ((_SINGLE[letter], _SINGLE[letter]),)
        if letter in "pP":
            return self._property(letter)
        if letter in "\\|.?*+(){}-[]^$":
            return ((ord(letter), ord(letter)),)
        found = _multi(letter)
        if found is None:
            raise PatternRefused(f"\\{letter} is not an escape")
        return found

    def _property(self, letter: str) -> Ranges:
        end = self.text.find("}", self.at)
        if self._peek() != "{" or end < 0:
            raise PatternRefused("\\p is followed by {…}")
        name = self.text[self.at + 1 : end]
        if self._loose:
            name = "".join(name.split())
        self.at = end + 1
        if name in _BLOCKS:
            found: Ranges = (_BLOCKS[name],)
        elif name in _CATEGORIES:
            return category(name) if letter == "p" else _all_but(name)
        else:
            raise PatternRefused(f"{name!r} is no category or block known here")
        return found if letter == "p" else complement(found)

    def _set(self, depth: int = 0) -> tuple[Ranges, bool]:
        """The inside of ``[…]``, up to and with the closing bracket; white space counts here even with flag x."""
        text = self.text
        negated = text[self.at : self.at + 1] == "^"
        self.at += negated
        pairs: set[tuple[int, int]] = set()  # the same category may be named again and again
        less: Ranges | None = None
        first = self.at
        while True:
            char = text[self.at : self.at + 1]
            if not char:
                raise PatternRefused("a character class is not closed")
            if char == "]" and self.at > first:
                self.at += 1
                break
            if text[self.at : self.at + 2] == "-[" and self.at > first:
                self.at += 2
                if depth == MAX_CLASSES:
                    raise PatternRefused(f"classes are subtracted more than {MAX_CLASSES} deep")
                inner, inner_negated = self._set(depth + 1)
                less = complement(inner) if inner_negated else inner
                if text[self.at : self.at + 1] != "]":
                    raise PatternRefused("a subtraction stands last in a character class")
                continue
            pairs.update(self._member(first))
        ranges = merge(*pairs)
        if less is not None:
            return subtract(complement(ranges) if negated else ranges, less), False
        return ranges, negated

    def _member(self, first: int) -> Ranges:
        low = self._single(first)
        if len(low) != 1 or low[0][0] != low[0][1]:
            return low
        after = self.text[self.at : self.at + 2]
        if len(after) == 2 and after[0] == "-" and after[1] not in "][":
            self.at += 1
            high = self._single(-1)
            if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
                raise PatternRefused("a range of characters runs backwards or is no range")
            return ((low[0][0], high[0][0]),)
        return low

    def _single(self, first: int) -> Ranges:
        char = self.text[self.at]
        self.at += 1
        if char == "\\":
            if self.at >= len(self.text):
                raise PatternRefused("the pattern ends too early")
            letter = self.text[self.at]
            self.at += 1
            return self._class_escape(letter)
        if char in "[]" or (
            char == "-" and self.at - 1 != first and self.text[self.at : self.at + 1] not in ("]", "-")
        ):
            raise PatternRefused(f"{char!r} inside a character class is written \\{char}")
        return ((ord(char), ord(char)),)

    def _quantified(self, atom: Tree) -> Tree:
        char = self._peek()
        if char not in ("?", "*", "+", "{") or not char:
            return atom
        self.at += 1
        least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(char) or self._counts()
        lazy = self._peek() == "?"
        self.at += lazy
        if self._peek() in ("?", "*", "+", "{") and self._peek():
            raise PatternRefused(f"a repetition is repeated at position {self.at + 1}")
        return Repeat(atom, least, most, lazy)

    def _counts(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : end].partition(",") if end > 0 else ("", "", "")
        if not (low.isdigit() and low.isascii() and (not high or (high.isdigit() and high.isascii()))):
            raise PatternRefused("a repetition is written {n}, {n,} or {n,m}")
        self.at = end + 1
        least = int(low[:9])
        most = int(high[:9]) if high else (None if comma else least)
        if least > MAX_REPEAT or (most is not None and (most > MAX_REPEAT or most < least)):
            raise PatternRefused(f"a repetition counts up to {MAX_REPEAT}, from the smaller number to the larger")
        return least, most
