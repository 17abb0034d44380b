"""Variants, days, offers and what stands beside the headline: worked by hand, and blank where people could be told."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns import reports, statistics
from campaigns.models import Campaign, Code, CodeMisuse, Decision, Message, Offer, ShareChange
from campaigns.reports import beside, thin
from customers.models import Customer
from tests.campaigns.conftest import offer
from tests.campaigns.reporting import DAY, LONG_AGO, START, Built, built, paid, with_codes
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def with_variants(made: Built, sizes: dict[str, int]) -> dict[str, list[str]]:
    """Deal the treated to variants of equal weight, in order; the names of each."""
    message = Message.objects.create(slug="hello", name="Hello", subject="Hello", body="Hello")
    dealt, begin = {}, 0
    for key, size in sizes.items():
        row = made.campaign.variants.create(key=key, name=key.upper(), message=message)
        dealt[key] = made.treated[begin : begin + size]
        Decision.objects.filter(customer__external_id__in=dealt[key]).update(variant=row)
        begin += size
    return dealt


def halves(names: list[str], less: str, more: str) -> None:
    """The first half pays less, the other more."""
    paid(names[: len(names) // 2], less)
    paid(names[len(names) // 2 :], more)


# --- variants ----------------------------------------------------------------------------------------------------------


def test_each_variant_has_its_effect_and_the_better_one_is_named_by_money() -> None:
    """Halves pay 10 and 30, 30 and 50, of the control 10 and 30: each variance 100·30/29, each error √(2·100/29)."""
    made = built(60, 30)
    dealt = with_variants(made, {"a": 30, "b": 30})
    halves(dealt["a"], "10.00", "30.00")
    halves(dealt["b"], "30.00", "50.00")
    halves(made.control, "10.00", "30.00")
    found = made.report().variants
    assert found is not None
    assert [(row.key, row.name, row.people, row.ordered) for row in found.rows] == [
        ("a", "A", 30, 30),
        ("b", "B", 30, 30),
    ]
    assert [row.per_person for row in found.rows] == pytest.approx([20, 40])
    error = (2 * 100 / 29) ** 0.5
    wide = 2.30083 * error  # two comparisons: 98.75 %, 58 degrees of freedom
    a, b = found.rows
    assert (a.effect, a.low, a.high) == pytest.approx((0, -wide, wide), abs=1e-3)
    assert (b.effect, b.low, b.high) == pytest.approx((20, 20 - wide, 20 + wide), abs=1e-3)
    assert (a.verdict, b.verdict) == ("cannot_tell", "earned")
    (pair,) = found.pairs
    assert (pair.first, pair.second) == ("a", "b")
    narrow = 2.00172 * error  # the one pair there is
    assert (pair.difference, pair.low, pair.high) == pytest.approx(
        (-20, -20 - narrow, -20 + narrow), abs=1e-3
    )
    assert (found.winner, found.why_no_winner) == ("b", "")
    assert found.sample_ratio_p == pytest.approx(1.0)
    assert not found.is_weighted


def test_n5_no_winner_is_named_while_chance_could_make_the_difference() -> None:
    made = built(60, 30)
    dealt = with_variants(made, {"a": 30, "b": 30})
    halves(dealt["a"], "10.00", "30.00")
    halves(dealt["b"], "11.00", "31.00")
    halves(made.control, "10.00", "30.00")
    found = made.report().variants
    assert (found.winner, found.why_no_winner) == ("", "Cannot tell yet which is better.")
    # (1.959964·σ)²·4 less the 60 there are, σ² = 2·3,000/58.
    assert found.people_needed == 1530


def test_a_variant_that_is_too_small_is_blank_and_takes_the_next_along() -> None:
    made = built(72, 30)
    dealt = with_variants(made, {"a": 30, "b": 23, "c": 19})
    paid([name for names in dealt.values() for name in names], "10.00")
    paid(made.control, "10.00")
    found = made.report().variants
    assert [row.people for row in found.rows] == [30, None, None]
    assert [(row.effect, row.per_person) for row in found.rows[1:]] == [(None, None)] * 2
    assert (found.pairs, found.winner) == ([], "")
    assert found.why_no_winner.startswith("Cannot tell yet")


def test_n5_variants_of_sizes_that_chance_does_not_make_are_not_compared() -> None:
    made = built(60, 30)
    dealt = with_variants(made, {"a": 45, "b": 15})  # half and half was set: p = 0.0001
    paid([*dealt["a"], *made.control], "10.00")
    paid(dealt["b"], "20.00")
    found = made.report().variants
    assert found.sample_ratio_p == pytest.approx(0.000108, abs=1e-6)
    assert (found.pairs, found.winner) == ([], "")
    assert all(row.effect is None for row in found.rows)
    assert "chance does not make" in found.why_no_winner


def test_shares_that_were_learnt_are_weighed_out_again() -> None:
    """Early everyone pays 10, later 30, whatever the variant. As b gets four in five of the later, its plain mean is
    22.3 against 15.7; one over each chance makes both 20."""
    made = built(200, 100, allocation="bandit", kind="recurring")
    dealt = with_variants(made, {"a": 70, "b": 130})
    made.campaign.share_changes.create(at=START + DAY, shares={"a": 0.2, "b": 0.8})
    late = [*dealt["a"][50:], *dealt["b"][50:]]
    Decision.objects.filter(customer__external_id__in=late).update(decided_at=START + 2 * DAY)
    early = [name for name in made.treated if name not in late]
    paid(early, "10.00")
    paid(late, "30.00")
    paid(made.control, "20.00")
    found = made.report().variants
    assert found.is_weighted
    assert [row.per_person for row in found.rows] == pytest.approx([20, 20])
    assert [row.effect for row in found.rows] == pytest.approx([0, 0])
    assert found.sample_ratio_p == pytest.approx(1.0)
    ShareChange.objects.all().delete()
    assert made.report().variants.sample_ratio_p < 0.001


def test_a_campaign_without_variants_has_none_to_report() -> None:
    assert built(20, 20).report().variants is None


# --- over time -----------------------------------------------------------------------------------------------------------


def test_the_last_day_says_what_the_headline_says_and_each_day_what_it_knew() -> None:
    made = built(60, 60)
    paid(made.treated[:50], "12.00", START + timedelta(hours=30))
    paid(made.control[:50], "10.00", START + timedelta(hours=30))
    paid(made.treated[50:60], "6.00", START + timedelta(hours=60))
    found = made.report()
    days = found.days
    assert [day.until for day in days] == [START + n * DAY for n in range(1, 15)]
    assert (days[0].effect, days[0].treated) == (None, None)  # nobody has bought yet
    assert (days[1].treated, days[1].control) == pytest.approx((10.0, 50 / 6))
    assert days[1].effect == pytest.approx(5 / 3)
    early = made.report(at=START + 2 * DAY).effect
    assert (days[1].low, days[1].high, days[1].interval) == (
        pytest.approx(early.low), pytest.approx(early.high), "sequence",
    )  # fmt: skip
    # Nobody of the control bought in that day: no mean of it; the effect so far rests on all.
    assert (days[2].treated, days[2].control) == (None, None)
    assert days[2].effect == pytest.approx((600 + 60 - 500) / 60)
    last = days[-1]
    assert (last.effect, last.low, last.high, last.interval) == (
        found.effect.per_person, found.effect.low, found.effect.high, "fixed",
    )  # fmt: skip


def test_n1_a_day_of_a_few_buyers_is_told_with_the_days_around_it() -> None:
    made = built(60, 60)
    paid(made.treated[:50], "12.00", START + timedelta(hours=30))
    paid(made.control[:50], "10.00", START + timedelta(hours=30))
    paid(made.treated[50:59], "6.00", START + timedelta(hours=60))
    days = made.report().days
    # Two points, one on either side of nine people's money, could be subtracted.
    assert [day.until for day in days] == [START + DAY, START + 14 * DAY]
    paid(made.treated[59:], "6.00", START + timedelta(hours=130))
    assert [day.until for day in made.report().days[:4]] == [START + n * DAY for n in (1, 2, 6, 7)]


def test_a_long_time_has_no_more_than_120_points() -> None:
    made = built(30, 30, window_days=300)
    paid([*made.treated, *made.control], "10.00", START + DAY)
    days = made.report(at=START + 300 * DAY).days
    assert (len(days), days[0].until, days[-1].until) == (100, START + 3 * DAY, START + 300 * DAY)


def test_there_is_nothing_over_time_where_the_effect_may_not_be_read() -> None:
    assert built(30, 0).report().days == []


# --- beside --------------------------------------------------------------------------------------------------------------


def test_who_ordered_at_all_stands_beside_as_exploratory() -> None:
    made = built(70, 80)
    paid(made.treated[:56], "10.00")
    paid(made.control[:48], "10.00")
    orders = made.report().beside.orders
    # 56/70 against 48/80, as published (Newcombe 1998).
    assert (orders.treated, orders.control, orders.difference) == pytest.approx((0.8, 0.6, 0.2))
    assert (orders.low, orders.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert (orders.interval, orders.is_exploratory) == ("newcombe", True)


def test_before_the_end_orders_are_read_by_the_sequence_and_nothing_else_stands_beside() -> None:
    made = built(70, 80)
    paid(made.treated[:56], "10.00")
    paid(made.control[:50], "10.00")
    found = made.report(at=START + 5 * DAY).beside
    assert found.orders.interval == "sequence"
    assert (found.bootstrap, found.winsorised) == (None, None)


def test_money_is_cut_at_what_was_paid_before_launch_and_not_at_what_came_after() -> None:
    made = built(40, 40)
    paid([*made.treated, *made.control], "10.00", LONG_AGO, number="before")
    paid(made.treated[:20], "5.00")
    paid(made.treated[20:21], "1000.00")
    paid(made.control[:20], "5.00")
    found = made.report()
    assert found.effect.per_person == pytest.approx(25)
    assert found.beside.cap == 10
    assert found.beside.winsorised is not None
    assert found.beside.winsorised[0] == pytest.approx(10 / 40)


def test_without_a_past_there_is_no_place_to_cut() -> None:
    made = built(40, 40)
    paid([*made.treated, *made.control], "10.00")
    assert made.report().beside.winsorised is None


@pytest.mark.once
def test_the_bootstrap_of_the_spenders_alone_is_that_of_everybody() -> None:
    rng = np.random.default_rng(7)
    arms = [np.where(rng.random(n) < 0.2, rng.lognormal(3, 1, n), 0.0) for n in (400, 200)]
    quick = beside.bootstrap(*arms, rng=np.random.default_rng(1), samples=20_000)
    known = statistics.bootstrap(*arms, rng=np.random.default_rng(2), samples=20_000)
    assert quick == pytest.approx(known, abs=0.25)
    assert quick == beside.bootstrap(*arms, rng=np.random.default_rng(1), samples=20_000)
    assert beside.bootstrap(np.zeros(3), np.zeros(2), rng=rng) == (0.0, 0.0)


# --- offers of a segment ---------------------------------------------------------------------------------------------------


def with_offers(made: Built, sizes: dict[str, int]) -> None:
    begin = 0
    for title, size in sizes.items():
        row = offer(title.lower(), title=title)
        Decision.objects.filter(customer__external_id__in=made.treated[begin : begin + size]).update(
            offer=row
        )
        begin += size


def test_what_people_did_is_told_by_segment_and_offer() -> None:
    made = built(60, 30)
    with_offers(made, {"Ten": 40, "Free": 20})
    paid(made.treated[:30], "20.00")
    paid(made.treated[40:50], "8.00")
    paid(made.control[:10], "5.00")
    (row,) = made.report().segments
    assert [(cell.offer, cell.people, cell.ordered, cell.revenue_per_person) for cell in row.cells] == [
        ("Ten", 40, 30, 15.0),
        ("Free", 20, 10, 4.0),
    ]
    assert row.offer == "Ten (40), Free (20)"


def test_a_single_small_cell_takes_the_next_along_and_its_count_is_told_nowhere() -> None:
    made = built(79, 40)
    with_offers(made, {"Ten": 40, "Free": 20, "Rare": 19})
    paid([*made.treated, *made.control], "10.00")
    (row,) = made.report().segments
    assert [cell.people for cell in row.cells] == [40, None, None]
    assert row.offer == "Ten (40), Free, Rare"


def test_people_without_an_offer_are_a_cell_too_that_could_betray_another() -> None:
    """60 treated, 41 with Ten, 19 without anything: Ten's number would tell theirs."""
    made = built(60, 40)
    with_offers(made, {"Ten": 41})
    paid([*made.treated, *made.control], "10.00")
    (row,) = made.report().segments
    assert [cell.people for cell in row.cells] == [None]


@pytest.mark.once
def test_n1_a_blank_cell_s_company_is_the_smallest_of_the_others() -> None:
    assert thin.blank({"a": 5, "b": 30, "c": 20}, {"a"}) == {"a", "c"}
    # Two of a few people do not hide each other: subtracting would tell of eleven.
    assert thin.blank({"a": 5, "b": 30, "c": 6}, {"a", "c"}) == {"a", "b", "c"}
    assert thin.blank({"a": 15, "b": 30, "c": 6}, {"a", "c"}) == {"a", "c"}
    assert thin.blank({"a": 0, "b": 30}, {"a"}) == {"a"}
    assert thin.blank({"a": 5}, {"a"}) == {"a"}


# --- codes -----------------------------------------------------------------------------------------------------------------


def test_codes_that_went_round_are_counted_with_the_tries_that_were_refused() -> None:
    made = built(40, 20)
    with_codes(made)
    first, second = Code.objects.order_by("pk")[:2]
    stranger = Customer.objects.get(external_id=made.control[3])
    for code, kind, number in (
        (first, "refused", "x1"),
        (first, "refused", "x2"),
        (second, "redeemed", "x3"),
    ):
        CodeMisuse.objects.create(code=code, kind=kind, customer=stranger, order_id=number, at=NOW)
    found = made.report().codes
    assert (found["leaked"], found["refused"], found["reversed"]) == (2, 2, 1)


def test_codes_of_another_campaign_are_not_counted() -> None:
    made = built(40, 20)
    with_codes(made)
    other = Campaign.objects.create(slug="other", name="Other")
    assert reports.report(other, at=NOW).codes["assigned"] == 0
    assert Offer.objects.count() == 1
    assert made.report().codes["discount"] == Decimal("17.00")
