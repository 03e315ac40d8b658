"""Packs and decision tables as one book that answers a question with its reasons.

The one door for the process (``decide``), the command line (``answer``, ``describe``, ``words``) and the pages.
"""

from workflows.rulebook.book import Rulebook
from workflows.rulebook.comparing import pieces, side_by_side
from workflows.rulebook.facts import Fact
from workflows.rulebook.reasons import OUTCOMES, reasons, words_of

__all__ = ["OUTCOMES", "Fact", "Rulebook", "pieces", "reasons", "side_by_side", "words_of"]
