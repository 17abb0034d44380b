"""Sensitive attributes: refused wherever a rule is kept or asked, unless somebody else approved a reason (C15)."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import delivery, journeys, lifecycle, onsite, planning, segments, stopping
from campaigns.admin.segments.page import SegmentForm
from campaigns.journeys import Call
from campaigns.lifecycle import NotPossible, take
from campaigns.models import Campaign, Decision, Delivery, JourneyVersion, Offer, Placement, Segment
from campaigns.offers.definitions import problems_of_offer, problems_of_placement
from campaigns.segments import Withheld
from customers import sensitive
from customers.models import Customer, SensitiveAttribute, SensitiveUse
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
OLD = {"attribute": "age", "gte": 60}
NESTED = {
    "all": [{"attribute": "id", "exists": True}, {"not": {"any": [OLD, {"attribute": "tier", "is": "x"}]}}]
}
LATER = NOW + timedelta(days=30)


@pytest.fixture
def age(db: None) -> SensitiveAttribute:
    return SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")


def allow(attribute: SensitiveAttribute, where: str, *, at=NOW, days: float = 30) -> SensitiveUse:
    use = sensitive.ask(attribute, where, reason="pensioners' discount by law", by="marta", at=at)
    sensitive.approve(use, until=at + timedelta(days=days), by="pia", at=at)
    return use


def aged(count: int, value: int = 70) -> list[int]:
    ids = people(count)
    Customer.objects.filter(pk__in=ids).update(attributes={"age": value})
    return ids


# --- approvals -------------------------------------------------------------------------------------------------------


def test_c15_a_use_is_approved_by_somebody_else_once_and_until_a_date(age: SensitiveAttribute) -> None:
    use = sensitive.ask(age, "segment:old", reason="law", by="marta", at=NOW)
    assert sensitive.allowed({"age"}, at=NOW) == set()
    with pytest.raises(sensitive.NotAllowed, match="Somebody else"):
        sensitive.approve(use, until=LATER, by="marta", at=NOW)
    for until in (NOW, NOW + sensitive.LONGEST + timedelta(seconds=1)):
        with pytest.raises(sensitive.NotAllowed, match="a year from now"):
            sensitive.approve(use, until=until, by="pia", at=NOW)
    assert sensitive.allowed({"age"}, at=NOW) == set()
    sensitive.approve(use, until=LATER, by="pia", at=NOW)
    assert sensitive.allowed({"age"}, at=NOW) == {("age", "segment:old")}
    assert sensitive.allowed({"age"}, at=LATER) == set(), "it ends by itself"
    with pytest.raises(sensitive.NotAllowed, match="answered already"):
        sensitive.approve(use, until=LATER, by="otto", at=NOW)
    sensitive.end(use, at=NOW + timedelta(days=1))
    assert sensitive.allowed({"age"}, at=NOW + timedelta(days=1)) == set()


def test_c15_a_refused_wish_is_not_approved_afterwards(age: SensitiveAttribute) -> None:
    use = sensitive.ask(age, "segment:old", reason="law", by="marta", at=NOW)
    sensitive.end(use, at=NOW)
    with pytest.raises(sensitive.NotAllowed, match="answered already"):
        sensitive.approve(use, until=LATER, by="pia", at=NOW)


@pytest.mark.parametrize(
    ("where", "reason"), [("old", "law"), ("model:x", "law"), ("segment:", "law"), ("offer:x", " ")]
)
def test_c15_asking_says_where_and_why(age: SensitiveAttribute, where: str, reason: str) -> None:
    with pytest.raises(sensitive.NotAllowed, match="Say w"):
        sensitive.ask(age, where, reason=reason, by="marta", at=NOW)
    assert not age.uses.exists()


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [OLD, NESTED])
def test_c15_a_segment_that_names_it_is_not_saved_until_approved(
    age: SensitiveAttribute, rule: object
) -> None:
    def form() -> SegmentForm:
        return SegmentForm({"name": "Old", "slug": "old", "rule": json.dumps(rule)})

    refused = form()
    assert not refused.is_valid()
    assert "“age” is a sensitive attribute" in refused.errors["rule"][0]
    assert (
        "“segment:old”" in refused.errors["rule"][0] and "somebody else approves" in refused.errors["rule"][0]
    )
    allow(age, "segment:old", at=timezone.now())
    assert form().is_valid()


def test_c15_an_approval_is_for_one_place_only(age: SensitiveAttribute) -> None:
    allow(age, "segment:old")
    segments.matching(OLD, at=NOW, where="segment:old")
    for elsewhere in ("segment:older", "offer:old", ""):
        with pytest.raises(Withheld):
            segments.matching(OLD, at=NOW, where=elsewhere)


def test_c15_a_segment_inside_needs_both_approvals(age: SensitiveAttribute) -> None:
    Segment.objects.create(slug="old", name="Old", rule=OLD)
    inside = {"all": [{"attribute": "id", "exists": True}, {"segment": "old"}]}
    with pytest.raises(Withheld, match="segment:old"):
        segments.matching(inside, at=NOW)
    allow(age, "segment:old")
    segments.matching(inside, at=NOW)
    with pytest.raises(Withheld, match="offer:ten"):
        segments.matching(inside, at=NOW, where="offer:ten")
    allow(age, "offer:ten")
    segments.matching(inside, at=NOW, where="offer:ten")


def test_c15_an_offer_s_approval_is_none_for_the_segment_inside(age: SensitiveAttribute) -> None:
    Segment.objects.create(slug="old", name="Old", rule=OLD)
    allow(age, "offer:ten")
    with pytest.raises(Withheld, match="segment:old"):
        segments.matching({"segment": "old"}, at=NOW, where="offer:ten")


def test_c15_offers_and_formulas_that_name_it_are_refused(age: SensitiveAttribute) -> None:
    ten = Offer(slug="ten", title="Ten", benefit="percent", value=10, eligibility=NESTED)
    assert "sensitive" in problems_of_offer(ten)["eligibility"]
    ten.status = Offer.Status.ARCHIVED
    assert problems_of_offer(ten) == {}, "what nobody gets can be put away"
    lines = [{"when": OLD, "value": 2}, {"value": 1}]
    place = Placement(slug="home", name="Home", ranking="formula", formula=lines)
    assert "placement:home" in problems_of_placement(place, fallback_is_capped=False)["formula"]
    for where in ("placement:home", "offer:ten"):
        allow(age, where, at=timezone.now())
    ten.status = Offer.Status.DRAFT
    assert problems_of_offer(ten) == problems_of_placement(place, fallback_is_capped=False) == {}


def test_c15_a_journey_that_names_it_itself_is_told_to_use_a_segment(age: SensitiveAttribute) -> None:
    split = {"kind": "split", "rule": OLD, "next": None, "otherwise": None}
    told = journeys.check(
        {"entry": {"event": "ordered"}, "reentry": "never", "steps": {"a": split}, "start": "a"},
        channel="email",
    )
    assert any("segment of its own" in str(problem) for problem in told)


# --- what runs -------------------------------------------------------------------------------------------------------


def test_c15_a_campaign_is_not_approved_while_its_segment_asks_for_it(
    campaign: Make, age: SensitiveAttribute
) -> None:
    aged(3)
    row = campaign(rule=OLD, launched=False)
    with pytest.raises(NotPossible, match="“age” is a sensitive attribute"):
        take(row, "approve", by="anton", at=NOW)
    row.refresh_from_db()
    assert row.status == "draft"
    allow(age, f"segment:{row.audiences.get().segment.slug}")
    take(row, "approve", by="anton", at=NOW)
    assert row.status == "approved" and row.approved_people == 3


def test_c15_a_campaign_is_not_approved_while_its_offer_or_formula_asks_for_it(
    campaign: Make, age: SensitiveAttribute
) -> None:
    aged(2)
    row = campaign(offer("ten", eligibility=OLD), launched=False)
    with pytest.raises(NotPossible, match="offer:ten"):
        take(row, "approve", by="anton", at=NOW)
    allow(age, "offer:ten")
    Placement.objects.create(
        slug="email", name="Mail", ranking="formula", formula=[{"when": OLD, "value": 2}, {"value": 1}]
    )
    with pytest.raises(NotPossible, match="placement:email"):
        take(row, "approve", by="anton", at=NOW)


def test_c15_declared_after_the_launch_nobody_is_chosen_and_the_others_go_on(campaign: Make) -> None:
    aged(4)
    bad = campaign(rule=OLD, priority=9)
    good = campaign(priority=1)
    SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    assert planning.plan_due(at=NOW) == 4
    assert set(Decision.objects.values_list("campaign", flat=True)) == {good.pk}
    assert bad.runs.get().state in ("due", "planning"), "it waits and is not lost"
    stopped = stopping.check_sensitive(at=NOW)
    assert [row.pk for row in stopped] == [bad.pk]
    bad.refresh_from_db()
    assert bad.status == "paused" and "“age”" in bad.stopped_because
    with pytest.raises(NotPossible, match="sensitive"):
        take(bad, "resume", by="anton", at=NOW)


def test_c15_when_the_approval_ends_it_stops_what_waits_too(
    campaign: Make, age: SensitiveAttribute, sink
) -> None:
    aged(3)
    row = campaign(rule=OLD, launched=False)
    allow(age, f"segment:{row.audiences.get().segment.slug}", days=1 / 24)
    take(row, "approve", by="anton", at=NOW)
    take(row, "launch", by="anton", at=NOW)
    assert planning.plan_due(at=NOW) == 3
    assert stopping.check_sensitive(at=NOW) == []
    over = NOW + timedelta(hours=1)
    assert [one.pk for one in stopping.check_sensitive(at=over)] == [row.pk]
    delivery.deliver_all(clock=lambda: over)
    assert sink.recipients() == []
    assert set(Delivery.objects.values_list("status", flat=True)) <= {"planned", "suppressed"}


def test_c15_an_offer_declared_later_is_nobody_s_and_another_with_the_same_rule_and_an_approval_stays(
    campaign: Make, age: SensitiveAttribute
) -> None:
    (pk,) = aged(1)
    allow(age, "offer:b")
    row = campaign(launched=False)
    audience = row.audiences.prefetch_related("offers__categories").get()
    audience.offers.set([offer("a", eligibility=OLD, priority=9), offer("b", eligibility=OLD)])
    Campaign.objects.filter(pk=row.pk).update(status="running")
    row.runs.create(due_at=NOW)
    planning.plan_due(at=NOW)
    decision = Decision.objects.get(customer=pk)
    assert decision.offer.slug == "b"
    assert {one["offer"]: one["verdict"] for one in decision.candidates} == {
        "a": "not_eligible",
        "b": "chosen",
    }


def test_c15_in_the_shop_a_withheld_audience_is_passed_over(campaign: Make) -> None:
    (pk,) = aged(1)
    campaign(offer("ten"), rule=OLD, channel="onsite", placement="home", priority=9)
    campaign(offer("five"), channel="onsite", placement="home")
    assert onsite.decide(pk, "home", at=NOW).offers[0].slug == "ten"
    Decision.objects.all().delete()
    SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    assert onsite.decide(pk, "home", at=NOW).offers[0].slug == "five"


def test_c15_a_journey_lets_nobody_in_by_a_withheld_segment(campaign: Make) -> None:
    (pk,) = aged(1)
    row = campaign(kind="journey", launched=False, rule=OLD)
    Campaign.objects.filter(pk=row.pk).update(status="running")
    row.refresh_from_db()
    definition = {
        "entry": {"event": "ordered"}, "reentry": "never", "start": "a",
        "steps": {"a": {"kind": "message", "message": "hello", "next": None}},
    }  # fmt: skip
    version = JourneyVersion.objects.create(campaign=row, number=1, definition=definition)
    SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    entered = journeys.enter(version, [Call(pk, "1")], at=NOW)
    assert (entered.arms, entered.refused) == ({}, {pk: "not_matched"})
    assert not row.entries.exists()


def test_c15_what_is_not_declared_needs_no_approval(campaign: Make, age: SensitiveAttribute) -> None:
    ids = people(2)
    Customer.objects.filter(pk__in=ids).update(attributes={"tier": "gold"})
    row = campaign(rule={"attribute": "tier", "is": "gold"})
    assert planning.plan_due(at=NOW) == 2
    assert row.status == lifecycle.Status.RUNNING
