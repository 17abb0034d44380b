"""Days and hours as the desk tells them."""

from datetime import UTC, datetime

import pytest
from django.utils import translation
from django.utils.formats import date_format

pytestmark = pytest.mark.once
MOMENT = datetime(2026, 6, 11, 13, 47, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["DATETIME_FORMAT", "SHORT_DATETIME_FORMAT"])
def test_nobody_can_take_the_month_for_the_day(kind: str) -> None:
    with translation.override("en"):
        assert date_format(MOMENT, kind) == "11 Jun 2026, 13:47"
    with translation.override("zh-hans"):
        assert date_format(MOMENT, kind) == "2026年6月11日 13:47"


def test_a_sentence_that_ends_with_an_hour_has_one_full_stop() -> None:
    with translation.override("en"):
        assert not date_format(MOMENT, "SHORT_DATETIME_FORMAT").endswith(".")
