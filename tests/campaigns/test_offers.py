"""Which offer in which slot: eligibility, caps and budgets held exactly, and the next best where there is no room."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.models import CapCount, Code, Decision, Offer, OfferCap, Placement
from campaigns.offers import Choice, Taste, caps, choose_and_commit, set_aside_of, worst
from catalog.models import Product
from customers.models import Customer, Event
from tests.campaigns.conftest import garden, offer, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
NOTHING_KNOWN = Taste([])


def place(slug: str = "home", **fields: object) -> Placement:
    return Placement.objects.create(slug=slug, name=slug, **fields)


def choose(
    ids, *available: Offer, placement: Placement | None = None, at=NOW, rng=None
) -> dict[int, list[Choice]]:
    """As a planner does it, and the decisions kept."""
    placement = placement or Placement(slug="home", name="home")
    rows = list(Offer.objects.filter(pk__in=[one.pk for one in available]).prefetch_related("categories"))
    with transaction.atomic():
        chosen = choose_and_commit(
            dict.fromkeys(ids, NOTHING_KNOWN), rows, placement=placement, at=at, rng=rng
        )
        Decision.objects.bulk_create(
            Decision(
                customer_id=pk, placement=placement.slug, slot=slot, offer=choice.offer, purpose="personalization",
                basis="default", decided_at=at, expires_at=at + timedelta(hours=24), set_aside=choice.set_aside,
                propensity=choice.propensity, explored=choice.explored, candidates=choice.candidates,
            )
            for pk, choices in chosen.items() for slot, choice in enumerate(choices)
        )  # fmt: skip
    return chosen


def got(chosen: dict[int, list[Choice]]) -> dict[int, list[str]]:
    return {pk: [choice.offer.slug for choice in choices] for pk, choices in chosen.items()}


def verdicts(choice: Choice) -> dict[str, str]:
    return {entry["offer"]: entry["verdict"] for entry in choice.candidates}


def test_each_slot_holds_another_offer_the_best_first() -> None:
    (pk,) = people(1)
    rows = [
        offer("five", value=5),
        offer("ten"),
        offer("twenty", value=20),
        offer("least", priority=-1, value=90),
    ]
    chosen = choose([pk], *rows, placement=place(slots=3))
    assert got(chosen) == {pk: ["twenty", "ten", "five"]}
    assert verdicts(chosen[pk][0]) == {
        "five": "eligible",
        "ten": "eligible",
        "twenty": "chosen",
        "least": "eligible",
    }
    assert verdicts(chosen[pk][1])["twenty"] == "shown_elsewhere"
    assert list(Offer.objects.order_by("slug").values_list("slug", "given")) == [
        ("five", 1), ("least", 0), ("ten", 1), ("twenty", 1),
    ]  # fmt: skip


def test_every_candidate_has_its_verdict(products) -> None:
    anna, boris = people(2)
    Customer.objects.filter(pk=boris).update(country="FR")
    kitchen = offer("kitchen")
    kitchen.categories.set([Product.objects.get(sku="pan").category])
    offer("rare", max_total=0, priority=5)
    rows = [
        offer("draft", status="draft"),
        offer("french", eligibility={"attribute": "country", "is": "FR"}, priority=9),
        offer("over", ends_at=NOW),
        Offer.objects.get(slug="rare"),
        offer("poor", budget=Decimal(4), max_discount=Decimal(5), priority=4),
        offer("pool", code_kind="pool", priority=3),
        offer("capped", priority=2),
        kitchen,
        offer("ten"),
    ]
    OfferCap.objects.create(offer=rows[6], most=0)
    with transaction.atomic():
        chosen = choose_and_commit(
            {anna: Taste([Product.objects.get(sku="rose").pk]), boris: NOTHING_KNOWN},
            list(Offer.objects.prefetch_related("categories")),
            placement=Placement(slug="home"),
            at=NOW,
        )
    assert got(chosen) == {anna: ["ten"], boris: ["french"]}
    assert verdicts(chosen[anna][0]) == {
        "draft": "not_in_force", "french": "not_eligible", "over": "not_in_force", "rare": "capped_total",
        "poor": "budget_spent", "pool": "no_code_left", "capped": "capped_customer", "kitchen": "nothing_fits",
        "ten": "chosen",
    }  # fmt: skip
    assert Offer.objects.get(slug="french").given == 1


def test_what_fits_more_of_a_person_s_products_is_better(products) -> None:
    (pk,) = people(1)
    plants, _everything = offer("plants", value=30), offer("everything", value=10)
    plants.categories.set([garden()])
    rows = list(Offer.objects.prefetch_related("categories"))
    liked = [products["rose"].pk, products["mug"].pk]
    with transaction.atomic():
        chosen = choose_and_commit({pk: Taste(liked)}, rows, placement=Placement(slug="home"), at=NOW)
    # The first of two places weighs 1 / log2(2) of 1 / log2(2) + 1 / log2(3): 0.6131, times 30 %.
    assert (chosen[pk][0].offer, chosen[pk][0].score) == (plants, 0.183944)


def test_r5_a_total_cap_is_exact_and_turns_to_the_next_best() -> None:
    ids = people(5)
    chosen = choose(ids, offer("rare", max_total=2, priority=1), offer("ten"))
    assert sorted(got(chosen).values()) == [["rare"], ["rare"], ["ten"], ["ten"], ["ten"]]
    assert Offer.objects.get(slug="rare").given == 2
    assert verdicts(chosen[ids[4]][0]) == {"rare": "capped_total", "ten": "chosen"}
    assert got(choose(ids, Offer.objects.get(slug="rare"))) == {}


def test_r5_a_customer_has_an_offer_as_often_as_it_may_be_had() -> None:
    (pk,) = people(1)
    twice = offer("twice", max_per_customer=2)
    for n in range(3):
        chosen = choose([pk], twice, at=NOW + timedelta(minutes=n))
        assert len(chosen) == (n < 2)
    Decision.objects.filter(decided_at=NOW).update(state="released")
    assert len(choose([pk], twice)) == 1


def test_a_cap_counts_anew_each_period_by_the_shop_s_clock(settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Europe/Berlin"
    ids = people(3)
    daily = offer("daily", max_per_customer=None)
    cap = OfferCap.objects.create(offer=daily, most=2, scope="total", every_days=1)
    late = datetime(2026, 11, 24, 22, 59, tzinfo=UTC)  # one minute before midnight in Berlin
    assert len(choose(ids, daily, at=late)) == 2
    assert len(choose(ids, daily, at=late)) == 0
    assert len(choose(ids, daily, at=late + timedelta(minutes=1))) == 2
    assert caps.period(cap, late) == 20_781  # days from 1 January 1970 to 24 November 2026
    assert list(CapCount.objects.order_by("period").values_list("period", "used")) == [
        (20_781, 2),
        (20_782, 2),
    ]
    weekly = OfferCap(every_days=7)
    assert caps.since(weekly, late).isoformat() == "2026-11-19T00:00:00+01:00"  # day 20,776 = 7 × 2,968


def test_a_cap_set_later_counts_what_was_given_before() -> None:
    ids = people(4)
    row = offer("ten", max_per_customer=None)
    assert len(choose(ids[:3], row)) == 3
    OfferCap.objects.create(offer=row, most=4, scope="total")
    assert len(choose(ids, row)) == 1
    assert CapCount.objects.get().used == 4


def test_a_cap_of_a_placement_counts_there_only() -> None:
    anna, boris = people(2)
    home, cart = place("home", allow_duplicates=True), place("cart", allow_duplicates=True)
    row, other = offer("ten", max_per_customer=None), offer("other", priority=-1)
    OfferCap.objects.create(offer=row, most=1, placement=home)
    assert got(choose([anna], row, other, placement=home)) == {anna: ["ten"]}
    chosen = choose([anna, boris], row, other, placement=home)
    assert got(chosen) == {anna: ["other"], boris: ["ten"]}
    assert verdicts(chosen[anna][0])["ten"] == "capped_placement"
    assert got(choose([anna], row, other, placement=cart)) == {anna: ["ten"]}


def test_caps_on_clicks_and_uses_hold_back_what_was_clicked_and_used() -> None:
    anna, boris = people(2)
    row = offer("ten", max_per_customer=None)
    choose([anna], row)
    click = OfferCap.objects.create(offer=row, most=1, event="clicked")
    assert len(choose([anna], row)) == 1
    event = Event.objects.create(
        customer_id=anna,
        type="clicked",
        occurred_at=NOW,
        received_at=NOW,
        source="s",
        message_id="1",
        basis="default",
    )
    Decision.objects.first().outcomes.create(event=event, kind="clicked", at=NOW)
    assert got(choose([anna, boris], row)) == {boris: ["ten"]}
    click.delete()
    OfferCap.objects.create(offer=row, most=1, event="redeemed", scope="total")
    assert len(choose([anna], row)) == 1
    code = Code.objects.create(offer=row, value="A", state="assigned", customer_id=boris)
    code.redemptions.create(order_id="o", amount=1, discount=1, currency="EUR", at=NOW)
    CapCount.objects.all().delete()
    assert got(choose([anna], row)) == {}


def test_r5_the_worst_of_an_offer_is_set_aside_of_its_budget() -> None:
    ids = people(5)
    assert worst(offer("a", benefit="amount", value=7)) == 7
    assert worst(offer("b", benefit="amount", value=7, max_discount=6)) == 6
    assert worst(offer("c", max_discount=Decimal(8))) == 8
    assert worst(offer("d")) is None
    assert worst(offer("e", benefit="free_shipping")) is None
    row = offer("ten", benefit="amount", value=Decimal("9.99"), used_percent=50, budget=Decimal("20.00"))
    assert set_aside_of(row) == Decimal("5.00")  # half of 9.99, the broken cent up
    chosen = choose(ids, row)
    assert len(chosen) == 4
    row.refresh_from_db()
    assert (row.given, row.discount_reserved, row.discount_given) == (4, Decimal("20.00"), Decimal(0))
    assert {choice.set_aside for (choice,) in chosen.values()} == {Decimal("5.00")}


def test_nothing_is_set_aside_where_the_worst_is_not_known_and_a_spent_budget_ends_it() -> None:
    anna, boris = people(2)
    row = offer("ten", budget=Decimal(100))
    assert got(choose([anna], row)) == {anna: ["ten"]}
    assert Offer.objects.get().discount_reserved == 0
    Offer.objects.update(discount_given=100)
    assert got(choose([boris], row)) == {}


def test_a_pool_gives_as_many_as_it_holds_and_its_owners_keep_theirs() -> None:
    ids = people(4)
    row = offer("pool", code_kind="pool", max_per_customer=None)
    for n, fields in enumerate(({"customer_id": ids[3], "state": "assigned"}, {}, {}, {"expires_at": NOW})):
        Code.objects.create(offer=row, value=f"C{n}", **fields)
    chosen = choose(ids, row, offer("other", priority=-1))
    assert got(chosen) == {ids[0]: ["pool"], ids[1]: ["pool"], ids[2]: ["other"], ids[3]: ["pool"]}
    assert verdicts(chosen[ids[2]][0])["pool"] == "no_code_left"


def test_a_used_code_is_not_offered_again() -> None:
    (pk,) = people(1)
    row = offer("ten", max_per_customer=None)
    Code.objects.create(offer=row, value="C", customer_id=pk, state="redeemed")
    assert got(choose([pk], row)) == {}


def test_what_another_place_shows_now_is_passed_over_unless_it_may_be_shown_twice() -> None:
    (pk,) = people(1)
    ten, five = offer("ten", max_per_customer=None), offer("five", value=5, max_per_customer=None)
    choose([pk], ten, placement=place("home"))
    chosen = choose([pk], ten, five, placement=place("cart"))
    assert got(chosen) == {pk: ["five"]}
    assert verdicts(chosen[pk][0])["ten"] == "shown_elsewhere"
    assert got(choose([pk], ten, placement=place("foot", allow_duplicates=True))) == {pk: ["ten"]}
    assert got(
        choose([pk], ten, placement=Placement.objects.get(slug="cart"), at=NOW + timedelta(days=2))
    ) == {pk: ["ten"]}


def test_a_rule_that_cannot_be_read_any_more_matches_nobody() -> None:
    (pk,) = people(1)
    chosen = choose([pk], offer("gone", eligibility={"segment": "deleted"}, priority=1), offer("ten"))
    assert got(chosen) == {pk: ["ten"]}


def test_queries_grow_with_offers_and_not_with_people() -> None:
    place("home", slots=2, explore_percent=20)
    rows = [
        offer(
            f"o{n}",
            max_total=500,
            budget=9999,
            max_discount=3,
            eligibility={"attribute": "country", "is": "DE"},
        )
        for n in range(4)
    ]
    for row in rows:
        OfferCap.objects.create(offer=row, most=400, scope="total", every_days=1)
        OfferCap.objects.create(offer=row, most=1, every_days=7)

    def asked(ids: list[int]) -> int:
        available = list(Offer.objects.prefetch_related("categories"))
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            choose_and_commit(
                dict.fromkeys(ids, NOTHING_KNOWN), available, placement=Placement.objects.get(), at=NOW,
                rng=np.random.default_rng(1),
            )  # fmt: skip
        return len(queries)

    first = asked(people(3))
    assert asked(people(60, prefix="d")) <= first
    assert first <= 8 * len(rows) + 10
