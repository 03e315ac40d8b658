"""Small DMN files, written as Python calls: only what a test is about stands in the test."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

_HEAD = '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="model" namespace={}>{}</definitions>'


def model(*elements: str, namespace: str = "https://example.org/model", imports: str = "") -> bytes:
    """A file with these elements."""
    return _HEAD.format(quoteattr(namespace), imports + "".join(elements)).encode()


def fact(name: str, type_: str = "") -> str:
    """An input data element, its id the name."""
    ref = f" typeRef={quoteattr(type_)}" if type_ else ""
    return f"<inputData id={quoteattr(name)} name={quoteattr(name)}><variable name={quoteattr(name)}{ref}/></inputData>"


def decision(name: str, logic: str, *needs: str, type_: str = "", identity: str = "") -> str:
    """A decision; ``needs`` are ``input:x``, ``decision:x`` or ``knowledge:x``."""
    ref = f" typeRef={quoteattr(type_)}" if type_ else ""
    links = ""
    for need in needs:
        kind, _, target = need.partition(":")
        outer = "knowledge" if kind == "knowledge" else "information"
        href = target if "#" in target else f"#{target}"
        links += f"<{outer}Requirement><required{kind.capitalize()} href={quoteattr(href)}/></{outer}Requirement>"
    variable = f"<variable name={quoteattr(name)}{ref}/>"
    return f"<decision id={quoteattr(identity or name)} name={quoteattr(name)}>{variable}{links}{logic}</decision>"


def feel(text: str) -> str:
    """A literal expression."""
    return f"<literalExpression><text>{escape(text)}</text></literalExpression>"


def table(
    policy: str,
    inputs: list[str],
    outputs: list[str],
    *rules: str,
    aggregation: str = "",
    types: list[str] | None = None,
    allowed: list[str] | None = None,
    values: list[str] | None = None,
    default: str = "",
) -> str:
    """A decision table; a rule is ``test | test -> result | result # annotation``."""
    columns = ""
    for at, text in enumerate(inputs):
        ref = f" typeRef={quoteattr(types[at])}" if types and types[at] else ""
        listed = f"<inputValues><text>{escape(allowed[at])}</text></inputValues>" if allowed and allowed[at] else ""
        columns += (
            f"<input id='i{at}'><inputExpression{ref}><text>{escape(text)}</text></inputExpression>{listed}</input>"
        )
    for at, name in enumerate(outputs):
        listed = f"<outputValues><text>{escape(values[at])}</text></outputValues>" if values and values[at] else ""
        fallback = f"<defaultOutputEntry><text>{escape(default)}</text></defaultOutputEntry>" if default else ""
        columns += f"<output id='o{at}' name={quoteattr(name)}>{listed}{fallback}</output>"
    rows = ""
    for at, rule in enumerate(rules, 1):
        rule, _, note = rule.partition(" # ")
        left, _, right = rule.partition(" -> ")
        cells = "".join(f"<inputEntry><text>{escape(c.strip())}</text></inputEntry>" for c in left.split(" | "))
        results = "".join(f"<outputEntry><text>{escape(c.strip())}</text></outputEntry>" for c in right.split(" | "))
        notes = f"<annotationEntry><text>{escape(note)}</text></annotationEntry>" if note else ""
        rows += f"<rule id='r{at}'>{cells}{results}{notes}</rule>"
    how = f" aggregation={quoteattr(aggregation)}" if aggregation else ""
    return f"<decisionTable id='t' hitPolicy={quoteattr(policy)}{how}>{columns}{rows}</decisionTable>"
