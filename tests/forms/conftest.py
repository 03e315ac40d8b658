"""What tests of forms ask for: the forms themselves and both provinces' packs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from forms.spec import FormSpec
from tests.forms.papers import FORMS, NOW, ROOT, house, read_form
from workflows import policies
from workflows.policies import Pack, Packs


@pytest.fixture(scope="session")
def specs() -> Mapping[str, FormSpec]:
    """Every form by id, the specimen included."""
    return {spec.id: spec for spec in map(read_form, FORMS)}


@pytest.fixture(scope="session")
def packs() -> Packs:
    """The packs as deployed."""
    return policies.load({path.name: path.read_bytes() for path in (ROOT / "bpmn" / "policies").glob("*.toml")})


@pytest.fixture(scope="session", params=["liaoning", "guangxi"])
def pack(request: pytest.FixtureRequest, packs: Packs) -> Pack:
    """The pack of one province, then of the other."""
    return packs[request.param].on(NOW.date())


@pytest.fixture
def context(pack: Pack) -> Callable[..., dict[str, Any]]:
    """``context(task={…}, ruling={…})``: the house's values with more of the instance's."""
    return lambda **more: house(pack, **more)
