"""Names of several words: which token sequences are one name, by longest match.

A name may hold spaces, keywords, and the signs ``. / - + * '`` (DMN 1.5, 10.3.1.2). Known names (built-in functions,
names given by the caller, names bound inside the expression) are matched token by token, the longest first. Where no
known name matches, adjacent words and whole numbers up to the next operator word are read as one name, so a context
key with spaces resolves without being announced; only names with signs or operator words must be known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from workflows.feel.errors import FeelSyntaxError
from workflows.feel.lexer import Token, tokens

#: Words that stand between or after operands and therefore end an unannounced name.
STOPS = frozenset({"and", "or", "in", "between", "then", "else", "return", "satisfies", "external"})
#: Words that cannot begin an unannounced name.
RESERVED = STOPS | {"if", "for", "some", "every", "function", "true", "false", "null"}


#: Longest name that is read as one, in characters.
MAX_NAME = 400


def words(name: str) -> tuple[str, ...]:
    """The token texts of a name; empty when it cannot be one."""
    return _words(name) if len(name) <= MAX_NAME else ()


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    try:
        found = tokens(name)[:-1]
    except FeelSyntaxError:
        return ()
    if not found or any(token.kind == "text" for token in found):
        return ()
    return tuple(token.text for token in found)


def normal(parts: Iterable[str]) -> str:
    """The spelling under which a sequence of name tokens is looked up: words by one space, signs without."""
    text = ""
    word_before = False
    for part in parts:
        is_word = part not in _SIGNS
        text += (" " if word_before and is_word else "") + part
        word_before = is_word
    return text


_SIGNS = frozenset({".", "/", "-", "+", "*", "'", "**", ".."})


def is_odd(name: str) -> bool:
    """Whether the name must be known to be read as one (signs or operator words inside)."""
    parts = words(name)
    if not parts:
        return False
    if len(parts) == 1:
        return parts[0] in RESERVED
    return any(part in STOPS or part == "instance" or not _wordlike(part) for part in parts) or parts[0] in RESERVED


def _wordlike(part: str) -> bool:
    return part not in _SIGNS and part[0] not in "<>=!()[]{},:@" and not (part[0].isdigit() and "." in part)


class Names:
    """A set of known names as a tree of tokens; ``below`` is the enclosing scope."""

    __slots__ = ("_tree", "below")

    def __init__(self, names: Iterable[str] = (), below: Names | None = None) -> None:
        self._tree: dict[str, dict] = {}  # type: ignore[type-arg]  # a recursive dict
        self.below = below
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Make the name known; single plain words need no entry."""
        parts = words(name)
        if len(parts) < 2 and not (parts and parts[0] in RESERVED):
            return
        node = self._tree
        for part in parts:
            node = node.setdefault(part, {})
        node[""] = {"name": name}

    def longest(self, found: list[Token], at: int) -> tuple[int, str]:
        """How many tokens from ``at`` on are a known name, and that name; (0, "") when none."""
        best, name = 0, ""
        level: Names | None = self
        while level is not None:
            node = level._tree
            index = at
            while node and found[index].kind in ("word", "number", "sign"):
                step = node.get(found[index].text)
                if step is None:
                    break
                node = step
                index += 1
                if "" in node and index - at > best:
                    best, name = index - at, node[""]["name"]
            level = level.below
        return best, name
