"""An instance at rest: the same in a new process, as long as it lives, whatever people typed into it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.engine.drawing import (
    Walk,
    begin,
    boundary,
    choice,
    diagram,
    drawing,
    end,
    flows,
    fork,
    house,
    script,
    sub,
    user,
    zeebe,
)
from tests.workflows.engine.test_repeating import review
from workflows.engine import complete, fire, open_tokens, rest, start
from workflows.engine.codec import FORMAT
from workflows.engine.errors import StateUnreadable
from workflows.engine.rows import pack, unpack

EVERYTHING = (
    begin(),
    user("a", zeebe("ioMapping", zeebe("input", source="=amount", target="before"))),
    fork("f"),
    sub(
        "q",
        begin("qs"),
        user("b"),
        boundary("r", "b", "P1D", cancel=False),
        user("c"),
        end("qe"),
        flows("qs b qe", "r c qe"),
    ),
    boundary("t", "q", "P5D"),
    user("d"),
    fork("j"),
    script("x", "if rounds = null then 1 else rounds + 1", "rounds"),
    choice("g"),
    end(),
    choice("m"),
    flows("s a f q m j x g", "t m", "f d j", "g a | rounds < 2", "g e | rounds >= 2"),
)
AMOUNT = Decimal("1200.50")

ONE_STEP = """
import base64, json, sys
from decimal import Decimal
from tests.workflows.engine.drawing import house
from workflows.engine import complete, fire, read
job = json.load(sys.stdin)
(drawn,) = read(base64.b64decode(job["xml"]), file="t.bpmn")
state = base64.b64decode(job["state"])
if job["verb"] == "fire":
    progress = fire(drawn, state, job["token"], house())
else:
    variables = {name: Decimal(text) for name, text in job["variables"].items()}
    progress = complete(drawn, state, job["token"], variables, house())
print(base64.b64encode(progress.state).decode())
"""


def in_a_new_process(root: Path, seed: int, **job: Any) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", ONE_STEP],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(root)},
    )
    return base64.b64decode(done.stdout)


def test_each_step_gives_the_same_bytes_in_a_new_process(root: Path) -> None:
    raw = base64.b64encode(drawing(*EVERYTHING)).decode()
    walk = Walk(diagram(*EVERYTHING), {"amount": AMOUNT})
    for seed, (verb, step) in enumerate([("do", "a"), ("fire", "r"), ("do", "b"), ("fire", "t"), ("do", "d")], start=1):
        state, token = walk.progress.state, (walk.tokens if verb == "do" else walk.timers)
        key = next(one for one, at in token.items() if at == step)
        variables = {"amount": AMOUNT} if step == "a" else {}
        theirs = in_a_new_process(
            root,
            seed,
            xml=raw,
            state=base64.b64encode(state).decode(),
            verb=verb,
            token=key,
            variables={name: str(value) for name, value in variables.items()},
        )
        walk.do(step, **variables) if verb == "do" else walk.fire(step)
        assert theirs == walk.progress.state, step
    assert walk.variables == {"amount": AMOUNT, "rounds": 1}
    assert str(walk.variables["amount"]) == "1200.50"


#: States that earlier releases wrote, by format; each must finish in every later one. Written by the test below.
FROZEN = {
    1: (
        "D77#BAe^NG0FnqA9biS94)Dg$bHv;4(q72jUy>}bf{}PpM<W1$a{(_i^F7>HD2H*_;jA%BlDIDc8*d"
        "ck*fo)=0rhoHZKay3huzHgDGbg@Xgsj%EnyVJx=1NJ;2I2B2adQ2Z!Q6E_ho#!2nW~&0suIL2E|zF3;"
    ),
    2: (
        "D77#BAfvql05S*}8(@jk0dPZnYhd49aaEArq9_xL@f)3|F$e;??>SuQZE+Z7-L$w$DfQkP5d;VsX&i7Q"
        "800YQaMqk=LEKk>jXz9+?5a|>kovkC?aZny%EZ|{Sh5iO@Z163?#*~}4P3Dc1pr0`Kxundur6B6ympEK"
    ),
}


def test_a_frozen_instance_thaws() -> None:
    drawn = diagram(*EVERYTHING)
    for frozen in FROZEN.values():
        state = base64.b85decode(frozen)
        progress = complete(drawn, state, "t2", {"amount": AMOUNT}, house())
        assert {task.step_id for task in progress.opened} == {"b", "d"}
        assert progress.variables["amount"] == AMOUNT


REPEATED = (
    begin(),
    fork("f"),
    review("a"),
    boundary("t", "a", "P9D"),
    review("b", sequential=True, until="count(scores) = 9"),
    user("z"),
    end(),
    flows("s f a z e", "f b e", "t e"),
)
#: The same in format 1, whose members lay among all other tokens: P1 has signed at `a` and at `b`.
REPEATED_1 = (
    "D77#BU{L|}2LR%ZDj#sS%>f+{v8jo+DSg_i#YjG`i9_T=&GtGhFo3Es1kdgo=>tp&5gwFg)LR-h&=^~3"
    "r)f)qtmZ2$0PjPBs1!&)#}23`{3uWl;U9)%@NGOVjKJTun&tRb<BR|(PAk|_?0nHtkJ63!PS2`e{lNLV"
    "&yn=|U|KOOadvKnLL?O9BmJ%uD)`2N^>&X@ZJ~TrO)q@q7NVpR-$*Nb#PsvsoNhj*6Ltb3Ab_F~+a8lS"
    "f)hp!IIv{VjE%_3;jvkxwis<{DG=L%CKuztsCmQN6PvIrO7~C_FM}9N+zvvkqR)eQ#F3cRsQ_2(MtroV"
    "Wy^p+KR^)7"
)


def test_repetitions_frozen_in_format_1_go_on() -> None:
    drawn, state = diagram(*REPEATED), base64.b85decode(REPEATED_1)
    assert open_tokens(drawn, state, house()) == (("t5", "t"), ("t7", "a"), ("t8", "a"), ("t10", "b"))
    state = complete(drawn, state, "t8", {"review": {"score": 3}}, house()).state
    (opened,) = (found := complete(drawn, state, "t10", {"review": {"score": 6}}, house())).opened
    assert (opened.token, opened.assignee) == ("t4.2", "P3")
    found = complete(drawn, found.state, "t7", {"review": {"score": 2}}, house())
    assert (found.timers_closed, found.variables["scores"]) == (("t5",), [1, 2, 3])
    found = complete(drawn, found.state, "t4.2", {"review": {"score": 7}}, house())
    assert found.variables["scores"] == [5, 6, 7]
    found = fire(drawn, base64.b85decode(REPEATED_1), "t5", house())
    assert found.closed == ("t7", "t8")


def test_this_release_s_own_state_is_among_the_frozen() -> None:
    progress = start(diagram(*EVERYTHING), {"amount": AMOUNT}, house())
    assert progress.opened[0].token == "t2"
    assert FORMAT in FROZEN


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "$$", "typename", "", "a b", "1", "True"]) | st.text("ab$\"'", max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def exact(value: Any) -> Any:
    """The value with its types, so that 1, True and Decimal("1") differ, and "1.50" from "1.5"."""
    if isinstance(value, dict):
        return [(key, exact(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [exact(item) for item in value]
    return type(value).__name__, str(value)


@given(plain)
def test_any_plain_value_survives(value: Any) -> None:
    assert exact(unpack(orjson.loads(orjson.dumps(pack(value))))) == exact(value)


@given(st.dictionaries(st.sampled_from(["application", "typename", "$", "数据", "parent"]), plain))
def test_variables_survive_a_step(variables: dict[str, Any]) -> None:
    walk = Walk(diagram(begin(), user("a"), user("b"), end(), flows("s a b e")), variables)
    before = exact(dict(sorted(walk.variables.items())))
    walk.do("a")
    assert exact(dict(sorted(walk.variables.items()))) == before
    assert exact(dict(sorted(rest.variables(walk.progress.state).items()))) == before


def test_a_state_of_something_else_is_refused() -> None:
    drawn = diagram(begin(), user("a"), end(), flows("s a e"))
    state = start(drawn, {}, house()).state
    other = zstandard.compress(orjson.dumps({**orjson.loads(zstandard.decompress(state)), "p": "q"}))
    newer = zstandard.compress(orjson.dumps({**orjson.loads(zstandard.decompress(state)), "v": FORMAT + 1}))
    hollow = zstandard.compress(orjson.dumps({"v": 1, "p": "p", "t": 1, "w": 1, "c": False, "x": [1], "s": [[]]}))
    huge = b"\x28\xb5\x2f\xfd\xe0" + (2**60).to_bytes(8, "little") + b"\x01\x00\x00"
    for bad in (
        hollow,
        huge,
        b"",
        b"{}",
        state[:-3],
        zstandard.compress(b"{}"),
        zstandard.compress(b"[1]"),
        other,
        newer,
    ):
        with pytest.raises(StateUnreadable):
            complete(drawn, bad, "t3", {}, house())
    with pytest.raises(StateUnreadable):
        rest.variables(newer)


def test_a_state_of_another_version_of_the_diagram_is_refused_not_guessed() -> None:
    walk = Walk(diagram(begin(), user("a"), end(), flows("s a e")))
    changed = diagram(begin(), user("b"), end(), flows("s b e"))
    with pytest.raises(StateUnreadable, match="a"):
        complete(changed, walk.progress.state, walk.token("a"), {}, house())


def test_a_state_does_not_grow_with_age() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        fork("f"),
        user("a"),
        user("b"),
        fork("j"),
        choice("g"),
        end(),
        flows("s m f a j", "f b j g", "g m | true", "g e | false"),
    )
    walk = Walk(drawn)
    sizes = []
    for n in range(120):
        walk.do("a", form={"text": f"第 {n} 次"})
        walk.do("b")
        sizes.append(len(walk.progress.state))
    assert max(sizes[-20:]) <= sizes[5] + 16, sizes


# --- isolation -------------------------------------------------------------------------------------------------------


def test_branches_do_not_see_each_other_until_they_join() -> None:
    drawn = diagram(
        begin(),
        fork("f"),
        user("a"),
        script("x", "append(rows, 2)", "rows"),
        user("a2", zeebe("ioMapping", zeebe("input", source="=rows", target="seen"))),
        user("b"),
        user("b2", zeebe("ioMapping", zeebe("input", source="=rows", target="seen"))),
        fork("j"),
        user("c", zeebe("ioMapping", zeebe("input", source="=[rows, from_b]", target="seen"))),
        end(),
        flows("s f a x a2 j", "f b b2 j c e"),
    )
    walk = Walk(drawn, {"rows": [1]})
    assert walk.do("a").opened[0].inputs == {"seen": [1, 2]}
    assert walk.do("b", from_b={"n": 1}).opened[0].inputs == {"seen": [1]}
    assert walk.variables == {"rows": [1, 2], "from_b": {"n": 1}}
    walk.do("a2")
    assert walk.do("b2").opened[0].inputs == {"seen": [[1, 2], {"n": 1}]}


def test_the_later_writer_wins_at_a_join_whatever_the_order_of_arrival() -> None:
    drawn = diagram(
        begin(),
        fork("f"),
        user("a"),
        user("a2"),
        user("b"),
        fork("j"),
        user("c"),
        end(),
        flows("s f a a2 j", "f b j c e"),
    )
    walk = Walk(drawn, {"x": 0, "y": 0})
    walk.do("a", x="a")
    walk.do("b", x="b")
    walk.do("a2", y="a")
    assert walk.variables == {"x": "b", "y": "a"}


def test_a_branch_that_wrote_nothing_takes_nothing_back() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a"), user("b"), fork("j"), user("c"), end(), flows("s f a j", "f b j c e")
    )
    for order in (("a", "b"), ("b", "a")):
        walk = Walk(drawn, {"x": {"rows": [1]}})
        for step in order:
            walk.do(step, **({"x": {"rows": []}} if step == "a" else {}))
        assert walk.variables == {"x": {"rows": []}}
