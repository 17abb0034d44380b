"""Slots and fallbacks on the site, and offers and placements for programs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign, CapCount, Decision, Offer, OfferCap, Placement
from customers.access import create_key
from customers.models import Customer
from tests.campaigns.conftest import offer
from tests.conftest import Caller

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
NEW = {"slug": "spring", "title": "Spring", "benefit": "percent", "value": "15.00"}


def onsite_campaign(campaign: Make, *offers: Offer, **more: object) -> Campaign:
    return campaign(*offers, channel="onsite", placement="home", **more)


def test_every_slot_has_its_own_decision(server: Caller, campaign: Make, anna: Customer) -> None:
    Placement.objects.create(slug="home", name="Home", slots=2)
    onsite_campaign(campaign, offer("five", value=5), offer("ten"), offer("one", value=1))
    told = server("GET", "offers?customer=anna&placement=home").body
    assert [one["offer"] for one in told["offers"]] == ["ten", "five"]
    rows = list(Decision.objects.order_by("slot"))
    assert [one["decision_id"] for one in told["offers"]] == [str(row.pk) for row in rows]
    assert told["decision_id"] == str(rows[0].pk)
    assert [(row.offer.slug, row.slot, row.state) for row in rows] == [
        ("ten", 0, "committed"),
        ("five", 1, "committed"),
    ]
    assert len({one["code"] for one in told["offers"]}) == 2
    assert server("GET", "offers?customer=anna&placement=home").body == told
    Offer.objects.filter(slug="ten").update(status="archived")
    again = server("GET", "offers?customer=anna&placement=home").body
    assert [one["offer"] for one in again["offers"]] == ["five"]


def test_the_fallback_shows_when_none_is_left(server: Caller, campaign: Make, anna: Customer) -> None:
    general = offer(
        "general", code_kind="none", max_per_customer=None, ends_at=timezone.now() - timedelta(days=1)
    )
    Placement.objects.create(slug="home", name="Home", fallback=general)
    empty = server("GET", "offers?customer=anna&placement=home").body
    onsite_campaign(campaign, offer("rare", max_total=0))
    left = server("GET", "offers?customer=anna&placement=home").body
    for told in (empty, left):
        assert ([one["offer"] for one in told["offers"]], told["fallback"]) == (["general"], True)
        assert told["offers"][0]["decision_id"] is None
    assert Decision.objects.get().offer is None


def test_an_offer_is_made_changed_approved_and_listed(server: Caller) -> None:
    Placement.objects.create(slug="home", name="Home")
    caps = [{"event": "decided", "scope": "total", "placement": "home", "most": 100, "every_days": 7}]
    made = server("POST", "offers/definitions", {**NEW, "caps": caps, "budget": "500", "max_discount": "20"})
    assert (made.status, made.body["status"], made.body["given"]) == (201, "draft", 0)
    assert (made.body["caps"], made.body["budget"], made.body["max_per_customer"]) == (caps, "500.00", 1)
    changed = server("PATCH", "offers/definitions/spring", {"status": "approved", "priority": 3})
    assert (changed.status, changed.body["status"], changed.body["priority"]) == (200, "approved", 3)
    assert server("GET", "offers/definitions/spring").body == changed.body
    listed = server("GET", "offers/definitions").body
    assert (listed["results"], listed["next"], listed["previous"]) == ([changed.body], None, None)


def test_a_cap_that_stays_keeps_its_count(server: Caller) -> None:
    row = offer("ten")
    stays = OfferCap.objects.create(offer=row, most=5, scope="total")
    OfferCap.objects.create(offer=row, most=6, scope="total")
    CapCount.objects.create(cap=stays, used=3)
    wanted = [{"most": 5, "scope": "total"}, {"most": 1, "every_days": 30}]
    assert server("PATCH", "offers/definitions/ten", {"caps": wanted}).status == 200
    assert CapCount.objects.get().used == 3
    assert list(OfferCap.objects.order_by("pk").values_list("most", "scope", "every_days")) == [
        (5, "total", None),
        (1, "customer", 30),
    ]


def test_a_change_never_touches_what_is_counted(server: Caller) -> None:
    offer("ten", given=7, discount_given=5, budget=100)
    told = server("PATCH", "offers/definitions/ten", {"title": "Ten", "given": 0, "discount_given": "0"})
    assert (told.body["title"], told.body["given"], told.body["discount_given"]) == ("Ten", 7, "5.00")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"value": "101"}, "value"),
        ({"benefit": "amount", "currency": ""}, "currency"),
        ({"starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}, "ends_at"),
        ({"max_total": 6}, "max_total"),
        ({"budget": "4.99"}, "budget"),
        ({"eligibility": {"attribute": "shoe"}}, "eligibility"),
        ({"status": "draft"}, "status"),
        ({"caps": [{"most": -1}]}, "caps.0.most"),
        ({"caps": [{"most": 1, "placement": "nowhere"}]}, "caps.0.placement"),
        ({"categories": ["nothing"]}, "categories"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(server: Caller, said: dict, field: str) -> None:
    row = offer("ten", given=7, discount_given=5)
    told = server("PATCH", "offers/definitions/ten", said)
    assert (told.status, told.body["code"]) == (400, "invalid")
    assert field in told.body["fields"]
    before = {**vars(row)}
    row.refresh_from_db()
    assert row.status == before["status"]
    assert row.caps.count() == 0


def test_a_name_is_taken_once_and_a_stranger_is_not_found(server: Caller) -> None:
    assert server("POST", "offers/definitions", NEW).status == 201
    again = server("POST", "offers/definitions", NEW)
    assert (again.status, list(again.body["fields"])) == (400, ["slug"])
    assert Offer.objects.count() == 1
    for path in ("offers/definitions/nothing", "offers/placements/nothing"):
        assert server("GET", path).status == 404
        assert server("PATCH", path, {}).status == 404


def test_a_placement_is_described_and_changed(server: Caller) -> None:
    formula = [{"when": None, "value": {"times": [{"priority": 1}, {"fit": 1}]}}]
    made = server(
        "POST",
        "offers/placements",
        {"slug": "home", "name": "Home", "ranking": "formula", "formula": formula},
    )
    assert (made.status, made.body["formula"], made.body["shares"], made.body["slots"]) == (
        201,
        formula,
        None,
        1,
    )
    offer("coded")
    for wrong, field in (
        ({"formula": [{"value": {"fits": 1}}]}, "formula"),
        ({"slots": 31}, "slots"),
        ({"fallback": "coded"}, "fallback"),
        ({"ranking": "best"}, "ranking"),
    ):
        told = server("PATCH", "offers/placements/home", wrong)
        assert (told.status, list(told.body["fields"])) == (400, [field])
    row = Placement.objects.get()
    assert (row.formula, row.slots, row.fallback) == (formula, 1, None)
    row.states.create(at=timezone.now(), method="bandit", arms={"a": {"share": 1.0}})
    told = server("PATCH", "offers/placements/home", {"ranking": "bandit", "explore_percent": 10})
    assert (told.body["explore_percent"], told.body["shares"]) == (10, {"a": {"share": 1.0}})
    assert [one["slug"] for one in server("GET", "offers/placements").body["results"]] == ["home"]


def test_writing_needs_its_own_scope(client, db) -> None:
    reader = Caller(client, create_key("secret", scopes=["offers:read"])[1])
    assert reader("GET", "offers/definitions").status == 200
    assert reader("POST", "offers/definitions", NEW).status == 403
    assert reader("PATCH", "offers/placements/home", {}).status == 403
    assert Offer.objects.count() == 0
