"""A person at a browser: signs in, finds the way by links, and fills real forms by typing, choosing and uploading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from webapp.typed import posted
from workflows.settings import OFFICE_ZONE

#: A form from a form file.
FORM = "form[data-office-form]"
#: No answer of the server is still to be put into the page.
SETTLED = "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"
_KINDS = {".pdf": "application/pdf", ".jpg": "image/jpeg"}


@dataclass
class Suitcase:
    """What a person brings: papers are filled in as the demo's people do, files are kept to be chosen in the browser."""

    at: datetime = field(default_factory=lambda: datetime.now(OFFICE_ZONE))
    files: list[tuple[str, FilePayload]] = field(default_factory=list)

    def upload(self, name: str, raw: bytes, field: str) -> list[dict[str, Any]]:
        """Lay a file ready for the input of that field."""
        kind = _KINDS[name[name.rindex(".") :]]
        self.files.append((field, {"name": name, "mimeType": kind, "buffer": raw}))
        return []


class Desk:
    """One person's page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    # -- coming and going ---------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str = "") -> Desk:
        """Sign in on the sign-in page; the demo's people by the password shown there."""
        self.open("/sign-in")
        self.page.locator("input[name=sign_in_name]").fill(name)
        self.page.locator("input[name=password]").fill(password or f"yanshi-{name}")
        self.page.locator("main form button.btn-primary").click()
        expect(self.page).not_to_have_url(re.compile("/sign-in"))
        return self

    def open(self, path: str, *, status: int = 200) -> Desk:
        """Go to a page; the answer's status is what it should be."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}, not {status}"
        return self

    def follow(self, words: str) -> Desk:
        """Follow the link that says so."""
        self.page.get_by_role("link", name=words).first.click()
        return self

    def press(self, words: str) -> Desk:
        """Press the button that says so."""
        self.page.get_by_role("button", name=words, exact=True).click()
        return self

    def take(self, case: str) -> Desk:
        """Open the task of a case from the inbox, searched by its number, and wait until its diagram is drawn."""
        self.open(f"/inbox/?q={case}")
        self.page.get_by_role("row").filter(has_text=case).get_by_role("link").first.click()
        expect(self.page.locator(FORM)).to_be_visible()
        expect(self.page.locator(".diagram")).to_have_attribute("data-drawn", "done")
        return self

    def reads(self, *words: str) -> Desk:
        """The page's own sheet says all of this."""
        for one in words:
            expect(self.page.locator("main")).to_contain_text(one)
        return self

    # -- forms --------------------------------------------------------------------------------------------------------

    def fill(self, values: Mapping[str, Any], files: Sequence[tuple[str, FilePayload]] = ()) -> Desk:
        """Fill a form: plain values by key, as form data hold them, and files by field."""
        for name, texts in posted(values):
            if texts != [""] and not name.endswith("._row"):
                self.answer(name, texts)
        for name, file in files:
            self.row_of(name)
            self._choose(name, file)
            expect(self.page.locator(f'{FORM} button[name=_drop_file][value^="{name}:"]')).to_have_count(1)
        return self.settle()

    def _choose(self, name: str, file: FilePayload) -> None:
        """Choose a file; who clicks while the form's body is put in place anew clicks once more, as anybody would."""
        for patience in (5_000, 5_000, 15_000):
            with suppress(PlaywrightTimeout), self.page.expect_file_chooser(timeout=patience) as asked:
                self.page.locator(f'{FORM} [name="_file.{name}"]').click()
                break
        asked.value.set_files([file])

    def row_of(self, name: str) -> None:
        """Add the row that a field of a table stands in."""
        table, number, _ = [*name.rsplit(".", 2), "", ""][:3]
        if not number.isdigit():
            return
        rows = self.page.locator(f'{FORM} [data-rows-of="{table}"] > [data-row]')
        while rows.count() <= int(number):
            before = rows.count()
            self.page.locator(f'{FORM} [name=_add_row][value="{table}"]').click()
            expect(rows).to_have_count(before + 1)
            self.settle()

    def answer(self, name: str, texts: Sequence[str]) -> None:
        """Give one field its value, whatever kind of control it is; what is read-only stays."""
        self.row_of(name)
        controls = self.page.locator(f'{FORM} [name="{name}"]:not([type=hidden])')
        expect(controls.or_(self.page.locator(f"#f-{name.replace('.', '-')}")).first).to_be_visible()
        if not controls.count():
            return
        control = controls.first
        kind = control.evaluate("one => one.localName === 'input' ? one.type : one.localName")
        if kind == "select":
            control.select_option(texts[0])
        elif kind in {"radio", "checkbox"}:
            for text in texts:
                self.page.locator(f'{FORM} [name="{name}"][value="{text}"]').check()
        elif control.get_attribute("list"):
            self._look_up(control, texts[0])
        else:
            control.fill(texts[0])

    def _look_up(self, control: Locator, code: str) -> None:
        """Type a part of what is sought and take the entry offered for it."""
        words, _, wanted = code.partition("|")
        control.focus()  # the field before is left with it, and may have the form asked for again
        self.settle()
        control.press_sequentially(words, delay=5)
        offered = self.page.locator(f'datalist#{control.get_attribute("list")} option[value*="{wanted or words}"]')
        expect(offered).to_have_count(1)
        control.fill(str(offered.get_attribute("value")))

    def settle(self) -> Desk:
        """Until the page has taken in every answer it asked for."""
        self.page.wait_for_function(SETTLED)
        return self

    def typed(self) -> dict[str, list[str]]:
        """What stands in the form's inputs, by name, without the page's own ones."""
        found = self.page.evaluate(
            f"""() => [...new FormData(document.querySelector('{FORM}'))]
                .filter(([name, text]) => !/^_|^csrf/.test(name) && typeof text === 'string')"""
        )
        together: dict[str, list[str]] = {}
        for name, text in found:
            together.setdefault(name, []).append(text)
        return together

    def send(self, words: str = "提交") -> Desk:
        """Press the button that sends the form; a refusal shows its list in the failure's message."""
        self.settle()
        self.press(words)
        self.page.wait_for_load_state("domcontentloaded")
        errors = self.page.locator("#form-errors")
        assert not errors.count(), errors.inner_text()
        return self

    def number(self) -> str:
        """The case number that the page shows."""
        expect(self.page.locator("main")).to_contain_text(re.compile(r"(LN|GX)-\d{4}-\d{5}"))
        found = re.search(r"(LN|GX)-\d{4}-\d{5}", self.page.locator("main").inner_text())
        assert found
        return found[0]
