"""A journey's run stays open, and the goal is asked once more before each message leaves."""

from datetime import timedelta

import pytest

from campaigns import checks, delivery, journeys, lifecycle, planning
from campaigns.models import Campaign, CampaignRun, Delivery, JourneyVersion
from tests.campaigns.conftest import people
from tests.campaigns.test_journeys import HOUR, did, enter
from tests.campaigns.test_journeys import journey as journey
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_a_journey_is_never_late_and_never_done_by_itself(journey, sink) -> None:
    (anna,) = people(1)
    row = journey()
    assert CampaignRun.objects.get().state == "delivering"
    assert not planning.late(at=NOW + timedelta(days=9)).exists()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 1}
    assert lifecycle.finish_done(at=NOW) == 0
    assert (Campaign.objects.get().status, CampaignRun.objects.get().state) == ("running", "delivering")


def test_what_is_planned_for_someone_who_has_done_it_meanwhile_does_not_leave(journey, sink) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna, berta)
    journeys.advance_all(at=NOW)
    did(anna, "ordered", at=NOW + HOUR)
    assert delivery.deliver_all(clock=lambda: NOW + 2 * HOUR) == {"sent": 1, "suppressed": 1}
    assert dict(Delivery.objects.values_list("customer_id", "reason")) == {anna: "left_journey", berta: ""}
    assert sink.recipients() == ["c001@mail.example"]


def test_a_journey_without_steps_is_not_approved(campaign) -> None:
    row = campaign(kind=Campaign.Kind.JOURNEY, launched=False, message=None)
    assert checks.problems(row, at=NOW) == ["It has no steps yet: write them, or start from a recipe."]
    with pytest.raises(lifecycle.NotPossible):
        lifecycle.take(row, "approve", by="tests", at=NOW)
    assert not JourneyVersion.objects.exists()
