"""What axe objects to on a page, asked so that a page costs little: the script is put in once, only findings come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: Not looked at again and again: rows of one table beyond the first twenty, and the inside of a drawn diagram, which is read
#: on the specimen. Thousands of shapes and cells, each of which might lie under a text, take axe many seconds.
ALIKE = "main tbody > tr:nth-of-type(n+21), .diagram .djs-container"
#: Every finding, as [rule, impact, place, place, place].
_FINDINGS = """async asked => {
    const alike = [...(asked.alike ? document.querySelectorAll(asked.alike) : [])].map(one => [one, one.style.display]);
    for (const [one] of alike) one.style.display = 'none';
    const found = await axe.run({...asked.options, resultTypes: ['violations']});
    for (const [one, was] of alike) one.style.display = was;
    return found.violations.map(one => [one.id, one.impact, ...one.nodes.slice(0, 3).map(node => node.target.join(' '))]);
}"""


def barriers(page: Page, *rules: str, impacts: Sequence[str] = (), whole: bool = False) -> list[str]:
    """What axe finds, of all rules or only of these, of every impact or only of these; ``whole``: in what is alike, too."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(Axe().axe_script)
    options: dict[str, Any] = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = page.evaluate(_FINDINGS, {"options": options, "alike": "" if whole else ALIKE})
    return [" ".join(map(str, one)) for one in found if not impacts or one[1] in impacts]
