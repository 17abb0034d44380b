"""Ranking by what an offer changes: learnt beside the control group, over the chance of what was given."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns.models import Campaign, Decision, Offer, Placement, RankingState
from campaigns.offers import effects, learning
from catalog.models import Product
from customers import consent
from customers.models import Event
from tests.campaigns.conftest import offer, people
from tests.campaigns.test_offers import choose, got, place
from tests.conftest import NOW, counted

pytestmark = pytest.mark.django_db

DECIDED = NOW - timedelta(days=20)
PEOPLE = 900


def test_the_level_and_slopes_of_a_weighed_line_worked_by_hand() -> None:
    z = np.array([[-1.0], [1.0], [1.0]])
    # The last weighs nothing: a line through (-1, 1) and (1, 5), its slope held back by the ridge: 2 · 3 / (3 + 1).
    found = effects._fitted(z, np.array([1.0, 5.0, 99.0]), np.array([1.0, 1.0, 0.0]))
    assert found == pytest.approx([3.0, 2 * 3 / 4])


@pytest.mark.parametrize(("apart", "sure"), [(0.0, False), (8.0, True)])
def test_offers_differ_only_when_their_people_surely_do(apart: float, sure: bool) -> None:
    rng = np.random.default_rng(1)
    groups = [(rng.normal(20 + shift, 10, 200), np.ones(200)) for shift in (0, 0, apart)]
    assert effects._differ(groups) is sure


@pytest.fixture
def tried(campaign, products: dict[str, Product]) -> Placement:
    """A third each held out, given `plants` and given `books`. Plants make regulars buy 30 more, books strangers 20."""
    home = place(ranking="uplift")
    ids = people(PEOPLE)
    row = campaign(launched=False, control_percent=Decimal("33.333"))
    given = [None, offer("books", priority=5), offer("plants")]
    decisions, events = [], []

    def order(pk: int, value: float, days_after: float) -> None:
        at = DECIDED + timedelta(days=days_after)
        events.append(
            Event(
                customer_id=pk, type="ordered", product=products["rose"], value=Decimal(f"{value:.2f}"),
                currency="EUR", order_id=f"{pk}-{days_after}", occurred_at=at, received_at=at, source="shop",
                message_id=f"{pk}-{days_after}", basis="contract",
            )
        )  # fmt: skip

    for n, pk in enumerate(ids):
        one, is_regular = given[n % 3], n % 6 < 3
        decisions.append(
            Decision(
                campaign=row, customer_id=pk, placement="home", purpose="personalization", basis="default",
                decided_at=DECIDED, offer=one, arm="treated" if one else "control",
                propensity=0.5 if one else 1.0, state="committed",
            )
        )  # fmt: skip
        if is_regular:
            order(pk, 30, -40)
        gain = 30 if n % 3 == 2 and is_regular else 20 if n % 3 == 1 and not is_regular else 0
        order(pk, 20 + n % 7 + gain, 3)
        order(pk, 500, 8)  # after the week
    Decision.objects.bulk_create(decisions)
    Event.objects.bulk_create(events)
    counted()
    return home


def renewed(home: Placement) -> RankingState | None:
    return learning.renew(home, at=NOW, rng=np.random.default_rng(1))


def regulars() -> set[int]:
    return set(Event.objects.filter(occurred_at__lt=DECIDED).values_list("customer_id", flat=True))


def test_each_gets_the_offer_that_changes_most_for_them(tried: Placement) -> None:
    arms = renewed(tried).arms
    assert {slug: arm["people"] for slug, arm in arms.items()} == {"books": 300, "plants": 300}
    assert arms["plants"]["effect"] == pytest.approx(15, abs=1)
    assert arms["books"]["effect"] == pytest.approx(10, abs=1)
    asked = (
        sorted(regulars())[:5],
        sorted(set(Decision.objects.values_list("customer_id", flat=True)) - regulars())[:5],
    )
    Decision.objects.all().delete()
    both = Offer.objects.get(slug="books"), Offer.objects.get(slug="plants")
    RankingState.objects.update(at=DECIDED)
    chosen = choose([*asked[1], *asked[0]], *both, placement=tried, at=DECIDED)
    assert got(chosen) == {pk: ["plants"] for pk in asked[0]} | {pk: ["books"] for pk in asked[1]}
    (first, *_), (second, *_) = (chosen[pk] for pk in (asked[0][0], asked[1][0]))
    assert first.score == pytest.approx(30, abs=3)
    assert second.score == pytest.approx(20, abs=3)
    assert {entry["by"] for entry in first.candidates if entry["verdict"] == "chosen"} == {"uplift"}


def test_c2_who_does_not_allow_it_teaches_nothing_and_is_ranked_as_a_stranger(tried: Placement) -> None:
    known = sorted(regulars())
    for pk in known[:3]:
        consent.withdraw(pk, "personalization", method="link", source="tests", actor="customer", at=NOW)
    arms = renewed(tried).arms
    assert sum(arm["people"] for arm in arms.values()) == 598  # one of the three was a control
    Decision.objects.all().delete()
    both = Offer.objects.get(slug="books"), Offer.objects.get(slug="plants")
    RankingState.objects.update(at=DECIDED)
    chosen = choose([known[0], known[3]], *both, placement=tried, at=DECIDED)
    assert got(chosen) == {known[0]: ["books"], known[3]: ["plants"]}


def test_offers_that_do_not_surely_differ_leave_the_order_somebody_thought_about(tried: Placement) -> None:
    Event.objects.filter(occurred_at__gt=DECIDED).update(value=20)
    Event.objects.filter(occurred_at__gt=DECIDED, customer_id__in=sorted(regulars())[::2]).update(value=30)
    assert renewed(tried) is None


def test_nothing_is_learnt_without_a_control_group(tried: Placement) -> None:
    Campaign.objects.update(control_percent=0)
    assert renewed(tried) is None


def test_a_rare_draw_weighs_what_it_stands_for(tried: Placement) -> None:
    """Plants were given to strangers by a third of the chance: weighed, the mean is that of everybody again."""
    plants = Decision.objects.filter(offer__slug="plants")
    strangers = [pk for pk in plants.values_list("customer_id", flat=True) if pk not in regulars()]
    Decision.objects.filter(customer_id__in=strangers[50:]).delete()
    Decision.objects.filter(customer_id__in=strangers[:50]).update(propensity=0.5 / 3)
    assert renewed(tried).arms["plants"]["effect"] == pytest.approx(15, abs=1)
