"""FEEL, the expression language of DMN 1.5 (chapter 10): read once, evaluated many times, runs no code.

Numbers are ``decimal.Decimal`` of 34 digits, contexts dicts, dates and times those of Python. A failing evaluation
gives None and a reason; only ``FeelSyntaxError`` is raised, when a text is not FEEL. Work, depth and size are bounded
(scope.py, parser.py), patterns run in bounded time (pattern.py), and there is no clock but the caller's ``now``.

Reading order: lexer, names, ast, parser; values, temporal, compare, arithmetic; scope, functions, builtins_*, calls,
compiler; expression; foreign (texts of other languages, and the FEEL to write instead).
"""

from workflows.feel.errors import FeelSyntaxError
from workflows.feel.expression import Expression, UnaryTests, compile, compile_unary, evaluate, unary_test
from workflows.feel.foreign import refuse_foreign, refuse_juel, suggest
from workflows.feel.values import Function, Range, YearsMonths

__all__ = [
    "Expression",
    "FeelSyntaxError",
    "Function",
    "Range",
    "UnaryTests",
    "YearsMonths",
    "compile",
    "compile_unary",
    "evaluate",
    "refuse_foreign",
    "refuse_juel",
    "suggest",
    "unary_test",
]
