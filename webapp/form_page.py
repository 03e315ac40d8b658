"""The one place where Flask meets ``forms``: what a browser posted goes in, what ``macros/fields.html`` draws comes out.

A page module does, in this order: ``open_form`` (GET), ``receive`` (POST), then ``build.submission`` and its verb, or
``view`` and the template again. Pages own their routes and drafts; here is only the way between request and form.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import request
from flask_babel import gettext
from markupsafe import Markup, escape

from forms import build, lookups, paper, posting, templates
from forms.build import Bound
from forms.fields import shown
from forms.filling import Store, Upload
from forms.messages import FieldError
from forms.spec import ROW_MARK, Field, FormSpec, Note, Section, Table, dotted
from forms.state import Node, blank_row, options_of
from webapp.languages import language, sign, translate
from workflows.policies import Citation, Pack
from workflows.signature_images import NAME as SIGNATURE
from workflows.submission import AttachmentRef

#: The page's own inputs. All begin with ``_`` (``csrf_token`` apart), so that no form can ask for one.
TOKEN, REFRESH, FILE_PREFIX = "_token", "_refresh", "_file."
#: Stands for the number of a row that the browser adds by itself.
ROW = "__row__"
_TOKEN_FORM = re.compile(r"^[A-Za-z0-9_-]{16,64}$")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_ENDINGS = {"application/pdf": ".pdf", "image/jpeg": ".jpg,.jpeg", "image/png": ".png"}


# -- in ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """One post, understood."""

    bound: Bound
    #: A button of the form itself was pressed (row, file, refresh): show the form again, submit nothing.
    pressed: bool
    #: What to keep as the draft: plain JSON, given back to ``open_form``.
    draft: dict[str, Any]


def new_token() -> str:
    """Make the token of one opened form: the same token twice is one completion."""
    return secrets.token_urlsafe(24)


def open_form(
    spec: FormSpec,
    *,
    context: Mapping[str, Any],
    now: datetime,
    saved: Mapping[str, Any] | None = None,
    draft: Mapping[str, Any] | None = None,
    known: Sequence[AttachmentRef] = (),
    find: Mapping[str, lookups.Lookup] | None = None,
) -> Bound:
    """Return the form as it is first shown: from the draft if there is one, else ``saved``, else as it starts.

    ``context``: what expressions see (policy, instance, task, the instance's variables, the house's functions).
    ``saved``: the data of an earlier submission of this form (return for correction).
    """
    base = build.initial(spec, context, now=now, saved=saved)
    token = str((draft or {}).get("token") or new_token())
    typed = (draft or {}).get("typed")
    return build.bind(
        spec, typed, context=context, now=now, base=base, known=(*known, *draft_files(draft)), find=find, token=token,
        judge=False,
    )  # fmt: skip


def receive(
    spec: FormSpec,
    *,
    context: Mapping[str, Any],
    now: datetime,
    saved: Mapping[str, Any] | None = None,
    draft: Mapping[str, Any] | None = None,
    known: Sequence[AttachmentRef] = (),
    find: Mapping[str, lookups.Lookup] | None = None,
    store: Store | None = None,
    judge: bool = True,
) -> Received:
    """Understand the current request's post (its CSRF token is checked for every route by ``CSRFProtect``).

    ``judge=False`` for autosave and re-rendering: nothing is refused and no error shown. ``store`` keeps an uploaded
    file: (stream, name, dotted path) -> AttachmentRef, or ``FileRefused``. ``draft``: the last draft, whose files the
    post may name again.
    """
    posted = request.form.to_dict(flat=False)
    pressed = bool(posting.BUTTONS & posted.keys()) or REFRESH in posted
    token = posted.get(TOKEN, [""])[0]
    bound = build.bind(
        spec,
        posting.press(spec, posted),
        context=context,
        now=now,
        base=build.initial(spec, context, now=now, saved=saved),
        uploads=dict(_uploads()),
        store=store,
        known=(*known, *draft_files(draft)),
        find=find,
        token=token if _TOKEN_FORM.match(token) else new_token(),
        judge=judge and not pressed,
    )
    return Received(bound, pressed, draft_of(bound))


def take_over(
    spec: FormSpec,
    typed: Mapping[str, list[str]],
    *,
    context: Mapping[str, Any],
    now: datetime,
    saved: Mapping[str, Any] | None = None,
    draft: Mapping[str, Any] | None = None,
    known: Sequence[AttachmentRef] = (),
    find: Mapping[str, lookups.Lookup] | None = None,
) -> Received:
    """Understand and judge texts by input name that came otherwise than by a post; to be shown again, not submitted."""
    bound = build.bind(
        spec, typed, context=context, now=now, base=build.initial(spec, context, now=now, saved=saved),
        known=(*known, *draft_files(draft)), find=find, token=str((draft or {}).get("token") or new_token()),
    )  # fmt: skip
    return Received(bound, True, draft_of(bound))


def _uploads() -> Iterator[tuple[str, list[Upload]]]:
    for name, files in request.files.lists():
        sent = [Upload(file.filename or "", file.stream) for file in files if file.filename]
        if sent:
            yield name.removeprefix(FILE_PREFIX), sent


def draft_of(bound: Bound) -> dict[str, Any]:
    """Return what was typed as plain JSON: texts by input name, the stored files, the token."""
    return {
        "typed": {name: list(texts) for name, texts in bound.typed.items()},
        "files": [
            {"sha256": ref.sha256, "name": ref.name, "media_type": ref.media_type, "size": ref.size, "field": ref.field}
            for ref in bound.files.values()
        ],
        "token": bound.token,
    }


def draft_files(draft: Mapping[str, Any] | None) -> tuple[AttachmentRef, ...]:
    """Return the files that a draft holds."""
    return tuple(AttachmentRef(**entry) for entry in (draft or {}).get("files", ()))


def lookup_options(find: Mapping[str, lookups.Lookup]) -> Markup:
    """Answer a look-up input: ``<option>`` elements for what was typed (request arguments ``kind`` and the input)."""
    kind = request.args.get("kind", "")
    typed = next((text for name, text in request.args.items() if name != "kind"), "").strip()
    entries = find[kind].find(typed[:80]) if kind in find and typed else []
    return Markup("").join(Markup('<option value="{}"></option>').format(lookups.choice(*entry)) for entry in entries)


# -- out --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FormView:
    """What the macros ask while they draw a form. Every text comes out translated; nothing is evaluated in templates."""

    bound: Bound
    #: Where a changed input asks for the form's body again; empty: nothing is asked.
    refresh_url: str = ""
    #: Where the draft is saved after each change; empty: no draft.
    draft_url: str = ""
    #: Where look-up inputs ask.
    lookup_url: str = ""
    #: Address of a stored file, by digest.
    file_url: Callable[[str], str] | None = None
    #: Items of a return for correction: field key -> reason.
    returned: Mapping[str, str] = field(default_factory=dict)
    #: Digest of the picture of one's own signature that one keeps, and its address; empty without one.
    signature: str = ""
    signature_url: str = ""
    #: Where one keeps such a picture; empty where nobody can.
    keep_url: str = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Top of the form."""
        return self.bound.state.nodes

    @property
    def name(self) -> str:
        """The form's title."""
        return translate(self.bound.spec.name)

    def what(self, node: Node) -> str:
        """``field``, ``table``, ``section`` or ``note``."""
        return type(node.item).__name__.lower()

    def path(self, node: Node) -> str:
        """The input's name."""
        return dotted(node.path)

    def id(self, node: Node) -> str:
        """The element's id; sections and notes have their own."""
        if isinstance(node.item, Section | Note):
            return f"s-{node.item.id}"
        return element_id(dotted(node.path))

    def label(self, node: Node) -> str:
        """The label, translated."""
        return "" if isinstance(node.item, Note) else translate(node.item.label)

    def help(self, node: Node) -> str:
        """The help beside the field, with the policy's values in it."""
        item = node.item
        return self._filled(item.description, node) if isinstance(item, Field | Table) and item.description else ""

    def paragraphs(self, node: Node) -> list[str]:
        """The passages of a note."""
        text = self._filled(node.item.text, node) if isinstance(node.item, Note) else ""
        return [part.strip() for part in text.split("\n\n") if part.strip()]

    def _filled(self, text: str, node: Node) -> str:
        return templates.fill(
            translate(text), node.context, now=self.bound.state.now, say=translate, between=sign("、")
        )

    def citations(self, node: Node) -> list[Citation]:
        """The clauses that stand behind a field, table or note; those of one document and item once."""
        pack = node.context.get("policy")
        if isinstance(node.item, Section) or not isinstance(pack, Pack):
            return []
        found = [pack.citations[key] for key in node.item.policy_keys if key in pack.citations]
        return list({cited.clause: cited for cited in found if cited.clause}.values())

    def required(self, node: Node) -> bool:
        """Whether the field must be filled in just now."""
        item = node.item
        if isinstance(item, Table):
            return item.min_rows > 0
        if not isinstance(item, Field):
            return False
        if item.required or item.required_when is None:
            return item.required
        return item.required_when.evaluate(node.context, now=self.bound.state.now) is not False

    def typed(self, node: Node) -> str:
        """The text to show in the input: what was typed, however wrong, else the value."""
        texts = self.bound.typed.get(dotted(node.path))
        if texts:
            return texts[0]
        if node.value is None or node.value == "" or isinstance(node.value, bool):
            return ""
        item = node.item
        if isinstance(item, Field) and item.kind in self.bound.lookups:
            label = self.bound.lookups[item.kind].label(str(node.value))
            return lookups.choice(str(node.value), label) if label is not None else str(node.value)
        return shown(node.value)

    def chosen(self, node: Node, value: str) -> bool:
        """Whether an option is chosen or ticked."""
        texts = self.bound.typed.get(dotted(node.path))
        if texts is not None:
            return value in texts
        if isinstance(node.value, bool):
            return node.value and value == "true"
        return value in node.value if isinstance(node.value, list) else node.value == value

    def options(self, node: Node) -> list[tuple[str, str]]:
        """(value, translated label) of each choice."""
        return [(option.value, translate(option.label)) for option in options_of(node, self.bound.state.now)]

    def words(self, node: Node) -> Markup:
        """The value of a read-only or computed field in words."""
        return in_words(paper.entry(node, self.bound.labels()))

    def files(self, node: Node) -> list[dict[str, str]]:
        """The stored files of a file field: digest, name, address."""
        return [
            {"sha256": entry["sha256"], "name": entry["name"], "url": self.file_url(entry["sha256"]) if self.file_url else ""}
            for entry in node.value or ()
        ]

    def chosen_file(self, node: Node, sha256: str) -> bool:
        """Whether a stored file is named by a file field."""
        return any(entry["sha256"] == sha256 for entry in node.value or ())

    def accept(self, node: Node) -> str:
        """The ``accept`` of a file input."""
        return ",".join(_ENDINGS[kind] for kind in node.item.limits.media_types) if isinstance(node.item, Field) else ""

    def errors(self, node: Node) -> list[str]:
        """The sentences beside a field."""
        return [say(entry) for entry in self.bound.errors_at(node.path)]

    def warnings(self, node: Node) -> list[str]:
        """What to look at again, beside a field."""
        name = dotted(node.path)
        return [say(entry) for entry in self.bound.warnings if entry.path == name]

    def all_errors(self) -> list[dict[str, str]]:
        """Everything to correct, for the list on top: id of the element, place, sentence."""
        found = [
            {"id": element_id(entry.path), "place": self.place(entry.path), "text": say(entry)} for entry in self.bound.errors
        ]
        if self.bound.rejected:
            text = str(gettext("有内容不在本次可填写的范围内，未予采纳，请核对后重新提交"))
            found.append({"id": "", "place": "", "text": text})
        return found

    def all_warnings(self) -> list[str]:
        """Everything to look at again, for the read-through page."""
        return [say(entry) for entry in self.bound.warnings]

    def place(self, name: str) -> str:
        """Say where a field of a row stands: the table and its row, by the row's own first read-only word if it has one."""
        parts = name.split(".")
        if len(parts) < 3 or not parts[-2].isdigit():
            return ""
        table = self.bound.state.at(tuple(int(part) if part.isdigit() else part for part in parts[:-2]))
        if table is None:
            return ""
        row = table.rows[int(parts[-2])]
        fixed = next((node.value for node in row if isinstance(node.item, Field) and node.readonly and node.value), None)
        if isinstance(fixed, str):
            return f"{self.label(table)} · {translate(fixed)}"
        return str(gettext("%(table)s第%(row)s行", table=self.label(table), row=int(parts[-2]) + 1))

    def returned_reason(self, node: Node) -> str:
        """The reason why this item was returned for correction; empty for others."""
        return self.returned.get(str(node.path[0]), "") if len(node.path) == 1 else ""

    def steers(self, node: Node) -> bool:
        """Whether a change here can change the rest of the page."""
        return bool(self.refresh_url) and str(node.path[0]) in self.bound.spec.read_keys

    def new_row(self, node: Node) -> tuple[Node, ...]:
        """The nodes of a new row: what the add button copies, and the table's headings."""
        return blank_row(node, ROW, self.bound.state.now)

    def has_buttons(self, node: Node) -> bool:
        """Whether a table has columns of round or square buttons."""
        return isinstance(node.item, Table) and any(asked.kind in {"radio", "checklist"} for asked in node.item.fields)

    @property
    def between(self) -> str:
        """The sign between parts of a sentence that the browser puts together."""
        return sign("；")

    def may_add(self, node: Node) -> bool:
        """Whether rows can be added and removed."""
        return isinstance(node.item, Table) and not node.readonly and not node.item.fixed_rows

    def kept(self) -> Iterator[tuple[str, str]]:
        """(input name, text) of what was typed into fields that do not show just now."""
        showing = {dotted(node.path): node.visible for node in self.bound.state.fields()}
        for name, texts in self.bound.typed.items():
            if showing.get(name) is False:
                yield from ((posting.KEPT + name, text) for text in texts)

    def carried(self) -> Iterator[tuple[str, str]]:
        """(input name, text) of everything the person filled in: the read-through page sends it on."""
        state = self.bound.state
        showing = {dotted(node.path) for node in state.fields() if node.writable}
        tables = {dotted(node.path): len(node.rows) for node in state.walk() if isinstance(node.item, Table) and node.writable}
        for name, texts in self.bound.typed.items():
            if name in showing:
                yield from ((name, text) for text in texts)
        for table, rows in tables.items():
            yield from ((f"{table}.{row}.{ROW_MARK}", "1") for row in range(rows))

    def paper(self) -> PaperView:
        """The filled form in words."""
        return PaperView(paper.parts(self.bound.spec, self.bound.values, self.bound.labels()), self.file_url)


def in_words(entry: paper.Entry, instead: str | None = None) -> Markup:
    """Return an answer in the reader's language, line breaks kept; what somebody typed stays, marked as Chinese.

    ``instead`` stands for an answer that is covered.
    """
    if instead is None and entry.terms:
        return escape(sign("、").join(translate(term) for term in entry.terms))
    text = Markup("<br>").join(escape(line) for line in (entry.text if instead is None else instead).split("\n"))
    foreign = language() != "zh" and _CHINESE.search(text)
    return Markup('<span lang="zh-CN">{}</span>').format(text) if foreign else text


def element_id(name: str) -> str:
    """Return the element id that belongs to an input's name."""
    return "f-" + name.replace(".", "-")


def say(entry: FieldError) -> str:
    """Return an error's sentence in the reader's language, the labels in it too."""
    params = dict(entry.params)
    if "label" in params:
        params["label"] = translate(params["label"])
    return str(gettext(entry.message, **params)) if params else str(gettext(entry.message))


@dataclass(frozen=True)
class PaperView:
    """A filled form in words, for ``fields.paper``: the case file, the read-through, print."""

    parts: tuple[paper.Part, ...]
    file_url: Callable[[str], str] | None = None
    #: Address at which a kept signature is shown, by digest.
    picture_url: Callable[[str], str] | None = None
    #: Personal data is covered (auditors, until they say why they look).
    masked: bool = False
    #: Name of the step until which it is sealed; nothing of it is here then.
    sealed_until: str = ""
    #: Roles that alone read it; nothing of it is here then.
    kept_to: tuple[str, ...] = ()

    def words(self, entry: paper.Entry) -> Markup:
        """An answer in the reader's language, line breaks kept."""
        return in_words(entry, paper.masked(entry) if self.masked and entry.personal else None)

    def picture(self, entry: paper.Entry, file: Mapping[str, Any]) -> str:
        """The address under which the picture of a signature that its owner keeps is shown in place; none for other files."""
        if entry.kind != "sign" or file["name"] != SIGNATURE or (self.masked and entry.personal):
            return ""
        return self.picture_url(str(file["sha256"])) if self.picture_url else ""

    def url(self, entry: paper.Entry, digest: str) -> str:
        """The address of a stored file; none while personal data is covered."""
        return self.file_url(digest) if self.file_url and not (self.masked and entry.personal) else ""


def paper_view(
    spec: FormSpec,
    data: Mapping[str, Any],
    *,
    seen: Mapping[str, Any] | None = None,
    file_url: Callable[[str], str] | None = None,
    picture_url: Callable[[str], str] | None = None,
    masked: bool = False,
    sealed_until: str = "",
    kept_to: tuple[str, ...] = (),
) -> PaperView:
    """Return a submission (its ``data`` and ``seen``) as it was filled in, for showing without inputs."""
    if sealed_until or kept_to:
        return PaperView((), sealed_until=sealed_until, kept_to=kept_to)
    return PaperView(paper.parts(spec, data, (seen or {}).get("_labels")), file_url, picture_url, masked)
