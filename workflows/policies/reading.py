"""Reading pack files: TOML in, packs out; every defect of every file is reported at once.

A place's file::

    place = "liaoning"
    name = "辽宁省"

    [documents.LN]
    title = "…"
    short = "辽宁实施意见"
    item_form = "第{}条"
    issued = 2020-06-09

    [["admission.title.min_level"]]          # one block a dated value; a changed rule adds a block
    value = "中级"
    since = 2020-06-09
    document = "LN"
    item = "12(4)"
    quote = "具有中级以上教师专业技术职称"
    force = "原则上"
    tag = "text"

``silent = true`` instead of ``value`` says that the document says nothing: the value reads null. ``silent_on`` at the
top lists whole keys or groups (``"award"``) on which a place is silent. ``until`` (last day in force) is only needed
when a rule ends without a successor. The file ``calendar.toml`` is read by ``reading_calendar``; ``names.toml`` says
what people call the keys (``[names]``) and the codes in values (``[words]``), and is no rule; ``awaiting.toml`` says which
values nothing reads yet, for lint alone.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from workflows.errors import DefinitionRefused, Problem
from workflows.policies.calendar import Calendar
from workflows.policies.citation import FORCES, QUOTE_LIMIT, TAGS, Citation, Document, PolicyValue
from workflows.policies.pack import DatedValue, Names, Packs, PlacePacks
from workflows.policies.reading_calendar import read_calendar

NATIONAL = "national"

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_HEADER = re.compile(r'\s*\[\[\s*"([^"]+)"\s*\]\]')
_FIELDS = {"value", "silent", "unit", "since", "until", "document", "item", "quote", "force", "tag", "note"}
_TOP = {"place", "name", "documents", "silent_on"}
_EPOCH = date(1949, 10, 1)

History = dict[str, tuple[DatedValue, ...]]


class _File:
    """One place's file while it is read: what it holds and what is wrong with it."""

    def __init__(self, name: str, content: Mapping[str, Any], text: str) -> None:
        self.name = name
        self.content = content
        self.place = str(content.get("place", ""))
        self.title = str(content.get("name", ""))
        self.problems: list[Problem] = []
        self.documents: dict[str, Document] = {}
        self.history: History = {}
        self.silent_on: tuple[str, ...] = tuple(str(key) for key in content.get("silent_on", ()))
        #: Key -> lines of its blocks, in order.
        self.lines: dict[str, list[int]] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                self.lines.setdefault(header.group(1), []).append(number)

    def refuse(self, line: int, element: str, reason: str) -> None:
        self.problems.append(Problem(self.name, line, element, reason))


def load(files: Mapping[str, bytes]) -> Packs:
    """Read pack files (name -> TOML bytes) into packs.

    One file with ``place = "national"``, any number of provinces, one calendar (``calendar = …``). Refuses with
    DefinitionRefused, all defects of all files at once: unreadable TOML, unknown fields and tags, missing sources,
    quotations over 30 characters, keys that are both value and branch, gaps and overlaps of dates, values of two
    kinds under one key, and keys a place neither rules nor declares itself silent on.
    """
    problems: list[Problem] = []
    places: dict[str, _File] = {}
    calendar_name, calendar = "", Calendar({})
    names = Names({}, {}, "")
    for name, raw in sorted(files.items()):
        try:
            text = raw.decode("utf-8")
            content = tomllib.loads(text, parse_float=Decimal)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problems.append(Problem(name, _line_of(str(error)), "", f"不是可读的 TOML 文件：{error}"))
            continue
        if "calendar" in content:
            calendar_name = name
            calendar, found = read_calendar(name, content)
            problems.extend(found)
            continue
        if "awaiting" in content:
            continue  # what lint of the whole tree reads: values that nothing reads yet
        if "names" in content:
            names, found = _read_names(name, content)
            problems.extend(found)
            continue
        file = _File(name, content, text)
        if not file.place:
            file.refuse(1, "place", "缺少 place（national、liaoning……），年历文件则写 calendar")
        elif file.place in places:
            file.refuse(1, "place", f"{file.place} 已在 {places[file.place].name} 中写过")
        else:
            places[file.place] = file
        if not file.title:
            file.refuse(1, "name", "缺少 name（显示名称）")
        _read_documents(file)
        problems.extend(file.problems)
        file.problems.clear()
    national = places.get(NATIONAL)
    shared = national.documents if national else {}
    for file in places.values():
        _read_values(file, {**shared, **file.documents})
    _compare(places)
    for file in places.values():
        problems.extend(file.problems)
    if problems:
        raise DefinitionRefused(problems)
    return _assemble(files, places, calendar_name, calendar, names)


def _read_names(name: str, content: Mapping[str, Any]) -> tuple[Names, list[Problem]]:
    """Read what people call keys and codes: tables of texts, and nothing else."""
    problems = [Problem(name, 0, part, f"不认识的项：{part}") for part in sorted(set(content) - {"names", "words"})]
    tables: list[dict[str, str]] = []
    for part in ("names", "words"):
        table = content.get(part, {})
        if not isinstance(table, dict):
            problems.append(Problem(name, 0, part, "应是一张表：键 = 叫法"))
            table = {}
        problems += [Problem(name, 0, key, "叫法是文字；带点的键须加引号") for key, words in table.items()
                     if not isinstance(words, str)]
        tables.append({key: words for key, words in table.items() if isinstance(words, str)})
    return Names(tables[0], tables[1], name), problems


def _line_of(message: str) -> int:
    found = re.search(r"line (\d+)", message)
    return int(found.group(1)) if found else 0


def _read_documents(file: _File) -> None:
    for code, entry in file.content.get("documents", {}).items():
        if not isinstance(entry, dict) or not entry.get("title") or not entry.get("short"):
            file.refuse(0, f"documents.{code}", "文件须有 title（全称）和 short（简称）")
            continue
        unknown = set(entry) - {"title", "short", "number", "issued", "item_form", "text_file"}
        if unknown:
            file.refuse(0, f"documents.{code}", f"不认识的项：{'、'.join(sorted(unknown))}")
        item_form = str(entry.get("item_form", "{}"))
        if item_form.count("{}") != 1:
            file.refuse(0, f"documents.{code}", "item_form 里须有一处 {}")
            item_form = "{}"
        file.documents[code] = Document(
            code=code, title=entry["title"], short=entry["short"], number=entry.get("number", ""),
            issued=entry.get("issued"), item_form=item_form, text_file=entry.get("text_file", ""),
        )


def _read_values(file: _File, documents: Mapping[str, Document]) -> None:
    for key, blocks in file.content.items():
        if key in _TOP:
            continue
        lines = file.lines.get(key, [])
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            file.refuse(lines[0] if lines else 0, key, f'写成 [["{key}"]] 一块一值')
            continue
        if not _KEY.match(key):
            file.refuse(lines[0] if lines else 0, key, "键由小写英文词和点组成，如 admission.title.series")
            continue
        dated = []
        for index, block in enumerate(blocks):
            line = lines[index] if index < len(lines) else 0
            value = _read_block(file, key, line, block, documents)
            if value is not None:
                dated.append(value)
        dated.sort(key=lambda one: one.citation.since)
        _check_dates(file, key, dated)
        if dated:
            file.history[key] = tuple(dated)


def _read_block(
    file: _File, key: str, line: int, block: Mapping[str, Any], documents: Mapping[str, Document],
) -> DatedValue | None:
    before = len(file.problems)
    unknown = set(block) - _FIELDS
    if unknown:
        file.refuse(line, key, f"不认识的项：{'、'.join(sorted(unknown))}")
    silent = block.get("silent", False) is True
    if silent == ("value" in block):
        file.refuse(line, key, "写 value，或者写 silent = true（文件没有规定），二者取一")
    since, until = block.get("since"), block.get("until")
    if not isinstance(since, date) or isinstance(since, datetime):
        file.refuse(line, key, "缺少 since（施行首日，如 2020-06-09）")
        since = _EPOCH
    if until is not None and (not isinstance(until, date) or isinstance(until, datetime) or until < since):
        file.refuse(line, key, "until（施行末日）须是不早于 since 的日期")
        until = None
    tag, force, quote, item = (str(block.get(name, "")) for name in ("tag", "force", "quote", "item"))
    _check_tag(file, key, line, tag)
    if force and force not in FORCES:
        file.refuse(line, key, f"force 只能是 {'、'.join(FORCES)}")
    if len(quote) > QUOTE_LIMIT:
        file.refuse(line, key, f"引文 {len(quote)} 字，最多 {QUOTE_LIMIT} 字")
    code = str(block.get("document", ""))
    document = documents.get(code)
    if document is None:
        file.refuse(line, key, f"没有出处：document = “{code}” 未在 [documents] 中写明")
        return None
    from_text = "text" in tag.split(" + ")
    if from_text and not silent and not (quote and item):
        file.refuse(line, key, "文件条款（text）须写 item（条）和 quote（引文）")
    if not silent and not item:
        file.refuse(line, key, "缺少 item（条、例或解释号）")
    if from_text and document.issued and since < document.issued:
        file.refuse(line, key, f"施行首日早于文件日期 {document.issued}")
    if len(file.problems) > before:
        return None
    item_words = document.item_words(item)
    clause = f"{document.short} {item_words or '未作规定'}"
    citation = Citation(
        key=key, value=None if silent else _policy_value(block["value"]), unit=str(block.get("unit", "")),
        document=document.title, item=item_words, clause=clause, quote=quote, tag=tag, force=force,
        since=since, place=file.place, note=str(block.get("note", "")),
    )
    return DatedValue(citation, until, line)


def _check_tag(file: _File, key: str, line: int, tag: str) -> None:
    parts = tag.split(" + ")
    for part in parts:
        name, _, number = part.partition("-")
        if name not in TAGS or (number and not (name in ("PRAC", "LAW") and number.isdigit())):
            file.refuse(line, key, f"来源标记“{part}”不认识；只能是 {'、'.join(TAGS)}，可用 + 连接")


def _check_dates(file: _File, key: str, dated: list[DatedValue]) -> None:
    for one, following in pairwise(dated):
        if one.citation.since == following.citation.since:
            file.refuse(following.line, key, f"日期重叠：{one.citation.since} 有两个值")
        elif one.until is not None and one.until >= following.citation.since:
            file.refuse(following.line, key, f"日期重叠：前一值施行至 {one.until}")
        elif one.until is not None and one.until + timedelta(days=1) < following.citation.since:
            file.refuse(following.line, key, f"日期有空档：{one.until} 之后、{following.citation.since} 之前没有值")


def _policy_value(value: Any) -> PolicyValue:
    """Return a TOML value as a policy value: whole numbers become Decimal, like all numbers in expressions."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, list):
        return [_policy_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _policy_value(item) for name, item in value.items()}
    if isinstance(value, (str, Decimal, date)):
        return value
    return str(value)


def _kind(value: PolicyValue) -> str:
    names = ((bool, "是否"), (Decimal, "数"), (str, "文字"), (date, "日期"), (list, "列表"), (dict, "表"))
    return next(name for kind, name in names if isinstance(value, kind))


def _compare(places: Mapping[str, _File]) -> None:
    """Refuse what only shows when the files are laid side by side: clashing keys, kinds, missing keys."""
    kinds: dict[str, tuple[str, str]] = {}
    keys = {key for file in places.values() for key in file.history}
    branches = {key[:end] for key in keys for end in range(len(key)) if key[end] == "."}
    for file in places.values():
        for key, dated in file.history.items():
            if key in branches:
                below = min(other for other in keys if other.startswith(key + "."))
                file.refuse(dated[0].line, key, f"既是值又是 {below} 的上级；请换一个键名")
            for one in dated:
                if one.citation.value is None:
                    continue
                kind, where = kinds.setdefault(key, (_kind(one.citation.value), file.name))
                if kind != _kind(one.citation.value):
                    file.refuse(one.line, key, f"{where} 中是{kind}，这里是{_kind(one.citation.value)}")
    national = places.get(NATIONAL)
    for file in places.values():
        if file is national:
            continue
        for silent in file.silent_on:
            if not any(_covers(silent, key) for key in keys):
                file.refuse(0, silent, "silent_on 中的键没有任何规则包用到")
        for key in sorted(keys - set(file.history) - set(national.history if national else ())):
            if not any(_covers(silent, key) for silent in file.silent_on):
                file.refuse(0, key, "没有值：写一块，或写 silent = true，或列入 silent_on")


def _covers(silent: str, key: str) -> bool:
    return key == silent or key.startswith(silent + ".")


def _assemble(
    files: Mapping[str, bytes], places: Mapping[str, _File], calendar_name: str, calendar: Calendar, names: Names,
) -> Packs:
    national = places.get(NATIONAL)
    keys = sorted({key for file in places.values() for key in file.history})

    def packs_of(file: _File | None) -> PlacePacks:
        used = [part.name for part in (national, file) if part is not None]
        names = tuple(sorted({*used, *([calendar_name] if calendar_name else [])}))
        history: History = {}
        for key in keys:
            own = file.history.get(key) if file else None
            fallback = national.history.get(key) if national else None
            if own:
                history[key] = own
            elif fallback:
                history[key] = fallback
            elif file is not None and file is not national:
                history[key] = (_silence(file, key),)
        return PlacePacks(place=file.place if file else NATIONAL, name=file.title if file else "全国",
                          digest=_digest(files, names), files=names, calendar=calendar, history=history)

    provinces = {place: packs_of(file) for place, file in places.items() if place != NATIONAL}
    return Packs(provinces, packs_of(national), calendar, names)


def _silence(file: _File, key: str) -> DatedValue:
    document = next(iter(file.documents.values()), None)
    short, title = (document.short, document.title) if document else (file.title, file.title)
    since = document.issued if document and document.issued else _EPOCH
    return DatedValue(Citation(key=key, value=None, unit="", document=title, item="", clause=f"{short} 未作规定",
                               quote="", tag="text", force="", since=since, place=file.place), None)


def _digest(files: Mapping[str, bytes], names: tuple[str, ...]) -> str:
    """Return one digest over the files a place rests on; the folder they lie in does not count."""
    total = hashlib.sha256()
    for name in sorted(names, key=lambda path: path.rpartition("/")[2]):
        total.update(name.rpartition("/")[2].encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return total.hexdigest()
