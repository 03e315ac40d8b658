"""Models of others, read where they lie: none ends in a traceback or hangs, and the counts by outcome and reason are printed."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.workflows.foreign_models.driving import reaches_the_end
from workflows.engine import read
from workflows.foreign_models import import_model, refusal_row

#: Seconds that one file may take.
MOST = 5
#: Reference models whose processes run to the end at least.
REFERENCE = 17


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["miwg-reference", "camunda7"])
def test_every_model_is_deployed_imported_drawn_or_refused(
    folder: str, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    runs = 0
    for path in sorted((shared / "corpora" / folder).iterdir()):
        raw = path.read_bytes()
        begun = time.perf_counter()
        done = import_model(raw, file=path.name)
        drawn = import_model(raw, file=path.name, as_drawing=True)
        assert time.perf_counter() - begun < MOST, path.name
        # Without --as-drawing what is drawn here is refused.
        outcomes[done.outcome if done.content else drawn.outcome] += 1
        for note in done.of("lost"):
            assert refusal_row(note) and note.reason, (path.name, note)
            reasons[f"{note.tag}: {re.sub('“.*?”|[0-9]+', '…', note.reason)[:60]}"] += 1
        if done.content is not None:
            runs += all(reaches_the_end(one) for one in read(done.content, file=path.name))
    with capsys.disabled():
        print(f"\n{folder}: {dict(outcomes)}; {runs} run to the end")
        for reason, count in reasons.most_common():
            print(f"  {count:3} {reason}")
    assert folder != "miwg-reference" or runs >= REFERENCE
