"""A page of ours set as a PDF file: nothing is fetched from anywhere, letters are embedded, text can be searched and copied."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask import render_template
from flask_babel import gettext
from PIL import Image

from workflows.errors import PaperUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/pdf"
#: Begins the addresses of pictures on a paper; each names one that was handed over with it.
PICTURE = "picture:"
#: Pixels of the largest picture that is opened at all, and the box into which it is made to fit.
LARGEST_PICTURE, BOX = 40_000_000, (900, 1200)
#: One paper at a time is set in a process: each takes a processor for a good part of a second.
_SETTING = threading.Lock()


def pdf(template: str, pictures: Mapping[str, bytes] | None = None, **values: Any) -> bytes:
    """Set a template of ``templates/print``. ``pictures``: name -> JPEG or PNG, which the paper names ``picture:<name>``.

    ``PaperUnavailable`` where this machine lacks the library that sets papers (dev.py says how to install it).
    """
    try:
        import weasyprint  # a second of loading, and a library that is no Python package: asked for with the first paper
    except OSError as error:
        log.error("no PDF can be set on this machine: %s", error)
        raise PaperUnavailable() from error
    shown = {f"{PICTURE}{name}": small for name, raw in (pictures or {}).items() if (small := picture(raw)) is not None}
    words = render_template(template, pictures={address.removeprefix(PICTURE) for address in shown}, **values)
    with _SETTING:
        fetch = _only(shown)
        sheet = weasyprint.CSS(string=_style(), url_fetcher=fetch)
        whole = weasyprint.HTML(string=words, url_fetcher=fetch, base_url=None)
        return bytes(whole.write_pdf(stylesheets=[sheet], presentational_hints=False, pdf_tags=True) or b"")


def available() -> bool:
    """Whether this machine can set papers."""
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


def _style() -> str:
    """The sheet of style, with the words of the page's number in the reader's language."""
    words = gettext("第 %(page)s 页，共 %(pages)s 页", page='" counter(page) "', pages='" counter(pages) "')
    return render_template("print/paper.css").replace("PAGE_OF_PAGES", words)


def _only(pictures: Mapping[str, bytes]) -> Any:
    """What answers a paper's questions for addresses: the pictures that came with it, and nothing else whatever its scheme."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Closed(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url not in pictures:
                raise ValueError("a paper fetches nothing")
            return URLFetcherResponse(url, pictures[url], {"Content-Type": "image/png"})

    return Closed(allowed_protocols=(), allow_redirects=False)


def picture(raw: bytes) -> bytes | None:
    """A JPEG or PNG made anew, small enough for paper; nothing of what else its file held. None when it is no picture."""
    try:
        with Image.open(BytesIO(raw), formats=("JPEG", "PNG")) as found:
            if found.width * found.height > LARGEST_PICTURE:
                return None
            found.thumbnail(BOX)
            made = BytesIO()
            found.convert("RGB").save(made, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    return made.getvalue()
