"""Boxed expressions of a DMN file, compiled to closures (DMN 1.5, chapters 7, 8 and 10.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from workflows.decisions.document import Document, Element, child, each, first_line, local, text_of
from workflows.decisions.itemtypes import ItemTypes, Report
from workflows.decisions.tables import AGGREGATIONS, HIT_POLICIES, Input, Output, Rule, Table
from workflows.feel import Expression, FeelSyntaxError, UnaryTests
from workflows.feel.access import domain, filtered
from workflows.feel.calls import invoke, make_function
from workflows.feel.compile_tests import TestCode
from workflows.feel.compiler import Code
from workflows.feel.scope import Scope
from workflows.feel.types import Type, fit
from workflows.feel.values import Value

_FEEL = ("", "feel", "FEEL")


@dataclass
class Read:
    """One FEEL text of a document, kept for lint: where it stands and what was compiled from it."""

    element: Element
    expression: Expression | UnaryTests
    #: Names bound around it (context entries, parameters, iterators).
    bound: frozenset[str]


@dataclass
class Compiling:
    """What the compilation of one document carries along; ``report`` receives every defect."""

    document: Document
    types: ItemTypes
    names: frozenset[str]
    report: Report
    #: All texts read so far.
    texts: list[Read] = field(default_factory=list)
    #: The table built from each ``<decisionTable>`` element.
    tables: dict[Element, Table] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()

    def inside(self, *names: str) -> Compiling:
        """The same with more names bound."""
        return Compiling(
            self.document, self.types, self.names, self.report, self.texts, self.tables, self.bound | set(names)
        )

    # FEEL texts -----------------------------------------------------------------------------------------------

    def feel(self, element: Element, text: str) -> Code:
        """The closure of a text; one that is not FEEL is reported and always null."""
        try:
            found = Expression(text, self.names, self.types.declared)
        except FeelSyntaxError as error:
            return self._refused(element, error)
        self.texts.append(Read(element, found, self.bound))
        return found.run

    def tests(self, element: Element, text: str) -> TestCode | None:
        """The closure of a cell's tests; None for one that admits everything."""
        if text in ("", "-"):
            return None
        try:
            found = UnaryTests(text, self.names, self.types.declared)
        except FeelSyntaxError as error:
            failing = self._refused(element, error)
            return lambda scope, value: failing(scope)
        self.texts.append(Read(element, found, self.bound))
        return found.test

    def _refused(self, element: Element, error: FeelSyntaxError) -> Code:
        found = self.document.problem(element, str(error), error.column)
        self.report(dataclasses.replace(found, line=first_line(element) + error.line - 1))
        return lambda scope: scope.run.fail(f"not FEEL: {error}")

    def type_of(self, element: Element | None) -> Type | None:
        """The type that an element's ``typeRef`` names."""
        if element is None:
            return None
        below = child(element, "typeRef")
        return self.types.named(element.get("typeRef") or (below.text if below is not None else None), element)

    # Expressions ----------------------------------------------------------------------------------------------

    def expression(self, element: Element | None) -> Code:
        """The closure of the boxed expression ``element``."""
        if element is None:
            return lambda scope: scope.run.fail("there is no expression")
        build = _BUILDERS.get(local(element))
        if build is None:
            self.report(self.document.problem(element, f"<{local(element)}> 不是可用的表达式"))
            return lambda scope: scope.run.fail("there is no expression")
        code = build(self, element)
        if local(element) in ("decisionTable", "functionDefinition"):
            return code
        return checked(code, self.type_of(element), "the expression")

    def only(self, element: Element, *names: str) -> Code:
        """The expression inside ``element``, or inside its child of one of these names."""
        holder = child(element, *names) if names else element
        return self.expression(None if holder is None else find_expression(holder))


def find_expression(element: Element) -> Element | None:
    """The boxed expression directly inside an element."""
    for below in element:
        if local(below) in _BUILDERS:
            return below
    return None


def checked(code: Code, wanted: Type | None, label: str) -> Code:
    """A closure whose value is null, with a reason, where it is not of the type."""
    if wanted is None or (wanted.name == "Any" and wanted.allows is None):
        return code

    def run(scope: Scope) -> Value:
        fits, value = fit(code(scope), wanted, scope.run.spend)
        return value if fits else scope.run.fail(f"{label} is not of the type declared")

    return run


def _literal(c: Compiling, element: Element) -> Code:
    language = element.get("expressionLanguage") or ""
    if language not in _FEEL and "FEEL" not in language:
        c.report(c.document.problem(element, f"不执行表达式语言 {language}；请改用 FEEL"))
        return lambda scope: scope.run.fail("only FEEL is evaluated")
    text = text_of(child(element, "text"))
    if not text:
        return lambda scope: None
    return c.feel(element, text)


def _context(c: Compiling, element: Element) -> Code:
    entries: list[tuple[str, Code]] = []
    result: Code | None = None
    for entry in each(element, "contextEntry"):
        variable = child(entry, "variable")
        code = c.only(entry)
        if variable is None:
            result = code
            continue
        name = variable.get("name") or ""
        entries.append((name, checked(code, c.type_of(variable), f"“{name}”")))
        c = c.inside(name)

    def build(scope: Scope) -> Value:
        built: dict[str, Value] = {}
        inner = scope.inner(built)
        for name, code in entries:
            built[name] = code(inner)
        return built if result is None else result(inner)

    return build


def _list(c: Compiling, element: Element) -> Code:
    items = [c.expression(below) for below in element if local(below) in _BUILDERS]
    return lambda scope: [item(scope) for item in items]


def _relation(c: Compiling, element: Element) -> Code:
    columns = each(element, "column")
    names = [column.get("name") or "" for column in columns]
    types = [c.type_of(column) for column in columns]
    rows: list[list[Code]] = []
    for row in each(element, "row"):
        cells = [c.expression(below) for below in row if local(below) in _BUILDERS]
        if len(cells) != len(names):
            c.report(c.document.problem(row, f"该行有 {len(cells)} 格，而表有 {len(names)} 列"))
        rows.append([checked(cell, wanted, "a cell") for cell, wanted in zip(cells, types, strict=False)])
    return lambda scope: [dict(zip(names, [cell(scope) for cell in cells], strict=False)) for cells in rows]


def _invocation(c: Compiling, element: Element) -> Code:
    function = c.only(element)
    names: list[str] = []
    arguments: list[Code] = []
    for binding in each(element, "binding"):
        parameter = child(binding, "parameter")
        name = (parameter.get("name") if parameter is not None else None) or ""
        names.append(name)
        expression = find_expression(binding)
        code = c.expression(expression) if expression is not None else lambda scope: None
        arguments.append(checked(code, c.type_of(parameter), f"“{name}”"))
    label = text_of(find_expression(element))

    def run(scope: Scope) -> Value:
        return invoke(function(scope), label, scope.run, [argument(scope) for argument in arguments], names)

    return run


def function_of(c: Compiling, element: Element, name: str = "", result: Type | None = None) -> Code:
    """A ``functionDefinition`` or ``encapsulatedLogic`` as the closure that makes the function."""
    parameters = each(element, "formalParameter")
    names = tuple(parameter.get("name") or "" for parameter in parameters)
    types = tuple(c.type_of(parameter) for parameter in parameters)
    if element.get("kind", "FEEL") != "FEEL":

        def refuse(scope: Scope) -> Value:
            return scope.run.fail(f"{name or 'function'}: external functions are never run")

        return lambda scope: make_function(names, types, refuse, scope, result, name)
    expression = find_expression(element)
    body = c.inside(*names).expression(expression)
    result = result or c.type_of(element)
    return lambda scope: make_function(names, types, body, scope, result, name)


def _function(c: Compiling, element: Element) -> Code:
    return function_of(c, element)


def _conditional(c: Compiling, element: Element) -> Code:
    condition, then, otherwise = c.only(element, "if"), c.only(element, "then"), c.only(element, "else")

    def run(scope: Scope) -> Value:
        answer = condition(scope)
        if answer is not None and not isinstance(answer, bool):
            return scope.run.fail("the condition is no boolean")
        return then(scope) if answer else otherwise(scope)

    return run


def _filter(c: Compiling, element: Element) -> Code:
    source, match = c.only(element, "in"), c.inside("item").only(element, "match")

    def run(scope: Scope) -> Value:
        items = source(scope)
        if items is None:
            return scope.run.fail("there is nothing to filter: null")
        return filtered(items if isinstance(items, list) else [items], match, scope)

    return run


def _for(c: Compiling, element: Element) -> Code:
    name = element.get("iteratorVariable") or ""
    source, body = c.only(element, "in"), c.inside(name, "partial").only(element, "return")

    def run(scope: Scope) -> Value:
        items = domain(source(scope), scope.run)
        if items is None:
            return None
        partial: list[Value] = []
        for item in items:
            scope.run.spend(1)
            partial.append(body(scope.inner({name: item, "partial": partial})))
        return partial

    return run


def _quantified(c: Compiling, element: Element) -> Code:
    name = element.get("iteratorVariable") or ""
    source, condition = c.only(element, "in"), c.inside(name).only(element, "satisfies")
    deciding = local(element) == "some"

    def run(scope: Scope) -> Value:
        items = domain(source(scope), scope.run)
        if items is None:
            return None
        unknown = False
        for item in items:
            scope.run.spend(1)
            answer = condition(scope.inner({name: item}))
            if answer is deciding:
                return deciding
            unknown = unknown or answer is not (not deciding)
        return scope.run.fail(f"{local(element)}: a condition gives no boolean") if unknown else not deciding

    return run


# Decision tables --------------------------------------------------------------------------------------------------


def _table(c: Compiling, element: Element) -> Table:
    policy = (element.get("hitPolicy") or "UNIQUE").upper()
    aggregation = (element.get("aggregation") or "").upper()
    if policy not in HIT_POLICIES or (aggregation and aggregation not in AGGREGATIONS):
        c.report(c.document.problem(element, f"标准中没有命中策略 {' '.join((policy, aggregation)).strip()}"))
    inputs = tuple(_input(c, column) for column in each(element, "input"))
    outputs = tuple(_output(c, column) for column in each(element, "output"))
    if not outputs:
        c.report(c.document.problem(element, "表没有输出列"))
    table = Table(
        id=element.get("id") or (c.document.name + " table"),
        inputs=inputs,
        outputs=outputs,
        rules=tuple(_rule(c, row, at, inputs, outputs) for at, row in enumerate(each(element, "rule"), 1)),
        hit_policy=policy,
        aggregation=aggregation,
        annotation_names=tuple(column.get("name") or "" for column in each(element, "annotation")),
    )
    c.tables[element] = table
    return table


def _input(c: Compiling, element: Element) -> Input:
    expression = child(element, "inputExpression")
    text = text_of(child(expression, "text")) if expression is not None else ""
    if expression is None or not text:
        c.report(c.document.problem(element, "输入列没有表达式"))
    values = child(element, "inputValues")
    written = text_of(values)
    wanted = c.type_of(expression)
    return Input(
        label=element.get("label") or text,
        text=text,
        code=c.feel(element if expression is None else expression, text or "null"),
        type=wanted,
        allowed=c.tests(values, written) if values is not None else None,
        allowed_text=written,
        type_name=(expression.get("typeRef") or "") if expression is not None else "",
    )


def _output(c: Compiling, element: Element) -> Output:
    values = child(element, "outputValues")
    written = text_of(values)
    default = child(element, "defaultOutputEntry")
    default_text = text_of(default)
    return Output(
        name=element.get("name") or "",
        type=c.type_of(element),
        values=_listed(c, values, written),
        default=c.feel(default, default_text) if default is not None and default_text else None,
        values_text=written,
        type_name=element.get("typeRef") or "",
    )


def _listed(c: Compiling, element: Element | None, text: str) -> tuple[Code, ...]:
    """Output values in their order, for priorities."""
    if element is None or not text:
        return ()
    try:
        tests = UnaryTests(text, c.names, c.types.declared).tree
    except FeelSyntaxError as error:
        return (c._refused(element, error),)
    from workflows.feel.compiler import compile_node

    return tuple(compile_node(test.value, c.types.declared) for test in tests.tests if not test.sign)


def _rule(c: Compiling, row: Element, at: int, inputs: tuple[Input, ...], outputs: tuple[Output, ...]) -> Rule:
    cells = each(row, "inputEntry")
    results = each(row, "outputEntry")
    if len(cells) != len(inputs) or len(results) != len(outputs):
        c.report(c.document.problem(row, "规则的格数与列数不符"))
    tests = [c.tests(cell, text_of(cell)) for cell in cells[: len(inputs)]]
    codes = [_result(c, cell) for cell in results[: len(outputs)]]
    nothing: Callable[[Scope], Value] = lambda scope: None  # noqa: E731  # pads a row that was reported above
    return Rule(
        id=row.get("id") or f"rule {at}",
        index=at,
        tests=(*tests, *[None] * (len(inputs) - len(tests))),
        results=(*codes, *[nothing] * (len(outputs) - len(codes))),
        annotations=tuple(text_of(entry) for entry in each(row, "annotationEntry")),
    )


def _result(c: Compiling, cell: Element) -> Code:
    text = text_of(cell)
    if text in ("", "-"):
        return lambda scope: None
    return c.feel(cell, text)


_BUILDERS: dict[str, Callable[[Compiling, Element], Code]] = {
    "literalExpression": _literal,
    "context": _context,
    "list": _list,
    "relation": _relation,
    "invocation": _invocation,
    "functionDefinition": _function,
    "conditional": _conditional,
    "filter": _filter,
    "for": _for,
    "some": _quantified,
    "every": _quantified,
    "decisionTable": _table,
}
