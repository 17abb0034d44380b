"""A campaign's life: who may approve what, the call back, and when it is over."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import contents, lifecycle, planning
from campaigns.lifecycle import NotPossible, take
from campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignSegment,
    JourneyEntry,
    JourneyVersion,
    Message,
    Offer,
    Segment,
    Variant,
)
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW

Make = Callable[..., Campaign]
LATER = NOW + timedelta(days=1)


def test_s5_above_a_size_a_second_person_approves(campaign: Make, settings) -> None:
    people(12)
    settings.APPROVAL_ABOVE = 10
    row = campaign(launched=False, created_by="marta")
    with pytest.raises(NotPossible, match="12 people"):
        take(row, "approve", by="marta", at=NOW)
    row.refresh_from_db()
    assert (row.status, row.approved_by, row.approved_people) == ("draft", "", None)
    take(row, "approve", by="anton", at=NOW)
    assert (row.status, row.approved_by, row.approved_people) == ("approved", "anton", 12)


def test_n3_a_refused_approval_leaves_no_look_behind(campaign: Make, settings) -> None:
    people(12)
    settings.APPROVAL_ABOVE = 10
    row = campaign(launched=False, created_by="marta")
    with pytest.raises(NotPossible, match="12 people"):
        take(row, "approve", by="marta", at=NOW)
    assert not row.fairness_checks.exists()
    take(row, "approve", by="anton", at=NOW)
    assert row.fairness_checks.count() == 1
    with pytest.raises(NotPossible, match="approved"):
        take(row, "approve", by="anton", at=NOW)
    assert row.fairness_checks.count() == 1


def test_up_to_that_size_who_made_it_approves(campaign: Make, settings) -> None:
    people(10)
    settings.APPROVAL_ABOVE = 10
    row = campaign(launched=False, created_by="marta")
    take(row, "approve", by="marta", at=NOW)
    assert row.approved_people == 10


def test_s5_an_audience_that_grew_beyond_its_approval_is_approved_again(campaign: Make, settings) -> None:
    people(20)
    settings.APPROVAL_ABOVE = 10
    row = campaign(launched=False)
    take(row, "approve", by="anton", at=NOW)
    people(3, prefix="d")
    with pytest.raises(NotPossible, match="approved for 20 people and reaches 23"):
        take(row, "launch", by="anton", at=NOW)
    assert not row.runs.exists()
    take(row, "revise", by="anton", at=NOW)
    assert (row.status, row.approved_by, row.approved_people) == ("draft", "", None)
    take(row, "approve", by="anton", at=NOW)
    take(row, "launch", by="anton", at=NOW)
    assert row.runs.count() == 1


CHANGES: dict[str, Callable[[Campaign], object]] = {
    "the words of its message": lambda row: Message.objects.update(subject="Another"),
    "a segment's rule": lambda row: Segment.objects.filter(campaigns__campaign=row).update(
        rule={"not": {"attribute": "country", "is": "FR"}}
    ),
    "the rule of a segment inside": lambda row: Segment.objects.filter(slug="inside").update(
        rule={"not": {"attribute": "country", "is": "IT"}}
    ),
    "what an offer gives": lambda row: Offer.objects.update(value=Decimal(90)),
    "which offers an audience gets": lambda row: row.audiences.get().offers.clear(),
    "its audiences": lambda row: CampaignSegment.objects.create(
        campaign=row, segment=Segment.objects.get(slug="inside"), position=1
    ),
    "its control group": lambda row: Campaign.objects.update(control_percent=Decimal(50)),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_s5_what_was_changed_after_its_approval_is_approved_again(
    campaign: Make, settings, changed: str
) -> None:
    people(12)
    settings.APPROVAL_ABOVE = 2
    Segment.objects.create(slug="inside", name="Inside", rule={"attribute": "id", "exists": True})
    ten = offer("ten")
    row = campaign(ten, launched=False, rule={"segment": "inside"}, created_by="marta")
    take(row, "approve", by="anton", at=NOW)
    Offer.objects.update(given=3)  # what people do with it is no change
    take(row, "launch", by="marta", at=NOW)
    take(row, "recall", by="marta", at=NOW)
    CHANGES[changed](row)
    row.refresh_from_db()
    with pytest.raises(NotPossible, match="changed after it was approved"):
        take(row, "launch", by="marta", at=NOW)
    assert not row.runs.exists()
    take(row, "revise", by="marta", at=NOW)
    take(row, "approve", by="anton", at=NOW)
    take(row, "launch", by="marta", at=NOW)
    assert row.runs.count() == 1


def test_s5_to_resume_what_was_changed_in_its_pause_is_to_approve_it(
    campaign: Make, message: Message, settings
) -> None:
    people(12)
    settings.APPROVAL_ABOVE = 10
    row = campaign(launched=False, created_by="marta")
    for step, by in (("approve", "anton"), ("launch", "marta"), ("pause", "marta"), ("resume", "marta")):
        take(row, step, by=by, at=NOW)
    assert row.approved_by == "anton", "nothing was changed"
    take(row, "pause", by="marta", at=NOW)
    Message.objects.filter(pk=message.pk).update(subject="Another")
    with pytest.raises(NotPossible, match="neither made nor changed it"):
        take(row, "resume", by="marta", at=NOW)
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("paused", "anton")
    take(row, "resume", by="vera", at=NOW)
    assert (row.status, row.approved_by) == ("running", "vera")


def test_s5_what_was_changed_while_one_looked_is_looked_at_again(campaign: Make, message: Message) -> None:
    row = campaign(launched=False)
    seen = contents.fingerprint(row)
    Message.objects.filter(pk=message.pk).update(subject="Another")
    with pytest.raises(NotPossible, match="look at it again"):
        take(row, "approve", by="anton", at=NOW, seen=seen)
    row.refresh_from_db()
    assert (row.status, row.approved_contents, row.fairness_checks.count()) == ("draft", "", 0)
    take(row, "approve", by="anton", at=NOW, seen=contents.fingerprint(row))
    assert row.status == "approved"


def test_a_launch_can_be_called_back_before_anything_is_planned(campaign: Make) -> None:
    people(3)
    row = campaign(launched=False)
    take(row, "approve", by="anton", at=NOW)
    take(row, "launch", by="anton", at=NOW, undo=lifecycle.UNDO)
    assert row.runs.get().due_at == NOW + timedelta(seconds=60)
    assert planning.plan_due(at=NOW + timedelta(seconds=59)) == 0
    take(row, "recall", by="anton", at=NOW)
    assert row.status == "approved" and not row.runs.exists()
    assert planning.plan_due(at=NOW + timedelta(hours=1)) == 0


def test_what_has_begun_is_not_called_back(campaign: Make) -> None:
    people(3)
    row = campaign()
    assert planning.plan_due(at=NOW) == 3
    with pytest.raises(NotPossible, match="It has begun"):
        take(row, "recall", by="anton", at=NOW)
    row.refresh_from_db()
    assert row.status == "running" and row.runs.count() == 1


def test_a_bandit_needs_a_campaign_that_goes_on_and_one_variant_is_none(
    campaign: Make, message: Message
) -> None:
    row = campaign(launched=False, allocation="bandit")
    Variant.objects.create(campaign=row, key="a", message=message)
    with pytest.raises(NotPossible, match=r"goes on.*one variant only|one variant only.*goes on"):
        take(row, "approve", by="anton", at=NOW)


def test_a_journey_is_over_when_its_end_has_passed_and_nobody_is_on_the_way(campaign: Make) -> None:
    (pk,) = people(1)
    row = campaign(kind="journey", launched=False, ends_at=LATER)
    Campaign.objects.filter(pk=row.pk).update(status="running")
    run = CampaignRun.objects.create(campaign=row, due_at=NOW, state="delivering")
    version = JourneyVersion.objects.create(campaign=row, number=1, definition={})
    entry = JourneyEntry.objects.create(
        campaign=row, version=version, customer_id=pk, key="1", step="wait", entered_at=NOW
    )
    for at, waits in ((NOW, False), (LATER, True)):
        JourneyEntry.objects.filter(pk=entry.pk).update(state="waiting" if waits else "done")
        assert lifecycle.finish_done(at=at) == 0
        row.refresh_from_db()
        assert row.status == "running"
    JourneyEntry.objects.filter(pk=entry.pk).update(state="done")
    assert lifecycle.finish_done(at=LATER) == 1
    row.refresh_from_db()
    run.refresh_from_db()
    assert (row.status, run.state) == ("finished", "done")


def test_a_cancelled_journey_lets_everybody_go(campaign: Make) -> None:
    (pk,) = people(1)
    row = campaign(kind="journey", launched=False)
    Campaign.objects.filter(pk=row.pk).update(status="running")
    version = JourneyVersion.objects.create(campaign=row, number=1, definition={})
    JourneyEntry.objects.create(
        campaign=row, version=version, customer_id=pk, key="1", step="wait", entered_at=NOW, wake_at=LATER
    )
    row.refresh_from_db()
    take(row, "cancel", by="anton", at=NOW)
    entry = row.entries.get()
    assert (entry.state, entry.left_by, entry.left_at, entry.wake_at) == ("left", "cancelled", NOW, None)


def test_what_shows_in_the_shop_ends_with_its_end(campaign: Make) -> None:
    row = campaign(channel="onsite", placement="home", ends_at=LATER, control_percent=Decimal(0))
    lifecycle.finish_done(at=NOW)
    row.refresh_from_db()
    assert row.status == "running"
    lifecycle.finish_done(at=LATER)
    row.refresh_from_db()
    assert row.status == "finished"
