"""What ties tables to packs: what is read must exist, and what exists must be read.

A key that no pack knows would read null and quietly make a table not applicable; so it is refused on loading. A value that
nothing reads would change nothing when the office changes it; so lint names it, unless ``awaiting.toml`` says who will
read it once that is built.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lxml import etree

from workflows.errors import Problem
from workflows.feel import FeelSyntaxError, compile, compile_unary
from workflows.policies import FUNCTION_NAMES, KEYS_READ

#: Keys that steps of the product read in code, and where: no expression of the office names them.
READ_IN_CODE = {"place.number_prefix": "workflows/numbering.py", "appointment.term_reminder_days": "workflows/worker.py"}

#: The file of the packs that says which values still wait for what reads them.
AWAITING = "awaiting.toml"

_READ = re.compile(r"\bpolicy\.([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)")
_DUE = re.compile(r"""\bdue\(\s*\\?["']([a-z0-9_]+)""")
_BLOCK = re.compile(r'\s*\[\[\s*"([^"]+)"\s*\]\]')

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


def unread_values(files: Mapping[str, bytes], keys: Collection[str]) -> Iterator[Problem]:
    """Give a problem for every key that no table, diagram, form or step reads and that waits for nobody.

    ``files`` is a whole source tree, diagrams and forms included: in a part of one, nothing can be said, and nothing is.
    ``awaiting.toml`` holds ``[awaiting]``: a key, or a pattern of keys (``deadlines.ext_*``), and who will read it. What is
    read may not stand there, and a pattern must mean some key.
    """
    if not all(any(name.endswith(ending) for name in files) for ending in (".bpmn", ".dmn", ".json", ".toml")):
        return
    read = keys_read(files, keys)
    waiting_file, waiting = _awaiting(files)
    for pattern in waiting:
        meant = {key for key in keys if fnmatchcase(key, pattern)}
        if not meant:
            yield Problem(waiting_file, 0, pattern, "没有任何规则包写有这样的键")
        for key in sorted(meant & set(read)):
            yield Problem(waiting_file, 0, pattern, f"{key} 已由 {read[key]} 读取，不再等待，请从这里删去")
    written = _blocks(files)
    for key in sorted(set(keys) - set(read)):
        if not any(fnmatchcase(key, pattern) for pattern in waiting):
            name, line = written.get(key, ("", 0))
            yield Problem(name, line, key, f"没有决策表、图、表单或环节读取这个值；读取者尚未建成的，写入 {AWAITING}")


def keys_read(files: Mapping[str, bytes], keys: Collection[str]) -> dict[str, str]:
    """Return every key that something in ``files`` reads, with the first file (or module) that does.

    Whoever reads a branch reads what is below it; whoever reaches into a value (``policy.ballot.quorum.任用``) reads that value;
    ``due("adm_u1")`` reads ``deadlines.adm_u1``, and a function of the house reads the keys that it says it reads.
    """
    found = {key: where for key, where in READ_IN_CODE.items() if key in keys}
    for name, raw in sorted(files.items()):
        if not name.endswith((".bpmn", ".dmn", ".json")):
            continue
        text = raw.decode("utf-8", "replace")
        paths = set(_READ.findall(text)) | {f"deadlines.{step}" for step in _DUE.findall(text)}
        for function, own in KEYS_READ.items():
            if re.search(rf"\b{function}\(", text):
                paths.update(own)
        if name.endswith(".json"):
            paths |= _shown_in_form(text)
        for path in paths:
            for key in keys:
                if key == path or key.startswith(path + ".") or path.startswith(key + "."):
                    found.setdefault(key, name)
    return found


def _shown_in_form(text: str) -> set[str]:
    """Return the keys whose clause a form shows beside a field (its property ``policy``)."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, list):
            for one in part:
                walk(one)
        elif isinstance(part, dict):
            shown = part.get("policy")
            if isinstance(shown, str):
                found.update(key.strip() for key in shown.split(",") if key.strip())
            for one in part.values():
                walk(one)

    try:
        walk(json.loads(text))
    except ValueError:
        return set()  # reported where forms are checked
    return found


def _awaiting(files: Mapping[str, bytes]) -> tuple[str, Mapping[str, str]]:
    for name, raw in files.items():
        if name.rpartition("/")[2] == AWAITING:
            return name, tomllib.loads(raw.decode("utf-8")).get("awaiting", {})
    return "", {}


def _blocks(files: Mapping[str, bytes]) -> dict[str, tuple[str, int]]:
    """Return where each key of the packs is first written."""
    found: dict[str, tuple[str, int]] = {}
    for name, raw in sorted(files.items()):
        if name.endswith(".toml"):
            for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
                if header := _BLOCK.match(line):
                    found.setdefault(header.group(1), (name, number))
    return found


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
