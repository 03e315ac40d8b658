"""What ties tables to packs: every ``policy.…`` a table reads, and every key its rules rest on, must exist.

A key that no pack knows would read null and quietly make a table not applicable; so it is refused on loading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lxml import etree

from workflows.errors import Problem
from workflows.feel import FeelSyntaxError, compile, compile_unary
from workflows.policies import FUNCTION_NAMES

_UNARY = {"inputEntry", "allowedValues", "outputValues", "inputValues", "typeConstraint"}


def unknown_policy_keys(file: str, raw: bytes, keys: Collection[str]) -> Iterator[Problem]:
    """Give a problem for every policy key read or cited in a DMN file that is neither a value nor a branch of a pack."""
    branches = {key[:end] for key in keys for end in range(len(key)) if key[end] == "."}
    root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    for element in root.iter("{*}text"):
        above = element.getparent()
        kind = etree.QName(above).localname
        text = (element.text or "").strip()
        if kind == "annotationEntry":
            read = {key.strip() for key in text.split(",") if key.strip()}
            read = {key for key in read if key not in keys}
        else:
            read = {path for path in _policy_paths(text, kind in _UNARY) if not _known(path, keys, branches)}
        for key in sorted(read):
            yield Problem(file, element.sourceline or 0, _id(element), f"没有任何规则包写有 {key}")


def rules_without_basis(file: str, raw: bytes) -> Iterator[Problem]:
    """Give a problem for every rule that names no policy key, or shows another one in the editor than it cites.

    Editors of the dmn-js kind show and change a rule's ``description``; rulings cite its ``annotationEntry``. The
    house writes both alike.
    """
    root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    for rule in root.iter("{*}rule"):
        basis = ", ".join("".join(entry.itertext()).strip() for entry in rule.iterfind("{*}annotationEntry"))
        shown = (rule.findtext("{*}description") or "").strip()
        if not basis:
            yield Problem(file, rule.sourceline or 0, rule.get("id") or "", "依据列（annotationEntry）没有写规则包的键")
        elif shown != basis:
            yield Problem(file, rule.sourceline or 0, rule.get("id") or "",
                          f"编辑器里显示的依据“{shown}”与判定引用的“{basis}”不一致")


def _policy_paths(text: str, unary: bool) -> set[str]:
    if not text or text == "-":
        return set()
    try:
        paths = (compile_unary if unary else compile)(text, names=FUNCTION_NAMES).paths
    except FeelSyntaxError:
        return set()  # reported by decisions.load
    return {path.removeprefix("policy.") for path in paths if path.startswith("policy.")}


def _known(path: str, keys: Collection[str], branches: Collection[str]) -> bool:
    """Return whether a path is a key, a branch, or reaches into the value of a key (a table of words)."""
    return path in branches or any(path == key or path.startswith(key + ".") for key in keys)


def _id(element: etree._Element) -> str:
    above: etree._Element | None = element
    while above is not None and not above.get("id"):
        above = above.getparent()
    return above.get("id") or "" if above is not None else ""
