"""Every page in every state, both languages, both widths: accessible, no wider than the window, nothing untranslated.

**What is untranslated.** On an English page a person reads Chinese only in three places: in an element marked
``lang="zh…"`` (a quotation, evidence of a rule), in what somebody typed or uploaded, and in names (people, places,
rounds, cases). The last two are looked up in the database of the very demo that is shown. A word that the catalogue has
in English is never excused by them: "合格" in a submission is shown as "Qualified".
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.appointing import Path as Way
from tests.browser.barriers import barriers
from tests.browser.conftest import once, seeded
from tests.browser.desk import Desk
from tests.browser.site_map import ASKED, LENDER, NO_PAGES, NOBODY, PUBLISHED, PURPOSE, STATES, TWO_FACTORS, Demo, State
from tests.browsing import HEIGHTS, NARROW, WIDE
from tests.factories import viewer
from tests.office import PLACES, Applicant, Case
from tests.office import Office as Story
from tests.serving import Served
from webapp import create_app
from webapp.languages import CATALOGUE
from webapp.office import Office
from webapp.translations import extract
from workflows import assignments, incidents, instances, second_factor, signers
from workflows.clock import Clock
from workflows.db import Database
from workflows.errors import OrderFailed
from workflows.incidents import as_request
from workflows.models import Instance, Person, Task
from workflows.registers.evidence import FileStore
from workflows.settings import Settings
from workflows.submission import Submission

LANGUAGES = ("zh-CN", "en-GB")
#: So many pages are looked at by one test at most, so that several processes share the work.
MOST = 15
#: What keeps somebody from using a page. Less, as two lists of one name, is mended where it is seen.
SERIOUS = ("serious", "critical")
#: Bytes of script that a page without diagram and chart may load, uncompressed.
MOST_SCRIPT = 300_000
SCRIPT = """() => performance.getEntriesByType('resource').filter(one => one.initiatorType === 'script' || one.name.endsWith('.js'))
    .reduce((sum, one) => sum + one.decodedBodySize, 0)"""
CHINESE = re.compile(r"[\u3400-\u9fff]+")
#: Where people's own words and names lie.
NAMES = (
    "SELECT name FROM person", "SELECT name FROM organisation", "SELECT title FROM round", "SELECT title FROM instance",
    "SELECT summary FROM instance",
    "SELECT title FROM public_notice", "SELECT body FROM public_notice", "SELECT contact FROM public_notice",
    "SELECT name FROM attachment", "SELECT json(data) FROM submission", "SELECT json(data) FROM draft",
    "SELECT json(params) FROM notice", "SELECT order_no FROM researcher WHERE order_no IS NOT NULL",
)  # fmt: skip
#: Every text that the page may show, outside what is marked as Chinese: text nodes, and what is read out or pops up.
SHOWN = """() => {
    const found = [document.title], outside = one => one && !one.closest('[lang^=zh], script, style, template, noscript');
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) if (outside(walk.currentNode.parentElement)) found.push(walk.currentNode.data);
    for (const one of document.querySelectorAll('[aria-label], [title], [placeholder], [alt], [data-label], [data-confirm], button[value]'))
        if (outside(one)) for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'data-label', 'data-confirm'])
            if (one.hasAttribute(name)) found.push(one.getAttribute(name));
    return found.map(text => text.trim()).filter(text => /[\\u3400-\\u9fff]/.test(text));
}"""


class Words:
    """What may stand on an English page in Chinese."""

    def __init__(self, demo: Demo) -> None:
        english = CATALOGUE.messages("en")
        self.translated = {
            entry.id for entry in extract.stored() if isinstance(entry.id, str) and english.ugettext(entry.id) != entry.id
        }
        data = {PURPOSE}
        for posts in demo.all("SELECT json(posts) FROM round"):
            data |= {f"{post['subject']}（{post['stage']}）" for post in json.loads(posts)}  # as the form puts them together
        for question in NAMES:
            for value in demo.all(question):
                data.update(_texts(value))
        quoted = {words for entry in extract.stored() for words in re.findall("“[^”]*”", str(entry.string))}
        self.data = sorted(data - self.translated | quoted, key=len, reverse=True)

    def left(self, shown: list[str]) -> list[str]:
        """Texts with Chinese that is neither a name nor anybody's own words."""
        return [text for text in dict.fromkeys(shown) if text in self.translated or self._rest(text)]

    def _rest(self, text: str) -> bool:
        for piece in self.data:
            if piece in text:
                text = text.replace(piece, " ")
                if not CHINESE.search(text):
                    return False
        return bool(CHINESE.search(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(("{", "[")):
        yield from _texts(json.loads(value))
    elif isinstance(value, str) and CHINESE.search(value):
        yield from (part.strip() for part in [value, *value.splitlines()])
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _something_fails(data: Path) -> None:
    """A review that the register did not take: an incident that only a person tries again."""
    database = Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}")
    with database.read() as session:
        number, reviewer = session.execute(
            select(Task.number, Person.id)
            .join(Instance, Instance.id == Task.instance_id)
            .join(Person, Person.name == "吴立新")
            .where(Task.step_id == "adm_u2", Task.status == "open", Instance.place == "liaoning")
            .order_by(Task.id)
        ).tuples().first() or ("", 0)
        person = session.get_one(Person, reviewer).number
    failed = OrderFailed(step="生成准考证", order="admission.issue_number", retries=0)
    failed.__cause__ = ConnectionError("the register does not answer")
    sent = as_request(Submission("admission.qualification_review", {}, "token-of-what-failed"))
    incidents.raise_(
        database, subject=f"task:{number}/{person}", error=failed, at=Clock(database).now(), by_id=reviewer, request=sent
    )
    database.close()


def _something_is_delegated(data: Path) -> None:
    """Two reviews that their reviewer delegated: one is still with the head of the bureau, one is back from a colleague."""
    database = Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}")
    found, at = Demo(data), Clock(database).now()
    numbers = found.numbers()
    found.close()
    lender, head, colleague = (viewer(database, name, at) for name in (LENDER, ASKED, "nn.hr2"))
    for task, asked in ((numbers["lent"], head), (numbers["back"], colleague)):
        assignments.claim(database, lender, task, at=at)
        assignments.delegate(database, lender, task, asked.number, "外出督导一周，请先逐项核对材料", at=at)
    work = {"typed": {"opinion": ["学历、教龄、职称材料齐全，与原件一致。"]}, "files": []}
    note = "材料已逐项核对，教龄证明请再看一眼起止时间"
    assignments.hand_back(database, colleague, numbers["back"], note, work, at=at)
    database.close()


def _somebody_is_to_sign(data: Path) -> None:
    """A review that its reviewer has asked the head of the bureau to sign first, and a colleague who has signed."""
    database = Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}")
    found, at = Demo(data), Clock(database).now()
    task = found.numbers()["signed"]
    found.close()
    lender, head, colleague = (viewer(database, name, at) for name in (LENDER, ASKED, "nn.hr2"))
    why = "涉及职称和教龄，请一并提出意见"
    signers.add(database, lender, task, [colleague.number], "before", why, at=at)
    found = Demo(data)
    own = found.numbers()["sign"]
    found.close()
    opinion = {"conflict_declared": "否", "agreed": "不同意", "words": "教龄证明只有前三年，请补齐后再定", "files": []}
    instances.complete_task(database, colleague, own, Submission("house.opinion", opinion, "token-of-a-signer-00"), at=at)
    signers.add(database, lender, task, [head.number], "before", why, at=at)
    database.close()


def _somebody_is_published(data: Path) -> None:
    """An applicant whose appointment is made public: the round's messages come by hand, everybody else acts."""
    database = Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}")
    office = Story(database, data)
    office.at = Clock(database).now()
    found = Demo(data)
    number = found.numbers()["published"]
    found.close()
    teacher = {"name": "韦春兰", "phone": PUBLISHED, "unit": "gx-nn-qx-s1"}
    case = Case(office, Applicant(office, "guangxi", teacher), number)
    Way(office, PLACES["guangxi"], case).comes_to_inspection().is_inspected().is_decided().is_published()
    database.close()


def _somebody_has_two_factors(data: Path) -> None:
    """Somebody whose password alone opens nothing."""
    database, key = Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}"), (data / "secret_key").read_bytes()
    at, clock = Clock(database).now(), datetime.now(UTC)
    owner = viewer(database, TWO_FACTORS, at)
    secret = second_factor.offer(database, owner, key, at=at).secret
    second_factor.confirm(database, owner, pyotp.TOTP(secret).at(clock), key, "", at=at, clock=clock)
    database.close()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, demo_data: Path) -> Path:
    """The demo's data with the states that its weeks of office life leave out, to be copied."""

    def make(data: Path) -> None:
        shutil.copytree(demo_data, data)
        _something_fails(data)
        _something_is_delegated(data)
        _somebody_is_to_sign(data)
        _somebody_is_published(data)
        _somebody_has_two_factors(data)

    return once(tmp_path_factory, "furnished-demo", make)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, furnished: Path) -> Iterator[Served]:
    """The product with all that its pages can show."""
    served = Served(shutil.copytree(furnished, tmp_path_factory.mktemp("demo") / "data"))
    yield seeded(served.start())
    served.stop()


@pytest.fixture(scope="module")
def known(demo: Served) -> Iterator[Demo]:
    """What stands in the addresses, and every word that is data."""
    found = Demo(demo.data)
    yield found
    found.close()


@pytest.fixture(scope="module")
def words(known: Demo) -> Words:
    """What may stand on an English page in Chinese."""
    return Words(known)


def test_no_address_is_forgotten(demo: Served) -> None:
    database = Database(f"sqlite:///{demo.data / 'jiaoyan.sqlite3'}")
    settings = Settings(demo.data, str(database.url), demo=True)
    app = create_app(Office(database, Clock(database), settings, FileStore(demo.data)))
    database.close()
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    shown = {state.endpoint for state in STATES} - {""}
    assert endpoints - NO_PAGES - shown == set(), "list these in tests/browser/site_map.py"
    assert (shown | NO_PAGES) - endpoints == set(), "the site has no such addresses any longer"


def parts() -> Iterator[Any]:
    """What one person sees, some pages after one another."""
    for who in dict.fromkeys(state.who for state in STATES):
        seen = [state for state in STATES if state.who == who]
        for number, start in enumerate(range(0, len(seen), MOST), start=1):
            yield pytest.param(seen[start : start + MOST], id=f"{who or 'nobody'}-{number}")


@pytest.mark.parametrize("states", list(parts()))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page(
    open_page: Callable[..., Page], demo: Served, known: Demo, words: Words, pictures: Path | None, language: str,
    states: list[State],
) -> None:
    numbers, wrong = known.numbers(), []
    desk = Desk(open_page(language=language), demo.url)
    if states[0].who != NOBODY:
        desk.sign_in(states[0].who)
        other = desk.page.locator(f"form.language button[value={language[:2]}]")
        if other.count():
            other.click()
    for state in states:
        desk.page.set_viewport_size({"width": WIDE, "height": HEIGHTS[WIDE]})
        wrong += [f"{state.name} {language} {one}" for one in _look(desk, state, numbers, words, pictures, language)]
    assert not wrong, "\n".join(wrong)


def _look(
    desk: Desk, state: State, numbers: Any, words: Words, pictures: Path | None, language: str
) -> Iterator[str]:
    """Open one page, wide and then narrow: axe reads the wide Chinese and the narrow English one, and the dark one's colours."""
    page = desk.page
    answer = page.goto(desk.url + state.path.format(**numbers))
    if state.act is not None:
        if state.status == 200:
            state.act(page, numbers)
        else:
            with page.expect_navigation() as went:
                state.act(page, numbers)
            answer = went.value
    if answer is None or answer.status != state.status:
        yield f"answered {answer and answer.status}, not {state.status}"
    if page.locator(".diagram").count():
        expect(page.locator(".diagram")).to_have_attribute("data-drawn", "done")
    elif not page.locator(".chart").count() and (weight := page.evaluate(SCRIPT)) > MOST_SCRIPT:
        yield f"{weight} bytes of script, and neither a diagram nor a chart"
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        if (wider := page.evaluate("document.documentElement.scrollWidth") - width) > 0:
            yield f"{width}: {wider} px wider than the window"
        if pictures:
            page.screenshot(path=pictures / f"{state.name}-{language[:2]}-{width}.png", full_page=True)
        if (language == "zh-CN") == (width == WIDE):
            yield from (f"{width}: {one}" for one in barriers(page, impacts=SERIOUS))
        if (language, width) == ("zh-CN", WIDE):
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # colours are there at once, not on their way
            yield from (f"in the dark: {one}" for one in barriers(page, "color-contrast"))
            if pictures:
                page.screenshot(path=pictures / f"{state.name}-dark-{width}.png", full_page=True)
            page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    if language.startswith("en"):
        yield from (f"untranslated: {text}" for text in words.left(page.evaluate(SHOWN)))
