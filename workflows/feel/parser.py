"""FEEL tokens to a tree: precedence climbing, deterministic, no backtracking (DMN 1.5, 10.3.1.2).

Weakest first: or; and; comparison, between, in; + -; * /; **; unary minus; instance of; path, filter, call.
"""

from __future__ import annotations

from collections.abc import Collection

from workflows.feel import ast
from workflows.feel.cursor import Cursor
from workflows.feel.errors import N_, FeelSyntaxError
from workflows.feel.lexer import Token, unquote
from workflows.feel.names import STOPS, Names
from workflows.feel.values import NUMBERS

_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_INFIX = {
    **{"or": 1, "and": 2, "between": 3, "in": 3, "instance": 8},
    **dict.fromkeys(_COMPARISONS, 3),
    **{"+": 4, "-": 4, "*": 5, "/": 5, "**": 6},
}
_OPERAND = 4


def parse(text: str, names: Names) -> ast.Node:
    """The tree of an expression. Raises FeelSyntaxError."""
    parser = _Parser(text, names)
    node = parser.expression()
    parser.expect_end()
    return node


def parse_tests(text: str, names: Names) -> ast.Tests:
    """The tree of the unary tests of a cell. Raises FeelSyntaxError."""
    parser = _Parser(text, names)
    tests = parser.tests()
    parser.expect_end()
    return tests


def parse_type(text: str, known: Collection[str] = ()) -> ast.TypeOf:
    """A type as written after ``instance of`` or in a ``typeRef``; ``known`` are names of declared types."""
    parser = _Parser(text, Names(known))
    found = parser.type()
    parser.expect_end()
    return found


class _Parser(Cursor):
    # Expressions ------------------------------------------------------------------------------------------------

    def expression(self, power: int = 0) -> ast.Node:
        with self._deeper():
            node = self._unary()
            while True:
                token = self._next
                strength = _INFIX.get(token.text, 0) if token.kind in ("sign", "word") else 0
                if strength <= power or (token.text == "instance" and self._peek().text != "of"):
                    return node
                self._at += 1
                node = self._infix(node, token, strength)

    def _infix(self, left: ast.Node, token: Token, strength: int) -> ast.Node:
        sign, at = token.text, token.start
        if sign in ("and", "or"):
            items = [left, self.expression(strength)]
            while self._word(sign):
                items.append(self.expression(strength))
            return ast.Logic(sign, tuple(items), at=at)
        if sign == "between":
            low = self.expression(_OPERAND - 1)
            self._need("and")
            return ast.Between(left, low, self.expression(_OPERAND - 1), at=at)
        if sign == "in":
            return ast.In(left, self._in_tests(), at=at)
        if sign == "instance":
            self._need("of")
            return ast.InstanceOf(left, self.type(), at=at)
        if sign == "=" and self._is_sign("="):
            raise self._error(N_("一个“=”"))
        right = self.expression(strength)
        return (ast.Compare if sign in _COMPARISONS else ast.Arithmetic)(sign, left, right, at=at)

    def _unary(self) -> ast.Node:
        token = self._next
        if self._sign("-"):
            with self._deeper():
                return ast.Negate(self._unary(), at=token.start)
        return self._postfix()

    def _postfix(self) -> ast.Node:
        node = self._primary()
        while True:
            token = self._next
            if self._is_sign(".") and self._peek().kind in ("word", "number"):
                self._at += 1
                node = ast.Path(node, self._name(in_path=True), at=token.start)
            elif self._is_sign("[") and not (self._in_range_end and not self._starts_operand(self._peek())):
                self._at += 1
                node = ast.Filter(node, self._inside("]"), at=token.start)
            elif self._is_sign("("):
                self._at += 1
                node = self._call(node, token.start)
            else:
                return node

    def _inside(self, closing: str) -> ast.Node:
        outer, self._in_range_end = self._in_range_end, False
        node = self.expression()
        self._need(closing)
        self._in_range_end = outer
        return node

    @staticmethod
    def _starts_operand(token: Token) -> bool:
        if token.kind == "sign":
            return token.text in ("(", "[", "{", "-", "@")
        return token.kind != "end" and token.text not in STOPS

    def _call(self, function: ast.Node, at: int) -> ast.Node:
        outer, self._in_range_end = self._in_range_end, False
        names: list[str] = []
        arguments: list[ast.Node] = []
        if not self._is_sign(")"):
            named = self._is_key()
            while True:
                if named:
                    names.append(self._key())
                arguments.append(self.expression())
                if not self._sign(","):
                    break
        self._need(")")
        self._in_range_end = outer
        return ast.Call(function, tuple(arguments), tuple(names), at=at)

    # Operands ---------------------------------------------------------------------------------------------------

    def _primary(self) -> ast.Node:
        token = self._next
        if token.kind == "number":
            self._at += 1
            number = NUMBERS.create_decimal(token.text)
            if not number.is_finite():
                raise self._error(N_("不超过 6144 位的数"), token)
            return ast.Number(number, at=token.start)
        if token.kind == "text":
            self._at += 1
            return ast.Text(unquote(token.text), at=token.start)
        if token.kind == "sign":
            return self._bracketed(token)
        if token.kind == "word":
            known, _ = self._names.longest(self._tokens, self._at)
            clause = _CLAUSES.get(token.text)
            if clause is not None and known < 2:
                return clause(self, token)
            return ast.Name(self._name(), at=token.start)
        raise self._error(N_("值"))

    def _bracketed(self, token: Token) -> ast.Node:
        outer, self._in_range_end = self._in_range_end, False
        try:
            if self._sign("@"):
                literal = self._next
                if literal.kind != "text":
                    raise self._error(N_("文字"))
                self._at += 1
                return ast.AtLiteral(unquote(literal.text), at=token.start)
            if self._sign("{"):
                return self._context(token.start)
            if self._sign("("):
                return self._parenthesised(token.start)
            if self._sign("["):
                return self._list(token.start)
            if self._sign("]"):
                return self._range(self.expression(_OPERAND - 1), False, token.start)
        finally:
            self._in_range_end = outer
        raise self._error(N_('以 "…" 括起的文字') if token.text == "'" else N_("值"))

    def _parenthesised(self, at: int) -> ast.Node:
        if self._next.kind == "sign" and self._next.text in _COMPARISONS:
            sign = self._next.text
            self._at += 1
            end = self.expression(_OPERAND - 1)
            self._need(")")
            return ast.OneSided(sign, end, at=at)
        node = self.expression()
        if self._is_sign(".."):
            return self._range(node, False, at)
        self._need(")")
        return node

    def _list(self, at: int) -> ast.Node:
        items: list[ast.Node] = []
        while not self._is_sign("]"):
            items.append(self.expression())
            if len(items) == 1 and self._is_sign(".."):
                return self._range(items[0], True, at)
            if not self._sign(","):
                break
        self._need("]")
        return ast.ListOf(tuple(items), at=at)

    def _range(self, low: ast.Node, low_closed: bool, at: int) -> ast.Node:
        self._need("..")
        self._in_range_end = True
        high = self.expression(_OPERAND - 1)
        self._in_range_end = False
        closed = self._sign("]")
        if not closed and not self._sign(")") and not self._sign("["):
            raise self._error("“]” “)” “[”")
        return ast.RangeOf(low, high, low_closed, closed, at=at)

    def _context(self, at: int) -> ast.Node:
        entries: list[tuple[str, ast.Node]] = []
        with self._bound():
            while not self._is_sign("}"):
                key = self._key()
                entries.append((key, self.expression()))
                self._names.add(key)
                if not self._sign(","):
                    break
        self._need("}")
        return ast.ContextOf(tuple(entries), at=at)

    # Clauses ----------------------------------------------------------------------------------------------------

    def _literal(self, token: Token) -> ast.Node:
        self._at += 1
        if token.text == "null":
            return ast.Null(at=token.start)
        return ast.Boolean(token.text == "true", at=token.start)

    def _if(self, token: Token) -> ast.Node:
        self._at += 1
        condition = self.expression()
        self._need("then")
        then = self.expression()
        self._need("else")
        return ast.If(condition, then, self.expression(), at=token.start)

    def _for(self, token: Token) -> ast.Node:
        self._at += 1
        with self._bound("partial"):
            iterators = self._iterators()
            self._need("return")
            return ast.For(iterators, self.expression(), at=token.start)

    def _quantified(self, token: Token) -> ast.Node:
        self._at += 1
        with self._bound():
            iterators = self._iterators()
            self._need("satisfies")
            return ast.Quantified(token.text, iterators, self.expression(), at=token.start)

    def _iterators(self) -> tuple[ast.Iterator, ...]:
        found: list[ast.Iterator] = []
        while True:
            name = self._new_name("in")
            self._need("in")
            domain = self.expression()
            upto = self.expression() if self._sign("..") else None
            found.append(ast.Iterator(name, domain, upto))
            self._names.add(name)
            if not self._sign(","):
                return tuple(found)

    def _function(self, token: Token) -> ast.Node:
        self._at += 1
        self._need("(")
        parameters: list[tuple[str, ast.TypeOf | None]] = []
        while not self._is_sign(")"):
            name = self._new_name(":", ",", ")")
            parameters.append((name, self.type() if self._sign(":") else None))
            if not self._sign(","):
                break
        self._need(")")
        external = self._word("external")
        with self._bound(*(name for name, _ in parameters)):
            return ast.FunctionOf(tuple(parameters), self.expression(), external, at=token.start)

    # Unary tests ------------------------------------------------------------------------------------------------

    def tests(self) -> ast.Tests:
        token = self._next
        if self._is_sign("-") and self._peek().kind == "end":
            self._at += 1
            return ast.Tests((), at=token.start)
        if token.text == "not" and self._peek().text == "(":
            found = self._negated_tests()
            if found is not None:
                return ast.Tests(found, negated=True, at=token.start)
        return ast.Tests(self._test_list(), at=token.start)

    def _negated_tests(self) -> tuple[ast.Test, ...] | None:
        """What stands in ``not(…)``; None, with nothing read, where more follows: then ``not`` is a function."""
        start, names = self._at, self._names
        self._at += 2
        try:
            found = self._test_list()
            self._need(")")
            if self._next.kind == "end":
                return found
        except FeelSyntaxError:
            pass  # read once more as an expression, which tells the error
        self._at, self._names, self._in_range_end = start, names, False
        return None

    def _test_list(self) -> tuple[ast.Test, ...]:
        found = [self._test(0)]
        while self._sign(","):
            found.append(self._test(0))
        return tuple(found)

    def _test(self, power: int) -> ast.Test:
        token = self._next
        if token.kind == "sign" and token.text in _COMPARISONS:
            self._at += 1
            return ast.Test(token.text, self.expression(_OPERAND - 1), at=token.start)
        return ast.Test("", self.expression(power), at=token.start)

    def _in_tests(self) -> tuple[ast.Test, ...]:
        token = self._next
        if not self._sign("("):
            return (self._test(_OPERAND - 1),)
        outer, self._in_range_end = self._in_range_end, False
        first = self._test(0)
        if not first.sign and self._is_sign(".."):
            self._in_range_end = outer
            return (ast.Test("", self._range(first.value, False, token.start), at=token.start),)
        found = [first]
        while self._sign(","):
            found.append(self._test(0))
        self._need(")")
        self._in_range_end = outer
        return tuple(found)


_CLAUSES = {
    "true": _Parser._literal,
    "false": _Parser._literal,
    "null": _Parser._literal,
    "if": _Parser._if,
    "for": _Parser._for,
    "some": _Parser._quantified,
    "every": _Parser._quantified,
    "function": _Parser._function,
}
