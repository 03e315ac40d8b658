"""The task page: filled, refused without losing a word, read through, sent once, told what happens next."""

from __future__ import annotations

import pytest

from tests.webapp.case_world import APPLICANT, HR1, PRINCIPAL, Sheet, World


@pytest.fixture
def world(house: object) -> World:
    return World(house)


def test_an_application_goes_from_form_to_receipt(world: World, words) -> None:
    number = world.start()
    page = words(world.browser(APPLICANT).get(f"/instances/{number}/received"))
    assert number in page
    assert "单位推荐" in page
