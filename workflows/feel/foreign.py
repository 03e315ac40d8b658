"""Conditions as Python, JUEL and JavaScript write them, translated to FEEL where that is mechanical.

Only what certainly means the same is translated: comparisons, logic, arithmetic, choice, reading entries, and a few calls.
A value that is null is left to three-valued logic: ``!c`` becomes ``not(c)``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from workflows.feel import ast
from workflows.feel.analysis import free_names, parts
from workflows.feel.errors import N_, FeelSyntaxError
from workflows.feel.functions import BUILT_INS
from workflows.feel.lexer import quote
from workflows.feel.names import RESERVED, Names, words
from workflows.feel.parser import parse, parse_tests
from workflows.feel.printer import show
from workflows.feel.values import NUMBERS

#: Longest text that is translated, in characters, and its deepest nesting.
MAX_TEXT, MAX_DEPTH = 2_000, 30

_WRAPPED = re.compile(r"\s*[$#]\{(.*)\}\s*", re.DOTALL)
_INSERTED = re.compile(r"[$#]\{[^}]*\}")
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|“[^”\n]*”|‘[^’\n]*’)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign>===|!==|==|!=|<=|>=|&&|\|\||\*\*|[-+*/%<>=!?:.,()\[\]])"
)
_PYTHON_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\"}

_EQUAL = {"==": "=", "===": "=", "=": "=", "eq": "=", "!=": "!=", "!==": "!=", "ne": "!="}
_ORDER = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_COMPARISONS = {**_EQUAL, **_ORDER}
_LOGIC = {"&&": "and", "and": "and", "||": "or", "or": "or"}
_CONSTANTS: dict[str, ast.Node] = {
    **dict.fromkeys(("true", "True"), ast.Boolean(True)),
    **dict.fromkeys(("false", "False"), ast.Boolean(False)),
    **dict.fromkeys(("null", "None"), ast.Null()),
}
#: Words that are no part of a name in these languages; in FEEL some of them would silently be.
_OPERATORS = frozenset({*_EQUAL, *_ORDER, *_LOGIC, "not", "is", "in", "if", "else", "div", "mod", "empty", "lambda"})
_ACCIDENTS = frozenset(
    {"not", "is", "eq", "ne", "lt", "le", "gt", "ge", "div", "mod", "empty", "else", "True", "False", "None"}
)
_METHODS = {"startsWith": "starts with", "startswith": "starts with", "endsWith": "ends with", "endswith": "ends with"}
#: Built-in functions whose names other languages give to something else.
_OTHERS = frozenset({"range", "all", "any", "sum", "round", "replace", "split", "sort"})
#: Python's functions, and what to write in FEEL; which one depends on the value.
_FUNCTIONS = {
    "len": N_("count(…)（列表）或 string length(…)（文字）"),
    "str": "string(…)",
    "int": "floor(…)",
    "float": "number(…)",
}
_CLAUSES = frozenset({"then", "return", "satisfies"})
_STANDARD = Names(BUILT_INS)


def suggest(text: str, *, names: Collection[str] = (), unary: bool = False) -> str | None:
    """The FEEL that means the same as a text of another language; None where the text is FEEL, or nobody can tell.

    ``text`` may stand in ``${…}`` or ``#{…}`` (JUEL); ``names`` are announced names and functions; ``unary`` is for the
    cells of a table. The answer reads as FEEL, without a leading ``=``.
    """
    if len(text) > MAX_TEXT:
        return None
    known = Names(names, below=_STANDARD) if names else _STANDARD
    wrapped = _WRAPPED.fullmatch(text)
    try:
        if wrapped is None and not _is_foreign(text, known, frozenset(names), unary):
            return None
        found = _tokens(text if wrapped is None else wrapped[1])
        if wrapped is None and any(token.kind == "word" and token.text in _CLAUSES for token in found):
            return _respelled(found, known, frozenset(names), unary)
        reader = _Reader(found, juel=wrapped is not None, functions=frozenset(names))
        tree = reader.tests() if unary else reader.whole()
        if _mixed(tree):
            return None
        written = show(tree)
        return written if _read(written, known, unary) == tree else None
    except (_Untranslatable, FeelSyntaxError, RecursionError):  # a sum of a thousand terms is a deep tree
        return None


def _read(text: str, known: Names, unary: bool) -> ast.Node:
    return parse_tests(text, known) if unary else parse(text, known)


def refuse_juel(text: str) -> None:
    """Raise FeelSyntaxError where ``${…}`` or ``#{…}`` stands in a text, which would pass as plain text."""
    if _INSERTED.search(text):
        instead = suggest(text)
        raise FeelSyntaxError(N_("不执行 ${…} 和 #{…}；请以 = 开头写 FEEL"), instead=instead and f"={instead}")


def refuse_foreign(text: str, *, names: Collection[str] = ()) -> None:
    """Raise FeelSyntaxError where a text that reads as FEEL does so by accident, such as the name ``x is None``."""
    instead = suggest(text, names=names)
    if instead is not None:
        raise FeelSyntaxError(N_("这是别的语言的写法，不是 FEEL"), instead=instead)
    for name in sorted(_called(text, names) & _FUNCTIONS.keys()):
        raise FeelSyntaxError(N_("FEEL 没有函数 %(name)s"), name=name, expected=_FUNCTIONS[name])


def _called(text: str, names: Collection[str]) -> frozenset[str]:
    """Names of functions that a FEEL text calls and nobody announced; none in a text that is no FEEL."""
    try:
        tree = parse(text, _STANDARD)
        free, _ = free_names(tree)
    except (FeelSyntaxError, RecursionError):
        return frozenset()
    called = {
        part.function.name for part in parts(tree) if isinstance(part, ast.Call) and isinstance(part.function, ast.Name)
    }
    return frozenset(called & free) - frozenset(names)


def _is_foreign(text: str, known: Names, names: frozenset[str], unary: bool) -> bool:
    """Whether the text is no FEEL, or FEEL only by accident, such as the name ``not x``."""
    try:
        tree = _read(text, known, unary)
    except FeelSyntaxError:
        return True
    return _by_accident(tree, names)


def _by_accident(tree: ast.Node, names: frozenset[str]) -> bool:
    free, _ = free_names(tree)
    if any(_ACCIDENTS & set(words(name)) for name in free - names):
        return True
    return any(_never_meant(part) for part in parts(tree))


def _never_meant(part: object) -> bool:
    """Forms that FEEL reads and that can never give anything: a text in brackets, a method, a chain of comparisons."""
    match part:
        case ast.Filter(condition=ast.Text()):
            return True
        case ast.Call(function=ast.Path(source=ast.Name())):
            return True
        case ast.Compare(sign=sign, left=ast.Compare(sign=inner)):
            return sign in _ORDER and inner in _ORDER
    return False


def _respelled(found: list[_Token], known: Names, names: frozenset[str], unary: bool) -> str | None:
    """FEEL clauses with signs and quotation marks of other languages: only those are changed."""
    written = ""
    for token in found[:-1]:
        if token.kind == "text":
            written += quote(_unquoted(token.text))
        else:
            written += (
                _EQUAL.get(token.text, _LOGIC.get(token.text, token.text)) if token.kind == "sign" else token.text
            )
    tree = _read(written, known, unary)
    return None if _by_accident(tree, names) else show(tree)


def _mixed(tree: ast.Node) -> bool:
    """Whether something is asked for its truth and elsewhere compared with or counted as something else.

    Then it is no boolean, and "true" meant "not empty" or "not zero", which FEEL's ``and`` does not ask.
    """
    asked: set[ast.Node] = set()
    counted: set[ast.Node] = set()
    for part in parts(tree):
        match part:
            case ast.Logic(items=items):
                asked.update(items)
            case ast.Call(function=ast.Name(name="not"), arguments=items):
                asked.update(items)
            case ast.If(condition=condition):
                asked.add(condition)
            case ast.Arithmetic(left=left, right=right):
                counted |= {left, right}
            case ast.Compare(left=left, right=right):
                for one, other in ((left, right), (right, left)):
                    if isinstance(other, (ast.Number, ast.Text, ast.Arithmetic, ast.Negate)):
                        counted.add(one)
    never = (ast.Number, ast.Text, ast.Null, ast.ListOf, ast.Arithmetic, ast.Negate)
    return bool(asked & counted) or any(isinstance(one, never) for one in asked)


# Reading ----------------------------------------------------------------------------------------------------------


class _Untranslatable(Exception):
    """The text is of no language known here, or its meaning depends on what nobody can see."""


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _Untranslatable
        found.append(_Token(match.lastgroup or "", match.group()))
        at = match.end()
    return [*found, _Token("end", "")]


def _unquoted(text: str) -> str:
    if text[0] in "“‘":
        return text[1:-1]

    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        if match[2] not in _ESCAPES:
            raise _Untranslatable
        return _ESCAPES[match[2]]

    return _PYTHON_ESCAPE.sub(plain, text[1:-1])


class _Reader:
    """Weakest first: choice; or; and; not; comparisons; + -; * /; unary; **; entries and calls."""

    def __init__(self, found: list[_Token], *, juel: bool, functions: frozenset[str]) -> None:
        self._tokens = [token for token in found if token.kind != "space"]
        self._at = 0
        self._depth = 0
        self._juel = juel
        self._functions = functions

    def whole(self) -> ast.Node:
        node = self._choice()
        self._end()
        return node

    def tests(self) -> ast.Tests:
        negated = self._is_prefix_not() and self._tokens[self._at + 1].text == "("
        self._at += 2 * negated
        found = [self._test()]
        while self._take(","):
            found.append(self._test())
        if negated:
            self._need(")")
        self._end()
        return ast.Tests(tuple(found), negated)

    def _test(self) -> ast.Test:
        sign = _COMPARISONS.get(self._next.text, "") if self._next.kind == "sign" else ""
        if sign:
            self._at += 1
            return ast.Test(sign, self._sum())
        return ast.Test("", self._choice())

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str:
        token = self._next
        if token.kind in ("sign", "word") and token.text in texts:
            self._at += 1
            return token.text
        return ""

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise _Untranslatable

    def _end(self) -> None:
        if self._next.kind != "end":
            raise _Untranslatable

    # Operators --------------------------------------------------------------------------------------------------

    def _choice(self) -> ast.Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Untranslatable
        node = self._logic("or")
        if self._take("?"):
            then = self._choice()
            self._need(":")
            node = ast.If(node, then, self._choice())
        elif not self._juel and self._take("if"):
            condition = self._logic("or")
            self._need("else")
            node = ast.If(condition, node, self._choice())
        self._depth -= 1
        return node

    def _logic(self, word: str) -> ast.Node:
        items = [self._logic("and") if word == "or" else self._negation()]
        while self._take(*(sign for sign, meant in _LOGIC.items() if meant == word)):
            items.append(self._logic("and") if word == "or" else self._negation())
        return ast.Logic(word, tuple(items)) if len(items) > 1 else items[0]

    def _negation(self) -> ast.Node:
        if not self._juel and self._is_prefix_not():
            self._at += 1
            return _not(self._negation())
        return self._comparison()

    def _is_prefix_not(self) -> bool:
        return self._next == _Token("word", "not")

    def _comparison(self) -> ast.Node:
        left = self._sum()
        compared: list[ast.Node] = []
        signs: list[str] = []
        while True:
            if self._juel and self._next.text == "=":
                raise _Untranslatable  # an assignment
            written = self._take(*_COMPARISONS)
            if not written:
                break
            signs.append(_COMPARISONS[written])
            right = self._sum()
            compared.append(ast.Compare(signs[-1], left, right))
            left = right
        if len(signs) > 1 and (self._juel or not set(signs) <= set(_ORDER)):
            raise _Untranslatable  # Python compares in a chain, others compare the answer
        node = ast.Logic("and", tuple(compared)) if len(compared) > 1 else (compared or [left])[0]
        return node if self._juel or signs else self._membership(node)

    def _membership(self, left: ast.Node) -> ast.Node:
        if self._take("is"):
            sign = "!=" if self._take("not") else "="
            constant = _CONSTANTS.get(self._next.text)
            if constant is None:
                raise _Untranslatable
            self._at += 1
            return ast.Compare(sign, left, constant)
        opposite = bool(self._take("not"))
        if self._take("in"):
            items = self._sum()
            if not isinstance(items, ast.ListOf):
                raise _Untranslatable  # a text would be searched, a mapping asked for a key
            found = ast.Call(ast.Name("list contains"), (items, left))
            return _not(found) if opposite else found
        if opposite:
            raise _Untranslatable
        return left

    def _sum(self) -> ast.Node:
        node = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            if sign == "+" and self._juel and (isinstance(node, ast.Text) or isinstance(right, ast.Text)):
                raise _Untranslatable  # JUEL adds the numbers that the texts spell
            node = ast.Arithmetic(sign, node, right)
        return node

    def _product(self) -> ast.Node:
        node = self._unary()
        while sign := self._take("*", "/", "div"):
            node = ast.Arithmetic("*" if sign == "*" else "/", node, self._unary())
        return node

    def _unary(self) -> ast.Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Untranslatable
        if self._take("!") or (self._juel and self._take("not")):
            node = _not(self._unary())
        elif self._take("-"):
            node = ast.Negate(self._unary())
        else:
            node = self._postfix()
            if not self._juel and self._take("**"):
                node = ast.Arithmetic("**", node, self._unary())
        self._depth -= 1
        return node

    # Operands ---------------------------------------------------------------------------------------------------

    def _postfix(self) -> ast.Node:
        node = self._primary()
        while True:
            if self._take("."):
                name = self._name()
                node = self._method(node, name) if self._take("(") else ast.Path(node, name)
            elif self._take("["):
                node = self._entry(node, self._choice())
                self._need("]")
            elif self._take("("):
                node = self._call(node)
            else:
                return node

    def _primary(self) -> ast.Node:
        token = self._next
        if token.kind == "number":
            self._at += 1
            if len(token.text) > 1 and token.text[0] == "0" and token.text[1].isdigit():
                raise _Untranslatable  # perhaps an octal number
            number = NUMBERS.create_decimal(token.text)
            if not number.is_finite():
                raise _Untranslatable
            return ast.Number(number)
        if token.kind == "text":
            self._at += 1
            return ast.Text(_unquoted(token.text))
        if token.kind == "word":
            if token.text in _CONSTANTS:
                self._at += 1
                return _CONSTANTS[token.text]
            return ast.Name(self._name())
        if self._take("("):
            node = self._choice()
            if not self._juel and self._next.text == ",":
                return ast.ListOf((node, *self._listed(")")))
            self._need(")")
            return node
        if not self._juel and self._take("["):
            if self._take("]"):
                return ast.ListOf(())
            node = self._choice()
            return ast.ListOf((node, *self._listed("]")))
        raise _Untranslatable

    def _listed(self, closing: str) -> list[ast.Node]:
        found: list[ast.Node] = []
        while self._take(","):
            if self._next.text == closing:
                break
            found.append(self._choice())
        self._need(closing)
        return found

    def _name(self) -> str:
        """One word; outside ``${…}`` several, for there the rest is FEEL."""
        said: list[str] = []
        while self._next.kind == "word" and self._next.text not in _OPERATORS and self._next.text not in _CONSTANTS:
            said.append(self._next.text)
            self._at += 1
            if self._juel:
                break
        if not said or set(said) & RESERVED:
            raise _Untranslatable
        return " ".join(said)

    def _arguments(self) -> tuple[ast.Node, ...]:
        if self._take(")"):
            return ()
        first = self._choice()
        return (first, *self._listed(")"))

    def _method(self, source: ast.Node, name: str) -> ast.Node:
        arguments = self._arguments()
        if len(arguments) != 1:
            raise _Untranslatable
        argument = arguments[0]
        if name == "getVariable" and source == ast.Name("execution") and isinstance(argument, ast.Text):
            if _plain(argument.value):
                return ast.Name(argument.value)
        elif name == "get" and isinstance(argument, ast.Text):
            return self._entry(source, argument)
        elif name == "equals":
            return ast.Compare("=", source, argument)
        elif name in _METHODS:
            return ast.Call(ast.Name(_METHODS[name]), (source, argument))
        raise _Untranslatable

    def _entry(self, source: ast.Node, key: ast.Node) -> ast.Node:
        if isinstance(key, ast.Text):
            if _plain(key.value):
                return ast.Path(source, key.value)
            return ast.Call(ast.Name("get value"), (source, key))
        if self._juel and isinstance(key, ast.Number) and key.value == key.value.to_integral_value() and key.value >= 0:
            return ast.Filter(source, ast.Number(key.value + Decimal(1)))  # FEEL counts from 1
        raise _Untranslatable

    def _call(self, function: ast.Node) -> ast.Node:
        if self._juel or not isinstance(function, ast.Name):
            raise _Untranslatable
        if function.name not in self._functions and function.name not in BUILT_INS.keys() - _OTHERS:
            raise _Untranslatable
        return ast.Call(function, self._arguments())


def _not(node: ast.Node) -> ast.Node:
    return ast.Call(ast.Name("not"), (node,))


def _plain(name: str) -> bool:
    return re.fullmatch(r"[^\W\d]\w*", name) is not None and name not in RESERVED and name not in _CONSTANTS
