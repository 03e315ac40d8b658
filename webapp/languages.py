"""Languages: Chinese is the message id, English the one catalogue; it is read as it stands, so nothing has to be built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain, get_locale
from markupsafe import Markup

from workflows.errors import Refusal

#: Language key, as an account keeps it -> its own name, locale.
LANGUAGES = {"zh": ("中文", "zh_Hans_CN"), "en": ("English", "en_GB")}
COOKIE = "jiaoyan-language"
CATALOGUES = Path(__file__).parent / "translations"


class Catalogue(Domain):
    """The catalogue in ``translations/<language>/LC_MESSAGES/messages.po``, read without a compiled copy."""

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[str, NullTranslations] = {}

    def get_translations(self) -> NullTranslations:
        """The messages of the request's language; a message that is missing there stays Chinese."""
        return self.messages(language())

    def messages(self, key: str) -> NullTranslations:
        """The messages of one language."""
        if key not in self._read:
            path = CATALOGUES / key / "LC_MESSAGES" / "messages.po"
            self._read[key] = _load(path) if path.is_file() else NullTranslations()
        return self._read[key]


def _load(path: Path) -> Translations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.parent.name)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled)


CATALOGUE = Catalogue()

#: Signs between words and sentences that a page puts together itself.
SIGNS = {"、": ", ", "，": ", ", "；": "; ", "：": ": ", "。": ". "}


def language() -> str:
    """``zh`` or ``en``: what the signed-in person chose, else the cookie, else what the browser asks for."""
    try:
        found: str = g.language  # asked for hundreds of times on a page
    except AttributeError:
        g.language = found = _choose()
    return found


def _choose() -> str:
    viewer = g.get("viewer")
    chosen = viewer.language if viewer is not None else request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES), default="zh") or "zh"


def translate(text: str | None, params: Mapping[str, Any] | None = None) -> str:
    """A message that comes as data (a step's name, a field's label, a refusal) in the reader's language."""
    return worded(language(), text, params)


def worded(key: str, text: str | None, params: Mapping[str, Any] | None = None) -> str:
    """A message in a given language, its places filled: for mail, which has no reader at the screen."""
    if not text:
        return ""
    words = str(CATALOGUE.messages(key).ugettext(text))
    return words % params if params else words


def sign(chinese: str) -> str:
    """A punctuation sign as the reader's language writes it."""
    return chinese if language() == "zh" else SIGNS[chinese]


def translated(params: Mapping[str, Any]) -> dict[str, Any]:
    """What fills a message's places: words of ours in the reader's language, moments in the office's zone."""
    from webapp.moments import shown  # moments say themselves in the reader's language, so they know this module

    return {key: translate(value) if isinstance(value, str) else shown(value) for key, value in params.items()}


def refusal_words(refusal: Refusal) -> str:
    """The refusal's sentence in the reader's language."""
    return translate(refusal.message, translated(refusal.params))


def install(app: Flask) -> None:
    """Give templates ``_()`` and ``|t``, and the two languages."""
    babel = Babel(
        app,
        default_locale="zh_Hans_CN",
        default_timezone="Asia/Shanghai",
        locale_selector=lambda: LANGUAGES[language()][1],
    )
    babel.domain_instance = CATALOGUE  # Flask-Babel's way to name a domain of one's own takes names only
    app.jinja_env.filters["t"] = translate
    app.jinja_env.globals.update(_=_said, gettext=_said)
    app.jinja_env.globals.update(language=language, languages=LANGUAGES, sign=sign, html_language=_html_language)


def _said(text: str, /, **given: Any) -> Markup:
    """``_()`` of templates, as Jinja's own: a page says hundreds of words, and nearly all of them without places to fill."""
    return _words(language(), text) % given if given else _whole(language(), text)


@lru_cache(maxsize=20_000)
def _words(key: str, text: str) -> Markup:
    return Markup(CATALOGUE.messages(key).ugettext(text))  # noqa: S704 - ours: what fills its places is escaped


@lru_cache(maxsize=20_000)
def _whole(key: str, text: str) -> Markup:
    return _words(key, text) % {}


def _html_language() -> str:
    return "zh-CN" if str(get_locale() or "zh").startswith("zh") else "en"
