"""Decisions: DMN 1.1–1.5 on our own FEEL, every answer a ruling that explains itself.

Reading order: document, itemtypes, tables, boxed, graph; facts, ruling, session; model; lint, conformance.
"""

from workflows.decisions.model import Decision, DecisionModel, Variable, load
from workflows.decisions.ruling import Matched, Ruling

__all__ = ["Decision", "DecisionModel", "Matched", "Ruling", "Variable", "load"]
