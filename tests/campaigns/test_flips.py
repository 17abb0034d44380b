"""The published list of what may make a difference, and the flips of everything else, which must make none (C15)."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import fairness
from campaigns.models import Campaign, Code, Decision, Delivery, JourneyVersion, Offer, Placement, Segment
from customers.models import Customer
from tests.campaigns.conftest import offer, people
from tests.campaigns.test_fairness import shop
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# --- the published list ----------------------------------------------------------------------------------------------


def test_c15_the_list_holds_what_every_rule_of_the_campaign_asks_for(campaign: Make) -> None:
    Segment.objects.create(slug="inner", name="Inner", rule={"not": {"attribute": "club", "exists": True}})
    rule = {
        "any": [{"attribute": "country", "is": "DE"}, {"all": [{"segment": "inner"}, {"did": "ordered"}]}]
    }
    row = campaign(offer("ten", eligibility={"attribute": "tier", "is": "gold"}), rule=rule, launched=False)
    found = fairness.of(row)
    assert found.attributes == {
        "club": ("segment:inner",),
        "country": (f"segment:{row.audiences.get().segment.slug}",),
        "tier": ("offer:ten",),
    }
    assert found.acts == {"did"}
    place = Placement.objects.create(
        slug="email", name="Mail", ranking="formula",
        formula=[{"when": {"attribute": "plan", "is": "x"}, "value": 1}, {"value": 2}],
    )  # fmt: skip
    assert fairness.of(row).attributes["plan"] == ("placement:email",)
    place.ranking = "priority"
    place.save()
    assert "plan" not in fairness.of(row).attributes, "a formula that is not in force decides nothing"


def test_c15_a_journey_s_own_rules_stand_in_the_list(campaign: Make) -> None:
    Segment.objects.create(slug="inner", name="Inner", rule={"attribute": "club", "exists": True})
    row = campaign(kind="journey", launched=False)
    JourneyVersion.objects.create(
        campaign=row, number=1,
        definition={
            "entry": {"segment": "inner"},
            "steps": {"a": {"kind": "split", "rule": {"attribute": "tier", "is": "gold"}}},
        },
    )  # fmt: skip
    assert fairness.of(row).attributes == {
        "club": ("segment:inner",),
        "id": ("segment:segment-1",),
        "tier": ("journey",),
    }


def test_c15_published_is_what_gives_something_now(campaign: Make) -> None:
    shop(DE=2)
    row = campaign(rule={"attribute": "country", "is": "DE"}, launched=False)
    assert fairness.published(at=NOW).attributes == {}
    Campaign.objects.filter(pk=row.pk).update(status="running")
    assert set(fairness.published(at=NOW).attributes) == {"country"}


# --- flips -----------------------------------------------------------------------------------------------------------


def test_c15_flipping_what_is_not_published_changes_nobody_s_offer(campaign: Make) -> None:
    shop(DE=6, FR=6)
    row = campaign(offer("ten"), offer("five", eligibility={"attribute": "country", "is": "FR"}, priority=5))
    found = fairness.flip(row, at=NOW, rng=rng(), people=12)
    assert (found.people, found.published, found.is_identical) == (12, ("country", "id"), True)
    assert {"locale", "time_zone", "tier"} <= set(found.attributes) and "country" not in found.attributes


def test_c15_a_dependence_that_nobody_published_is_found(campaign: Make, monkeypatch) -> None:
    """The list is made wrong on purpose: the flip must notice, by the attribute's name."""
    shop(DE=6, FR=6)
    row = campaign(offer("ten"), offer("five", eligibility={"attribute": "country", "is": "FR"}, priority=5))
    monkeypatch.setattr(fairness.dependence, "of", lambda campaign: fairness.Dependence())
    found = fairness.flip(row, at=NOW, rng=rng(), people=12)
    assert not found.is_identical
    assert set(found.changed) == {"country", "*"} and found.changed["country"] >= 6


def test_c15_a_flip_keeps_nothing_and_sends_nothing(campaign: Make) -> None:
    shop(DE=4)
    limited = offer("ten", max_total=50)
    row = campaign(limited)
    before = list(Customer.objects.order_by("pk").values("country", "locale", "attributes"))
    fairness.flip(row, at=NOW, rng=rng(), people=4)
    limited.refresh_from_db()
    assert list(Customer.objects.order_by("pk").values("country", "locale", "attributes")) == before
    assert (limited.given, Code.objects.count(), Decision.objects.count(), Delivery.objects.count()) == (
        0,
        0,
        0,
        0,
    )


NAMES = ("country", "locale", "tier", "club")
VALUES = ("DE", "FR", "x")
leaf = st.one_of(
    st.builds(
        lambda name, value: {"attribute": name, "is": value}, st.sampled_from(NAMES), st.sampled_from(VALUES)
    ),
    st.builds(lambda name: {"attribute": name, "exists": True}, st.sampled_from(NAMES)),
    st.builds(lambda name: {"attribute": name, "in": ["DE", "x"]}, st.sampled_from(NAMES)),
    st.just({"segment": "kept"}),
)
rules = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=FIXTURES)
@given(segment=rules, eligibility=rules, inner=st.sampled_from(NAMES))
def test_c15_whatever_the_rules_only_the_published_attributes_matter(
    campaign: Make, segment: object, eligibility: object, inner: str
) -> None:
    if not Customer.objects.exists():
        for n, pk in enumerate(people(6)):
            Customer.objects.filter(pk=pk).update(
                country=("DE", "FR")[n % 2], locale=("x", "DE")[n // 3], attributes={"tier": VALUES[n % 3]}
            )
    Segment.objects.update_or_create(
        slug="kept", defaults={"name": "Kept", "rule": {"attribute": inner, "is": "DE"}}
    )
    name = f"o{Offer.objects.count()}"
    row = campaign(offer(name, code_kind="none", eligibility=eligibility), rule=segment, launched=False)
    named = {name for name in NAMES if f'"{name}"' in json.dumps([segment, eligibility])}
    if '"kept"' in json.dumps([segment, eligibility]):
        named.add(inner)
    assert set(fairness.of(row).attributes) == named
    found = fairness.flip(row, at=NOW, rng=rng(), people=6)
    assert found.is_identical, found.changed
    assert set(found.attributes) >= set(NAMES) - named - {"club"}
