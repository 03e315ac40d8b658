"""One form in front of a person: opened, autosaved, refreshed, judged, read through and handed to a verb. Nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import IO, Any, BinaryIO, cast

from flask import Response, g, make_response, render_template, request, url_for
from flask_babel import gettext

from forms import build, workbook
from forms.build import Bound
from forms.lookups import Lookup
from webapp import form_page
from webapp.case_pages import file_url, signature_url, spec_of
from webapp.form_page import FormView, Received
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.typed import posted
from workflows import case_file, drafts, instances, people, search, signature_images
from workflows.access import Viewer, office_day
from workflows.drafts import DraftView
from workflows.errors import CaseFailed, DraftConflict, NotFound, Refusal, StartFailed
from workflows.instances import FormRequest
from workflows.registers import evidence
from workflows.submission import AttachmentRef, Submission
from workflows.transitions import Moved

#: The page's own inputs: the draft's version, the button that saves it, and the one that sends what was read through.
VERSION, SAVE, SEND = "_version", "_save", "_send"
#: Those of a task that is delegated (委派): the button that hands it back, and the note that goes with it.
BACK, NOTE = "_back", "_note"
#: The button that leads to what else can be done with a task, by the word in the address; what is typed is kept first.
MORE = "_more"
#: The button that fills in what the person wrote when the step was theirs before (沿用上次意见).
LAST = "_last"


class Organisations:
    """Look-up of organisations (单位) by name or code, as they stand today; ``names`` are those known already."""

    def __init__(self, names: dict[str, str | None] | None = None) -> None:
        self._names = {} if names is None else names

    def label(self, code: str) -> str | None:
        """The name of the organisation with that code."""
        if code not in self._names:
            with office().db.read() as reading:
                try:
                    self._names[code] = people.organisation_by_code(reading, code).name
                except NotFound:
                    self._names[code] = None
        return self._names[code]

    def find(self, text: str) -> list[tuple[str, str]]:
        """(code, name) of organisations whose name holds the text."""
        with office().db.read() as reading:
            found = people.find_organisations(reading, text, on=office_day(now()), limit=10)
        return [(code, name) for code, name, _ in found]


class Colleagues:
    """Look-up of people by name or number, among those of one's own organisations; an applicant has none."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def label(self, code: str) -> str | None:
        """The name of the person with that number."""
        return dict(self.find(code)).get(code)

    def find(self, text: str) -> list[tuple[str, str]]:
        """(number, name) of people whose name holds the text."""
        with office().db.read() as reading:
            return search.colleagues(reading, self._viewer, text, at=now())


def registers(names: dict[str, str | None] | None = None) -> Mapping[str, Lookup]:
    """The look-ups of a form, by kind of field; ``names`` of organisations are those known already."""
    return {"organisation": Organisations(names), "person": Colleagues(g.viewer)}


@dataclass(frozen=True)
class Addresses:
    """Where the parts of one form's page lie."""

    #: The form itself: shown by GET, sent by POST.
    page: str
    #: Autosave.
    draft: str
    #: The form's body again, after an input that changes what shows.
    body: str
    #: Look-up inputs ask here.
    lookup: str


def _signature() -> signature_images.Kept | None:
    with office().db.read() as reading:
        return signature_images.in_use(reading, g.viewer.person_id)


class Filling:
    """One request for one form, between the browser and a verb."""

    def __init__(self, asked: FormRequest, addresses: Addresses) -> None:
        self.asked, self.addresses = asked, addresses
        self.spec = spec_of(asked.form)
        self._draft = dict(asked.draft.data) if asked.draft is not None else None
        self._find = registers(asked.names)
        self._kept = asked.draft
        #: The picture of the viewer's own signature, where the form asks for one and they keep one.
        self.signature = _signature() if self.spec.signs else None

    # -- what stands on the page --------------------------------------------------------------------------------------

    def opened(self) -> Bound:
        """The form as it is first shown: the draft if there is one."""
        return form_page.open_form(
            self.spec, context=self.asked.context, now=now(), saved=self.asked.prefill, draft=self._draft, find=self._find,
            known=self._own(),
        )  # fmt: skip

    def view(self, bound: Bound) -> FormView:
        """What the macros draw."""
        return FormView(
            bound, refresh_url=self.addresses.body, draft_url=self.addresses.draft, lookup_url=self.addresses.lookup,
            file_url=file_url, returned=self.returned, **self._signing(),
        )  # fmt: skip

    def _signing(self) -> dict[str, str]:
        """The picture of the viewer's own signature for a form that asks for one, and where they keep it."""
        if not self.spec.signs:
            return {}
        kept = self.signature.sha256 if self.signature is not None else ""
        shown = signature_url(kept) if kept else ""
        return {"signature": kept, "signature_url": shown, "keep_url": url_for("account.index", _anchor="signature")}

    def _own(self) -> tuple[AttachmentRef, ...]:
        """Files that the viewer may name without bringing them: the picture of their own signature."""
        kept = self.signature
        return (AttachmentRef(kept.sha256, signature_images.NAME, signature_images.MEDIA_TYPE, kept.size, ""),) if kept else ()

    @property
    def returned(self) -> dict[str, str]:
        """Items of a return for correction: field key -> reason; several reasons for one field stand together."""
        found: dict[str, str] = {}
        for item in self.asked.prefill.get("returned_items") or ():
            if isinstance(item, Mapping) and item.get("field_key"):
                key, reason = str(item["field_key"]), str(item.get("reason") or "")
                found[key] = f"{found[key]}；{reason}" if key in found else reason
        return found

    @property
    def returned_list(self) -> list[tuple[str, str, str]]:
        """The same for the list on top: (element id, label, reason)."""
        return [
            (form_page.element_id(key), gettext(self.spec.label((key,))), reason) for key, reason in self.returned.items()
        ]

    @property
    def has_tables(self) -> bool:
        """Whether the form asks for rows, which are better filled in on a spreadsheet."""
        return workbook.has_tables(self.spec)

    @property
    def version(self) -> int | None:
        """The draft's version that the page shows."""
        return self._kept.version if self._kept is not None else None

    @property
    def saved_at(self) -> datetime | None:
        """When the draft was saved."""
        return self._kept.saved_at if self._kept is not None else None

    # -- what came from the browser -----------------------------------------------------------------------------------

    def received(self, *, judge: bool = True) -> Received:
        """The post, understood; files it brings are stored."""
        return form_page.receive(
            self.spec, context=self.asked.context, now=now(), saved=self.asked.prefill, draft=self._draft,
            find=self._find, store=self._store, judge=judge, known=self._own(),
        )  # fmt: skip

    def as_filled(self, data: Mapping[str, Any]) -> Bound:
        """The form as it would stand with this data of an earlier submission, whatever the draft says."""
        return form_page.open_form(self.spec, context=self.asked.context, now=now(), saved=data, find=self._find)

    def taken_over(self, typed: Mapping[str, list[str]], known: Sequence[AttachmentRef] = ()) -> Received:
        """What somebody brought in another way than by the page's inputs (a spreadsheet), judged like a post.

        ``known`` are files of theirs that it may name besides those of the draft.
        """
        return form_page.take_over(
            self.spec, typed, context=self.asked.context, now=now(), saved=self.asked.prefill, draft=self._draft,
            known=(*known, *self._own()), find=self._find,
        )  # fmt: skip

    def _store(self, stream: IO[bytes], name: str, field: str) -> AttachmentRef:
        if self.spec.signs and field.rpartition(".")[2] in self.spec.signs:
            # Made anew like a picture that is kept: what somebody copied from a paper is recognised.
            stream, name = BytesIO(signature_images.redrawn(cast(BinaryIO, stream))), gettext("签名.png")
        return evidence.add(office().db, g.viewer, office().files, cast(BinaryIO, stream), name, field, at=now())

    def autosave(self) -> Response:
        """Keep what is typed and say when; 409 and the reason when another window saved in between."""
        got = self.received(judge=False)
        given = request.form.get(VERSION, "")
        version = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else None
        try:
            saved = self._save(got, version)
        except DraftConflict as conflict:
            return make_response(render_template("tasks/draft_conflict.html", words=refusal_words(conflict)), 409)
        return make_response(render_template("tasks/draft_saved.html", saved=saved))

    def keep(self, got: Received) -> None:
        """Keep what was sent: a person's own submit wins over what another window autosaved meanwhile."""
        try:
            self._kept = self._save(got, self.version)
        except DraftConflict:
            with office().db.read() as reading:
                newer = drafts.draft(reading, g.viewer.person_id, self.asked.subject)
            self._kept = self._save(got, newer.version if newer is not None else None)

    def take_last(self, got: Received, answers: Mapping[str, Any]) -> None:
        """Put what the person said last time where nothing is typed now, in the draft and nowhere else."""
        typed = {name: list(texts) for name, texts in got.bound.typed.items()}
        for name, texts in posted(answers):
            if not any(typed.get(name, ())):
                typed[name] = texts
        self.keep(self.taken_over(typed, tuple(got.bound.files.values())))

    def _save(self, got: Received, version: int | None) -> DraftView:
        return drafts.save_draft(office().db, g.viewer.person_id, self.asked.subject, got.draft, version, at=now())

    def refreshed(self) -> str:
        """The form's body again, with what is typed and what shows because of it.

        A file that comes with it is kept in the draft at once: later posts name it by its digest only.
        """
        got = self.received(judge=False)
        brought = any(file.filename for _, files in request.files.lists() for file in files)
        if brought:
            self.keep(got)
        return render_template("tasks/form_body.html", view=self.view(got.bound), kept=self._kept if brought else None)

    def refuse(self, bound: Bound) -> None:
        """Record that a post was not accepted: fields and codes, never values (``input:rejected``)."""
        fields = [(one.path, one.code) for one in bound.rejected] + [(one.path, one.code) for one in bound.errors]
        instances.reject_input(
            office().db, g.viewer, subject=self.asked.subject, instance_number=self.asked.instance_number,
            fields=fields, at=now(),
        )  # fmt: skip

    def send(self, bound: Bound, verb: Callable[[Submission], Moved]) -> Moved:
        """Hand the filled form to the verb. Who comes too late, or is refused, leaves ``input:rejected`` in their own stream."""
        try:
            return verb(build.submission(bound))
        except (CaseFailed, StartFailed):
            raise  # it was not refused: it is kept and tried again
        except Refusal as refusal:
            self.lost(refusal)
            raise

    def lost(self, refusal: Refusal) -> None:
        """Record that a whole form was refused, by the refusal's code."""
        instances.reject_input(
            office().db, g.viewer, subject=self.asked.subject, instance_number=self.asked.instance_number,
            fields=[("", refusal.code)], at=now(),
        )  # fmt: skip
        g.refusal_noted = True


def sent_before() -> str | None:
    """Number of the case that this very page was sent to before; a second click gets the same answer."""
    with office().db.read() as reading:
        return case_file.sent_before(reading, g.viewer, request.form.get(form_page.TOKEN, "")[:64])


def lookup_answer(find: Mapping[str, Lookup] | None = None) -> Any:
    """``<option>`` elements for a look-up input."""
    return form_page.lookup_options(registers() if find is None else find)
