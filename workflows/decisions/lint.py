"""What is wrong with a decision file beyond not loading: unknown names, wrong types, gaps, overlaps, idle rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator

from workflows.decisions.boxed import Compiling, Read
from workflows.decisions.coverage import Coverage, TooLarge, column, constant, constants
from workflows.decisions.document import Element, each, first_line, local, text_of
from workflows.decisions.graph import Graph, Node
from workflows.decisions.model import load_leniently
from workflows.decisions.tables import Table
from workflows.errors import Problem
from workflows.feel import Expression, FeelSyntaxError, UnaryTests, ast, suggest, temporal
from workflows.feel.analysis import parts
from workflows.feel.builtins_text import show
from workflows.feel.functions import BUILT_INS
from workflows.feel.lexer import place, quote
from workflows.feel.printer import show_type
from workflows.feel.scope import Run
from workflows.feel.types import SIMPLE, accepts, fit, resolve
from workflows.feel.values import Value, kind

_ONE_HIT = frozenset({"UNIQUE", "FIRST", "ANY", "PRIORITY"})


def lint(xml: bytes | list[bytes], *, names: Collection[str] = (), files: Collection[str] = ()) -> tuple[Problem, ...]:
    """Every defect found, sorted by place; empty for a sound file.

    ``names`` are the values and functions that the caller will supply beside the declared facts.
    """
    model, problems = load_leniently(xml, names=names, files=files)
    found = list(problems)
    if model is not None:
        for node in model.graph.nodes.values():
            found.extend(_unknown_names(model.graph, node, frozenset(names)))
            found.extend(_unreadable_literals(model.graph, node))
        for compiling in model.graph.compiled.values():
            for element, table in compiling.tables.items():
                found.extend(_TableCheck(compiling, element, table).problems())
    return tuple(sorted(set(found)))


# Names ------------------------------------------------------------------------------------------------------------


def _unknown_names(graph: Graph, node: Node, house: frozenset[str]) -> Iterator[Problem]:
    visible = set(house) | set(BUILT_INS) | ({node.name} if node.kind == "businessKnowledgeModel" else set())
    for below in node.requires:
        place_, name = node.path_to(below)
        visible.add(place_ or name)
    elsewhere = {other.name for other in graph.nodes.values()}
    for read in graph.texts.get(node.key, ()):
        unknown = sorted(read.expression.names - visible - read.bound)
        meant = (
            suggest(read.expression.text, names=house, unary=isinstance(read.expression, UnaryTests))
            if unknown
            else None
        )
        instead = f"；可改写为 {meant}" if meant else ""
        for name in unknown:
            hint = "：模型中有同名元素，但没有画出依赖" if name in elsewhere else instead
            yield _at(node, read, name, f"未知的名称“{name}”{hint}")


def _unreadable_literals(graph: Graph, node: Node) -> Iterator[Problem]:
    """``@"…"`` literals that are no date, and types after ``instance of`` that are not declared."""
    declared = graph.compiled[node.document.namespace].types.declared
    for read in graph.texts.get(node.key, ()):
        tree = read.expression.tree
        for part in parts(tree.tests if isinstance(tree, ast.Tests) else tree):
            if isinstance(part, ast.AtLiteral) and temporal.read_any(part.value) is None:
                yield located(node.document.problem, read, part.at, f"@{quote(part.value)} 不是日期、时间或时长")
            elif isinstance(part, ast.InstanceOf) and resolve(part.type, declared) is None:
                yield located(node.document.problem, read, part.at, f"未知的类型“{show_type(part.type)}”")


def _at(node: Node, read: Read, name: str, reason: str) -> Problem:
    tree = read.expression.tree
    below = parts(tree.tests if isinstance(tree, ast.Tests) else tree)
    offset = next((part.at for part in below if isinstance(part, ast.Name) and part.name == name), 0)
    return located(node.document.problem, read, offset, reason)


def located(problem: Callable[[Element, str, int], Problem], read: Read, offset: int, reason: str) -> Problem:
    """A problem at an offset of a FEEL text: the line counts from where the text begins in the file."""
    line, at_column = place(read.expression.text, offset)
    return dataclasses.replace(problem(read.element, reason, at_column), line=first_line(read.element) + line - 1)


# Tables -----------------------------------------------------------------------------------------------------------


class _TableCheck:
    def __init__(self, compiling: Compiling, element: Element, table: Table) -> None:
        self._compiling = compiling
        self._document = compiling.document
        self._table = table
        self._element = element
        self._rows = each(element, "rule")
        reads = {read.element: read for read in compiling.texts}
        width = len(table.inputs)
        self._cells = [[reads.get(cell) for cell in each(row, "inputEntry")][:width] for row in self._rows]
        self._results = [[reads.get(cell) for cell in each(row, "outputEntry")] for row in self._rows]

    def problems(self) -> Iterator[Problem]:
        """All defects of the table."""
        if any(len(cells) != len(self._table.inputs) for cells in self._cells):
            return  # reported on loading
        yield from self._wrong_tests()
        yield from self._wrong_results()
        yield from self._coverage()

    def _tests_at(self, at: int) -> list[UnaryTests | None]:
        found: list[UnaryTests | None] = []
        for row, cells in zip(self._rows, self._cells, strict=True):
            read = cells[at]
            if read is not None and isinstance(read.expression, UnaryTests):
                found.append(read.expression)
            else:
                written = text_of(each(row, "inputEntry")[at])
                found.append(None if written in ("", "-") else self._readable("false"))
        return found

    def _readable(self, text: str) -> UnaryTests | None:
        try:
            return UnaryTests(text, self._compiling.names, self._compiling.types.declared)
        except FeelSyntaxError:
            return None

    def _allowed_edges(self, at: int) -> list[Value]:
        found = self._table.inputs[at]
        written = found.allowed_text or self._compiling.types.allowed_text(found.type_name)
        tests = self._readable(written) if written else None
        return list(constants(tests.tree)) if tests is not None else []

    # Types ----------------------------------------------------------------------------------------------------

    def _wrong_tests(self) -> Iterator[Problem]:
        for cells in self._cells:
            for table_input, read in zip(self._table.inputs, cells, strict=True):
                wanted = table_input.type
                if read is None or wanted is None or not isinstance(read.expression.tree, ast.Tests):
                    continue
                for value in constants(read.expression.tree):
                    if value is None:
                        continue
                    if wanted.name in SIMPLE and kind(value) != wanted.name:
                        reason = f"“{table_input.label}”是 {wanted.name}，这里比较的 {_words(value)} 是 {kind(value)}"
                        yield located(self._document.problem, read, 0, reason)
                    elif _is_point(read.expression.tree, value) and not accepts(value, wanted):
                        reason = f"{_words(value)} 不在“{table_input.label}”的允许值之内"
                        yield located(self._document.problem, read, 0, reason)

    def _wrong_results(self) -> Iterator[Problem]:
        for results in self._results:
            for output, read in zip(self._table.outputs, results, strict=False):
                if read is None or not isinstance(read.expression, Expression):
                    continue
                fixed, value = constant(read.expression.tree)
                if not fixed or value is None:
                    continue
                fits, converted = fit(value, output.type)
                listed = self._readable(output.values_text) if output.values_text else None
                if not fits:
                    wanted = output.type.name if output.type is not None else ""
                    reason = f"输出“{output.name}”应为 {wanted} 且在允许值之内，这里是 {_words(value)}"
                    yield located(self._document.problem, read, 0, reason)
                elif listed is not None and listed.evaluate(converted) is not True:
                    reason = f"{_words(value)} 不在输出“{output.name}”的允许值之内：{output.values_text}"
                    yield located(self._document.problem, read, 0, reason)

    # Gaps and overlaps ----------------------------------------------------------------------------------------

    def _coverage(self) -> Iterator[Problem]:
        table = self._table
        columns = [
            column(table_input, self._tests_at(at), self._allowed_edges(at))
            for at, table_input in enumerate(table.inputs)
        ]
        coverage = Coverage(table, columns)
        idle: set[int] = set()
        for rule, label in coverage.never():
            idle.add(rule)
            yield self._at_rule(rule, f"第 {rule + 1} 条规则永远不会匹配：“{label}”没有任何允许值满足它")
        try:
            if table.hit_policy == "FIRST":
                for rule in coverage.hidden():
                    if rule not in idle:
                        yield self._at_rule(rule, f"第 {rule + 1} 条规则永远轮不到：前面的规则已全部覆盖")
            has_default = any(output.default is not None for output in table.outputs)
            if table.hit_policy in _ONE_HIT and not has_default:
                for words in coverage.gaps():
                    yield self._document.problem(self._element, f"没有规则覆盖：{words}")
        except TooLarge:
            yield self._document.problem(self._element, "表的组合太多，无法逐一检查；请拆成几张表")
        if table.hit_policy in ("UNIQUE", "ANY"):
            for first, second, words in coverage.overlaps():
                if table.hit_policy == "UNIQUE" or self._outputs_text(first) != self._outputs_text(second):
                    reason = f"第 {first + 1} 条与第 {second + 1} 条规则重叠：{words}"
                    yield self._at_rule(second, reason)

    def _outputs_text(self, rule: int) -> list[str]:
        return [text_of(entry) for entry in self._rows[rule] if local(entry) == "outputEntry"]

    def _at_rule(self, rule: int, reason: str) -> Problem:
        return self._document.problem(self._rows[rule], reason)


def _is_point(tests: ast.Tests, value: Value) -> bool:
    """Whether the value is itself tested for, not the end of a range or a bound."""
    return any(not test.sign and constant(test.value) == (True, value) for test in tests.tests)


def _words(value: Value) -> str:
    return show(value, Run(), inside=True)
