"""A cursor over the tokens of a FEEL text: what comes next, names of several words, and types as written."""

from __future__ import annotations

from collections.abc import Iterator as Walk
from contextlib import contextmanager

from workflows.feel import ast
from workflows.feel.errors import N_, FeelSyntaxError
from workflows.feel.lexer import Token, place, tokens, unquote
from workflows.feel.names import RESERVED, STOPS, Names, normal

#: Deepest nesting of brackets, operands and clauses.
MAX_DEPTH = 64

#: Names of types that hold operator words.
_TYPES = ("date and time", "days and time duration", "years and months duration")
#: Signs that may stand inside a name that is being introduced.
_IN_NAMES = frozenset({".", "/", "-", "+", "*", "'"})


class Cursor:
    """Where reading stands, and the names known there."""

    def __init__(self, text: str, names: Names) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._names = names
        self._depth = 0
        self._in_range_end = False

    # Tokens -----------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _sign(self, sign: str) -> bool:
        token = self._next
        if token.kind == "sign" and token.text == sign:
            self._at += 1
            return True
        return False

    def _is_sign(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _word(self, word: str) -> bool:
        if self._next.kind == "word" and self._next.text == word:
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not (self._sign(text) or self._word(text)):
            raise self._error(f"“{text}”")

    def _error(self, expected: str, token: Token | None = None) -> FeelSyntaxError:
        token = token or self._next
        line, column = place(self._text, token.start)
        if token.kind == "end":
            return FeelSyntaxError(N_("表达式没有写完"), line=line, column=column, expected=expected)
        found = token.text if len(token.text) <= 40 else token.text[:40] + "…"
        return FeelSyntaxError(N_("不应出现“%(found)s”"), found=found, line=line, column=column, expected=expected)

    def expect_end(self) -> None:
        if self._next.kind != "end":
            raise self._error(N_("运算符或结尾"))

    @contextmanager
    def _bound(self, *names: str) -> Walk[None]:
        outer = self._names
        self._names = Names(names, below=outer)
        try:
            yield
        finally:
            self._names = outer

    @contextmanager
    def _deeper(self) -> Walk[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            line, column = place(self._text, self._next.start)
            raise FeelSyntaxError(N_("嵌套超过 %(most)s 层"), most=MAX_DEPTH, line=line, column=column)
        try:
            yield
        finally:
            self._depth -= 1

    # Names ------------------------------------------------------------------------------------------------------

    def _name(self, *, in_path: bool = False) -> str:
        """The longest known name here, or else the adjacent words (see names.py)."""
        length, known = self._names.longest(self._tokens, self._at)
        free = self._adjacent(in_path)
        if length >= free > 0 or (length and not free):
            self._at += length
            return known
        if not free:
            raise self._error(N_("名称") if in_path else N_("值"))
        words = [token.text for token in self._tokens[self._at : self._at + free]]
        self._at += free
        return normal(words)

    def _adjacent(self, in_path: bool) -> int:
        index = self._at
        first = self._tokens[index]
        if first.kind == "number" and in_path:
            return 0
        if first.kind != "word" or (first.text in RESERVED and not in_path):
            return 0
        index += 1
        while True:
            token = self._tokens[index]
            if token.kind == "number" and token.text.isdigit():
                index += 1
            elif (
                token.kind != "word"
                or token.text in STOPS
                or (token.text == "instance" and self._tokens[index + 1].text == "of")
            ):
                return index - self._at
            else:
                index += 1

    def _new_name(self, *ends: str) -> str:
        """A name being introduced: everything up to one of ``ends``."""
        start = self._at
        if self._next.kind == "text":
            self._at += 1
            return unquote(self._tokens[start].text)
        while self._next.kind in ("word", "number", "sign") and self._next.text not in ends:
            if self._next.kind == "sign" and self._next.text not in _IN_NAMES:
                break
            self._at += 1
        if self._at == start or self._tokens[start].kind != "word":
            raise self._error(N_("名称"), self._tokens[start])
        return normal(token.text for token in self._tokens[start : self._at])

    def _is_key(self) -> bool:
        index = self._at
        if self._tokens[index].kind not in ("word", "text"):
            return False
        while self._tokens[index].kind != "end":
            token = self._tokens[index]
            if token.kind == "sign" and token.text not in _IN_NAMES:
                return token.text == ":" and index > self._at
            index += 1
        return False

    def _key(self) -> str:
        key = self._new_name(":")
        self._need(":")
        return key

    # Types ------------------------------------------------------------------------------------------------------

    def type(self) -> ast.TypeOf:
        with self._deeper():
            token = self._next
            if token.kind != "word":
                raise self._error(N_("类型"))
            outer, self._names = self._names, Names(_TYPES, below=self._names)
            name = self._name(in_path=True)
            self._names = outer
            while self._is_sign(".") and self._peek().kind == "word":
                self._at += 1
                name += "." + self._name(in_path=True)
            if name in ("list", "range") and self._sign("<"):
                inner = self.type()
                self._need(">")
                return ast.TypeOf(name, (inner,))
            if name == "context" and self._sign("<"):
                return self._context_type()
            if name == "function" and self._sign("<"):
                return self._function_type()
            return ast.TypeOf(name)

    def _context_type(self) -> ast.TypeOf:
        keys: list[str] = []
        parts: list[ast.TypeOf] = []
        while not self._is_sign(">"):
            keys.append(self._key())
            parts.append(self.type())
            if not self._sign(","):
                break
        self._need(">")
        return ast.TypeOf("context", tuple(parts), tuple(keys))

    def _function_type(self) -> ast.TypeOf:
        parts: list[ast.TypeOf] = []
        while not self._is_sign(">"):
            parts.append(self.type())
            if not self._sign(","):
                break
        self._need(">")
        self._need("->")
        return ast.TypeOf("function", (*parts, self.type()))
