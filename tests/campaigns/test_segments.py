"""The language of rules, leaf by leaf: who is matched, who is not, what is refused and where, in one query."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import segments
from campaigns.models import Campaign, CampaignRun, Decision, Delivery, Outcome, Segment, UpliftScore
from campaigns.segments import InvalidRule, everyone
from campaigns.segments.rules import LEAVES, MAX_DEPTH, MAX_LEAVES
from catalog.models import Category, Product
from customers import consent, events, identities
from customers.events import Incoming
from customers.models import Customer, Event, Suppression
from customers.purposes import PURPOSES
from recommender.models import ClusterMembership, Interest, ModelVersion, Score
from tests.campaigns.conftest import people
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Rule = dict[str, Any]
ALL = list(PURPOSES)


def matched(rule: Any, *, at=NOW) -> str:
    """The ids of those who match, in order: asked as one question, condition by condition, and of each alone."""
    found = sorted(map(str, segments.matching(rule, at=at).values_list("external_id", flat=True)))
    everybody = Customer.objects.values_list("pk", "external_id")
    assert found == sorted(str(name) for pk, name in everybody if segments.matching_one(rule, pk, at=at))
    people = everyone.Everyone([rule], at=at)
    assert found == sorted(str(dict(everybody)[pk]) for pk in people.ids[people.matched[0]].tolist())
    return " ".join(found)


def did(
    who: str,
    kind: str,
    sku: str | None,
    days_ago: float,
    value: str | None = None,
    order: str = "",
) -> Incoming:
    return Incoming(
        message_id=f"{who}-{kind}-{sku}-{days_ago}-{order}",
        type=kind,
        customer=who,
        sku=sku,
        value=None if value is None else Decimal(value),
        currency="EUR",
        order_id=order,
        occurred_at=NOW - timedelta(days=days_ago),
    )


def happened(*acts: Incoming) -> None:
    taken = events.take_in(acts, source="tests", at=NOW)
    assert taken.accepted == len(acts)


# --- what a shop says of a person -----------------------------------------------------------------------------


@pytest.fixture
def described(db: None) -> None:
    for profile in (
        identities.Profile(
            id="anna",
            country="DE",
            locale="de-DE",
            time_zone="Europe/Berlin",
            attributes={"tier": "gold", "age": 41, "vip": True, "favourite-color": "Dark green", "a__b": "x"},
        ),
        identities.Profile(
            id="dora",
            country="FR",
            locale="fr-FR",
            time_zone="Europe/Paris",
            attributes={"tier": "silver", "age": "39", "vip": False, "note": "100% O'Neil"},
        ),
        identities.Profile(
            id="emil", country="DE", locale="de-AT", attributes={"tier": "Gold plus", "age": 40.5}
        ),
        identities.Profile(id="fay", attributes={"age": "unknown", "tier": None}),
    ):
        identities.save_profiles([profile])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"attribute": "country", "is": "DE"}, "anna emil"),
        ({"attribute": "country", "is": "de"}, ""),
        ({"attribute": "country", "in": ["FR", "IT"]}, "dora"),
        ({"attribute": "country", "in": ["IT"]}, ""),
        ({"attribute": "country", "exists": True}, "anna dora emil"),
        ({"attribute": "country", "exists": False}, "fay"),
        ({"attribute": "locale", "contains": "de-"}, "anna emil"),
        ({"attribute": "locale", "is": "de-AT"}, "emil"),
        ({"attribute": "time_zone", "in": ["Europe/Paris"]}, "dora"),
        ({"attribute": "time_zone", "contains": "europe"}, "anna dora"),
        ({"attribute": "id", "in": ["anna", "fay", "nobody"]}, "anna fay"),
        ({"attribute": "id", "contains": "a"}, "anna dora fay"),
        ({"attribute": "tier", "is": "gold"}, "anna"),
        ({"attribute": "tier", "in": ["gold", "silver"]}, "anna dora"),
        ({"attribute": "tier", "contains": "GOLD"}, "anna emil"),
        ({"attribute": "tier", "exists": True}, "anna dora emil fay"),
        ({"attribute": "tier", "exists": False}, ""),
        ({"attribute": "note", "exists": False}, "anna emil fay"),
        ({"attribute": "note", "contains": "0% o'n"}, "dora"),
        ({"attribute": "note", "contains": "0_"}, ""),
        ({"attribute": "favourite-color", "is": "Dark green"}, "anna"),
        ({"attribute": "a__b", "is": "x"}, "anna"),
        ({"attribute": "a__b", "exists": True}, "anna"),
        ({"attribute": "a--b", "is": "x"}, ""),
        ({"attribute": "contains", "gt": 1}, ""),
        ({"attribute": "vip", "is": True}, "anna"),
        ({"attribute": "vip", "is": False}, "dora"),
        # A number said as a text is the same number, and what is no number is neither more nor less than one.
        ({"attribute": "age", "is": 41}, "anna"),
        ({"attribute": "age", "is": "41"}, "anna"),
        ({"attribute": "age", "is": 39}, "dora"),
        ({"attribute": "age", "in": [39, "40.5"]}, "dora emil"),
        ({"attribute": "age", "gt": 40.5}, "anna"),
        ({"attribute": "age", "gte": 40.5}, "anna emil"),
        ({"attribute": "age", "lt": 40.5}, "dora"),
        ({"attribute": "age", "lte": "40.5"}, "dora emil"),
        ({"attribute": "age", "gt": -1}, "anna dora emil"),
        ({"attribute": "vip", "gte": 0}, ""),
        ({"attribute": "tier", "lt": 5}, ""),
    ],
)
def test_attributes(described: None, rule: Rule, expected: str) -> None:
    assert matched(rule) == expected


def test_what_the_shop_says_needs_no_consent_but_an_erased_or_merged_person_is_nobody(
    anna: Customer, boris: Customer
) -> None:
    rule = {"attribute": "country", "is": "DE"}
    assert matched(rule) == "anna boris"
    other = person("other")
    identities.merge(anna.pk, other.pk, actor="tests", at=NOW)
    Customer.objects.filter(pk=boris.pk).update(erased_at=NOW)
    assert matched(rule) == "anna"


# --- what people did --------------------------------------------------------------------------------------------


@pytest.fixture
def shop(anna: Customer, boris: Customer, products: dict[str, Product]) -> None:
    """Anna and Dora allow everything, Boris nothing; Emil allows no analytics, Fay no personalization; Gwen did nothing."""
    person("dora", allows=ALL)
    person("emil", allows=["personalization"])
    person("fay", allows=["analytics", "message_tracking"])
    person("gwen", allows=ALL)
    happened(
        did("anna", "ordered", "rose", 10, "12.50", "a1"),
        did("anna", "ordered", "mug", 10, "8.00", "a1"),
        did("anna", "ordered", "spade", 40, "24.00", "a2"),
        did("anna", "refunded", "mug", 5, "8.00", "a1"),
        did("anna", "viewed", "rose", 1),
        did("anna", "viewed", "rose", 2),
        did("anna", "viewed", "pan", 20),
        did("dora", "ordered", "pan", 100, "39.00", "d1"),
        did("boris", "ordered", "rose", 10, "100.00", "b1"),
        did("emil", "ordered", "rose", 10, "12.50", "e1"),
        did("fay", "ordered", "rose", 10, "12.50", "f1"),
        did("fay", "viewed", "rose", 1),
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"did": "ordered"}, "anna dora emil"),
        ({"did": "viewed"}, "anna"),
        ({"did": "refunded"}, "anna"),
        ({"did": "wished"}, ""),
        ({"did": "ordered", "sku": "rose"}, "anna emil"),
        ({"did": "ordered", "sku": "tea"}, ""),
        ({"did": "ordered", "sku": "never-heard-of"}, ""),
        ({"did": "ordered", "category": "kitchen"}, "anna dora"),
        ({"did": "ordered", "category": "garden"}, "anna emil"),
        ({"did": "ordered", "category": "garden", "sku": "mug"}, ""),
        # The two lines of a1 are one time.
        ({"did": "ordered", "times": {"gte": 2}}, "anna"),
        ({"did": "ordered", "times": {"gt": 2}}, ""),
        ({"did": "ordered", "times": {"eq": 1}}, "dora emil"),
        ({"did": "ordered", "times": {"lt": 2}}, "dora emil"),
        ({"did": "ordered", "times": {"lte": 2}}, "anna dora emil"),
        ({"did": "ordered", "times": {"gte": 1, "lt": 2}}, "dora emil"),
        ({"did": "viewed", "times": {"eq": 3}}, "anna"),
        ({"did": "viewed", "sku": "rose", "times": {"eq": 2}}, "anna"),
        ({"did": "viewed", "sku": "rose", "times": {"eq": 3}}, ""),
        # The edge of the window belongs to it.
        ({"did": "ordered", "within_days": 10}, "anna emil"),
        ({"did": "ordered", "within_days": 9.9}, ""),
        ({"did": "ordered", "within_days": 100}, "anna dora emil"),
        ({"did": "ordered", "within_days": 30, "times": {"gte": 2}}, ""),
        # Anna's orders are worth 12.50 + 8.00 + 24.00 = 44.50; what came back is an act of its own.
        ({"did": "ordered", "value_sum": {"gte": "44.50"}}, "anna"),
        ({"did": "ordered", "value_sum": {"gt": "44.50"}}, ""),
        ({"did": "ordered", "value_sum": {"eq": 39}}, "dora"),
        ({"did": "ordered", "value_sum": {"lt": 39}}, "emil"),
        ({"did": "ordered", "value_sum": {"lte": "39.00"}}, "dora emil"),
        ({"did": "ordered", "value_sum": {"gte": "20.50"}, "within_days": 30}, "anna"),
        ({"did": "ordered", "value_sum": {"gt": "20.50"}, "within_days": 30}, ""),
        ({"did": "ordered", "value_sum": {"gte": 12}, "category": "garden", "times": {"lte": 1}}, "emil"),
        ({"did": "refunded", "value_sum": {"eq": "8"}}, "anna"),
        ({"did": "viewed", "value_sum": {"gte": 0}}, ""),  # a look has no money
        # Whoever did not is looked for among those who allow it; Boris and Fay are never chosen by a "not".
        ({"not": {"did": "ordered"}}, "gwen"),
        ({"not": {"did": "viewed"}}, "dora emil gwen"),
        ({"not": {"did": "ordered", "times": {"gte": 2}}}, "dora emil gwen"),
    ],
)
def test_what_people_did(shop: None, rule: Rule, expected: str) -> None:
    assert matched(rule) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"recency_days": {"lte": 10}}, "anna emil"),
        ({"recency_days": {"lt": 10}}, ""),
        ({"recency_days": {"gt": 10}}, "dora"),
        ({"recency_days": {"gte": 10}}, "anna dora emil"),
        ({"recency_days": {"eq": 10}}, "anna emil"),
        ({"recency_days": {"eq": 9}}, ""),
        ({"recency_days": {"gte": 100, "lt": 101}}, "dora"),
        ({"recency_days": {"lte": 200}, "within_days": 30}, "anna emil"),
        ({"frequency": {"gte": 2}}, "anna"),
        ({"frequency": {"gt": 1}}, "anna"),
        ({"frequency": {"eq": 1}}, "dora emil"),
        ({"frequency": {"lte": 1}}, "dora emil"),  # of those who ordered
        ({"frequency": {"lt": 1}}, ""),
        ({"frequency": {"gte": 1}, "within_days": 30}, "anna emil"),
        # Less refunds: Anna 44.50 − 8.00 = 36.50, Dora 39.00, Emil 12.50.
        ({"monetary": {"gte": "36.50"}}, "anna dora"),
        ({"monetary": {"gt": "36.50"}}, "dora"),
        ({"monetary": {"eq": "36.50"}}, "anna"),
        ({"monetary": {"lt": 36.5}}, "emil"),
        ({"monetary": {"lte": 12.5}, "within_days": 30}, "anna emil"),
    ],
)
def test_recency_frequency_and_money(shop: None, rule: Rule, expected: str) -> None:
    assert matched(rule) == expected


def test_three_days_ago_is_the_whole_day(shop: None) -> None:
    happened(did("gwen", "ordered", "tea", 3.4, "4.50", "g1"))
    assert matched({"recency_days": {"eq": 3}}) == "gwen"
    assert matched({"recency_days": {"eq": 4}}) == ""
    assert matched({"recency_days": {"eq": 2}}) == ""


def test_a_refund_alone_is_no_order(shop: None) -> None:
    happened(did("gwen", "refunded", "tea", 3, "4.50", "long-ago"))
    for rule in ({"recency_days": {"lte": 5}}, {"frequency": {"lte": 9}}, {"monetary": {"lt": 0}}):
        assert "gwen" not in matched(rule)


def test_an_order_without_a_number_counts_for_itself(shop: None) -> None:
    happened(*(did("gwen", "ordered", "tea", days, "4.50") for days in (1, 2, 3)))
    assert matched({"did": "ordered", "times": {"eq": 3}}) == "gwen"
    assert matched({"frequency": {"eq": 3}}) == "gwen"


def test_a_rule_sees_what_had_happened_at_its_moment(shop: None) -> None:
    assert matched({"did": "ordered"}, at=NOW - timedelta(days=30)) == "anna dora"
    assert matched({"frequency": {"gte": 2}}, at=NOW - timedelta(days=30)) == ""
    assert matched({"recency_days": {"lte": 15}}, at=NOW - timedelta(days=30)) == "anna"


def test_c2_c12_nobody_is_matched_by_behaviour_they_do_not_allow_any_more(shop: None, anna: Customer) -> None:
    rules: list[Rule] = [
        {"did": "ordered"},
        {"recency_days": {"lte": 100}},
        {"frequency": {"gte": 1}},
        {"monetary": {"gte": 1}},
        {"not": {"did": "wished"}},
        {"any": [{"attribute": "country", "is": "DE"}, {"did": "ordered"}]},
    ]
    assert all("anna" in matched(rule) for rule in rules)
    consent.withdraw(anna.pk, "personalization", method="page", source="t", actor="customer", at=NOW)
    assert not any("anna" in matched(rule) for rule in rules)
    assert "anna" in matched({"attribute": "country", "is": "DE"})


def test_c2_looks_need_the_leave_to_keep_them_still(shop: None, anna: Customer) -> None:
    consent.withdraw(anna.pk, "analytics", method="page", source="t", actor="customer", at=NOW)
    assert matched({"did": "viewed"}) == ""
    assert matched({"did": "ordered"}) == "anna dora emil"


# --- what is inferred -------------------------------------------------------------------------------------------


@pytest.fixture
def inferred(shop: None, anna: Customer, boris: Customer) -> None:
    model = ModelVersion.objects.create(
        task="interests", algorithm="t", state="live", file="f", sha256="0" * 64, people=2, interactions=2,
        trained_until=NOW,
    )  # fmt: skip
    spring = Campaign.objects.create(slug="spring", name="Spring")
    garden, dora = Category.objects.get(slug="garden"), Customer.objects.get(external_id="dora")
    for customer, probability, cluster in ((anna, 0.7, 3), (boris, 0.9, 3), (dora, 0.4, 0)):
        Interest.objects.create(customer=customer, category=garden, probability=probability, model=model)
        ClusterMembership.objects.create(customer=customer, cluster=cluster, model=model)
        Score.objects.create(
            customer=customer, purchase=probability, churn=None if cluster == 0 else 0.2, lifetime_value=100 * probability, model=model,
        )  # fmt: skip
        UpliftScore.objects.create(campaign=spring, customer=customer, effect=probability if cluster else -1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"interest": "garden"}, "anna"),  # from one half on
        ({"interest": "garden", "gte": 0.7}, "anna"),
        ({"interest": "garden", "gte": 0.71}, ""),
        ({"interest": "garden", "gte": "0.4"}, "anna dora"),
        ({"interest": "kitchen", "gte": 0}, ""),
        ({"not": {"interest": "garden"}}, "dora emil gwen"),
        ({"cluster": 3}, "anna"),
        ({"cluster": 0}, "dora"),
        ({"cluster": 7}, ""),
        ({"score": "purchase", "gte": 0.4}, "anna dora"),
        ({"score": "purchase", "gt": 0.4}, "anna"),
        ({"score": "lifetime_value", "gte": 40, "lt": "70"}, "dora"),
        ({"score": "churn", "lte": 1}, "anna"),  # dora's is not known: no comparison holds
        ({"not": {"score": "churn", "lte": 1}}, "dora emil gwen"),
        ({"uplift": "spring", "gt": 0}, "anna"),
        ({"uplift": "spring", "lte": "0.7"}, "anna dora"),
        ({"uplift": "autumn", "gt": 0}, ""),
    ],
)
def test_c2_interests_and_clusters_are_asked_of_those_who_allow_it(
    inferred: None, rule: Rule, expected: str
) -> None:
    assert matched(rule) == expected


# --- what people were sent ----------------------------------------------------------------------------------------


@pytest.fixture
def mailed(shop: None) -> dict[str, Delivery]:
    """Spring went to Anna, Dora and Boris, failed for Gwen; Anna clicked, a machine clicked for Dora, Boris ordered."""
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    run = CampaignRun.objects.create(campaign=campaign, due_at=NOW)
    rows = {}
    for name, status in (("anna", "sent"), ("dora", "sent"), ("boris", "sent"), ("gwen", "failed")):
        customer = Customer.objects.get(external_id=name)
        decision = Decision.objects.create(
            campaign=campaign, run=run, customer=customer, placement="email", purpose="marketing_email",
            basis="default", decided_at=NOW,
        )  # fmt: skip
        rows[name] = Delivery.objects.create(
            decision=decision, run=run, customer=customer, channel="email", status=status, not_before=NOW,
            basis="default",
        )  # fmt: skip
    happened(did("anna", "clicked", None, 0), did("dora", "clicked", None, 0))
    for name, kind, machine in (
        ("anna", "clicked", False),
        ("dora", "clicked", True),
        ("boris", "ordered", False),
    ):
        Outcome.objects.create(
            decision=rows[name].decision, event=Event.objects.filter(customer__external_id=name, type=kind).get(),
            kind=kind, is_machine=machine, at=NOW,
        )  # fmt: skip
    return rows


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"received": "spring"}, "anna dora"),
        ({"received": "autumn"}, ""),
        ({"received": "spring", "outcome": "clicked"}, "anna"),  # Dora's was a machine's
        ({"received": "spring", "outcome": "opened"}, ""),
        ({"received": "spring", "outcome": "ordered"}, ""),  # Boris allows nothing
        ({"not": {"received": "spring"}}, "emil gwen"),
    ],
)
def test_what_people_received(mailed: dict[str, Delivery], rule: Rule, expected: str) -> None:
    assert matched(rule) == expected


def test_c2_a_click_is_not_asked_for_once_noting_clicks_is_refused(
    mailed: dict[str, Delivery], anna: Customer
) -> None:
    consent.withdraw(anna.pk, "message_tracking", method="page", source="t", actor="customer", at=NOW)
    assert matched({"received": "spring", "outcome": "clicked"}) == ""
    assert matched({"received": "spring"}) == "anna dora"


# --- chance -------------------------------------------------------------------------------------------------------


def test_chance_is_the_first_sixteen_bits_of_md5_of_salt_and_person() -> None:
    ids = people(60, allows=())
    edge = round(0.3 * 65536)
    expected = {pk for pk in ids if int(hashlib.md5(f"s{pk}".encode()).hexdigest()[:4], 16) < edge}
    rule = {"random": {"salt": "s", "percent": 30}}
    assert set(segments.matching(rule, at=NOW).values_list("pk", flat=True)) == expected
    later = segments.matching(rule, at=NOW + timedelta(days=400))
    assert set(later.values_list("pk", flat=True)) == expected


def test_chance_takes_about_its_percent_and_another_salt_takes_others() -> None:
    people(1000, allows=())
    one = set(segments.matching({"random": {"salt": "one", "percent": 10}}, at=NOW))
    two = set(segments.matching({"random": {"salt": "two", "percent": 10}}, at=NOW))
    # Four standard deviations of a tenth of 1,000 people are 38.
    assert 62 <= len(one) <= 138
    assert 62 <= len(two) <= 138
    assert len(one & two) < 35
    more = set(segments.matching({"random": {"salt": "one", "percent": 20.5}}, at=NOW))
    assert one < more


def test_nought_percent_is_nobody_and_a_hundred_is_everyone() -> None:
    people(30, allows=())
    assert segments.matching({"random": {"salt": "s", "percent": 0}}, at=NOW).count() == 0
    assert segments.matching({"random": {"salt": "s", "percent": "100"}}, at=NOW).count() == 30


# --- groups and segments in one another ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"all": [{"did": "ordered"}]}, "anna dora emil"),
        ({"all": [{"did": "ordered"}, {"did": "viewed"}]}, "anna"),
        ({"any": [{"frequency": {"gte": 2}}, {"monetary": {"gte": 39}}]}, "anna dora"),
        ({"any": [{"did": "wished"}, {"did": "searched"}]}, ""),
        ({"all": [{"did": "ordered"}, {"not": {"did": "ordered", "sku": "rose"}}]}, "dora"),
        ({"not": {"not": {"did": "viewed"}}}, "anna"),
        ({"not": {"any": [{"did": "viewed"}, {"did": "ordered", "sku": "pan"}]}}, "emil gwen"),
        ({"not": {"all": [{"did": "viewed"}, {"did": "ordered"}]}}, "dora emil gwen"),
        (
            {
                "any": [
                    {"all": [{"did": "ordered"}, {"attribute": "id", "is": "dora"}]},
                    {"not": {"did": "ordered"}},
                ]
            },
            "dora gwen",
        ),
        ({"all": [{"attribute": "id", "in": ["anna", "boris"]}, {"did": "ordered"}]}, "anna"),
        (
            {"all": [{"attribute": "id", "in": ["anna", "boris"]}, {"attribute": "country", "is": "DE"}]},
            "anna boris",
        ),
    ],
)
def test_groups(shop: None, rule: Rule, expected: str) -> None:
    assert matched(rule) == expected


def test_a_segment_may_stand_in_another(shop: None) -> None:
    Segment.objects.create(slug="buyers", name="Buyers", rule={"did": "ordered"})
    Segment.objects.create(
        slug="fans",
        name="Fans",
        rule={"all": [{"segment": "buyers"}, {"not": {"did": "ordered", "sku": "pan"}}]},
    )
    assert matched({"segment": "buyers"}) == "anna dora emil"
    assert matched({"segment": "fans"}) == "anna emil"
    assert matched({"not": {"segment": "fans"}}) == "dora gwen"  # what it asks for still needs leave
    assert matched({"all": [{"segment": "fans"}, {"segment": "buyers"}]}) == "anna emil"  # twice is no circle


def test_a_segment_that_stands_in_itself_is_refused(db: None) -> None:
    for slug, rule in (
        ("self", {"segment": "self"}),
        ("one", {"any": [{"attribute": "country", "is": "DE"}, {"segment": "two"}]}),
        ("two", {"not": {"segment": "one"}}),
    ):
        Segment.objects.create(slug=slug, name=slug, rule=rule)
    for rule, path in (
        ({"segment": "self"}, "$.segment(self).segment"),
        ({"all": [{"segment": "one"}]}, "$.all[0].segment(one).any[1].segment(two).not.segment"),
    ):
        for refused in (segments.check, lambda rule: segments.matching(rule, at=NOW)):
            with pytest.raises(InvalidRule, match="stands in itself") as error:
                refused(rule)
            assert error.value.path == path


# --- what is refused, and where ------------------------------------------------------------------------------------

DEEP: Rule = {"attribute": "country", "is": "DE"}
for _ in range(MAX_DEPTH + 1):
    DEEP = {"not": DEEP}
LEAF = {"attribute": "country", "is": "DE"}


REFUSED: list[tuple[Any, str, str]] = [
    (None, "$", "a rule is an object"),
    ([], "$", "a rule is an object"),
    ({}, "$", "a rule is an object"),
    ("country", "$", "a rule is an object"),
    ({"colour": "red"}, "$", "no known condition"),
    ({"affinity": "rose"}, "$.affinity", "sku"),
    ({"affinity": {"sku": "rose", "category": "x"}}, "$.affinity", "needs"),
    ({"affinity": {"sku": 5}}, "$.affinity.sku", "needs a text"),
    ({"affinity": {"sku": "rose"}, "top": 0}, "$.top", "from 1 to 5000"),
    ({"affinity": {"sku": "rose"}, "least": 1}, "$", "'least'"),
    ({"score": "luck", "gte": 1}, "$.score", "no score “luck”; use one of purchase, churn, lifetime_value"),
    ({"score": "churn"}, "$", "needs one or more of"),
    ({"score": "churn", "is": 1}, "$", "does not understand 'is'"),
    ({"all": []}, "$.all", "at least one"),
    ({"any": {}}, "$.any", "at least one"),
    ({"all": [LEAF, 5]}, "$.all[1]", "a rule is an object"),
    ({"all": [LEAF], "any": [LEAF]}, "$", "'any'"),
    ({"not": LEAF, "did": "ordered"}, "$", "'did'"),
    ({"any": [LEAF, {"not": {"all": [{"x": 1}]}}]}, "$.any[1].not.all[0]", "no known condition"),
    (DEEP, "$" + ".not" * (MAX_DEPTH + 1), "more than 8 groups"),
    ({"all": [LEAF] * (MAX_LEAVES + 1)}, f"$.all[{MAX_LEAVES}]", "more than 50 conditions"),
    ({"attribute": "country"}, "$", "exactly one of"),
    ({"attribute": "country", "is": "DE", "in": ["FR"]}, "$", "exactly one of"),
    ({"attribute": 5, "is": "DE"}, "$.attribute", "needs a text"),
    ({"attribute": "x y", "is": "DE"}, "$.attribute", "letters, digits"),
    ({"attribute": "x'--", "is": "DE"}, "$.attribute", "letters, digits"),
    ({"attribute": "country", "like": "D"}, "$.like", "is no comparison"),
    ({"attribute": "country", "gt": 5}, "$.gt", "is a text"),
    ({"attribute": "country", "is": None}, "$.is", "needs a text"),
    ({"attribute": "country", "is": ""}, "$.is", "needs a text"),
    ({"attribute": "country", "is": "D\0"}, "$.is", "needs a text"),
    ({"attribute": "country", "in": "DE"}, "$.in", "list of 1 to 1,000"),
    ({"attribute": "country", "in": []}, "$.in", "list of 1 to 1,000"),
    ({"attribute": "country", "in": ["x"] * 1001}, "$.in", "list of 1 to 1,000"),
    ({"attribute": "country", "in": ["DE", {}]}, "$.in[1]", "needs a text"),
    ({"attribute": "country", "contains": "x" * 301}, "$.contains", "needs a text"),
    ({"attribute": "country", "exists": "yes"}, "$.exists", "true or false"),
    ({"attribute": "age", "gt": "old"}, "$.gt", "needs a number"),
    ({"attribute": "age", "gt": True}, "$.gt", "needs a number"),
    ({"attribute": "age", "gt": "NaN"}, "$.gt", "needs a number from"),
    ({"attribute": "age", "lt": "Infinity"}, "$.lt", "needs a number from"),
    ({"did": "danced"}, "$.did", "needs one of"),
    ({"did": []}, "$.did", "needs one of"),
    ({"did": {"ordered": 1}}, "$.did", "needs one of"),
    ({"did": "ordered", "often": 1}, "$", "'often'"),
    ({"did": "ordered", "times": 2}, "$.times", "gt, gte, lt, lte, eq"),
    ({"did": "ordered", "times": {}}, "$.times", "gt, gte, lt, lte, eq"),
    ({"did": "ordered", "times": {"min": 2}}, "$.times", "gt, gte, lt, lte, eq"),
    ({"did": "ordered", "times": {"gte": "two"}}, "$.times.gte", "needs a number"),
    ({"did": "ordered", "times": {"gte": 1.5}}, "$.times.gte", "whole number"),
    ({"did": "ordered", "value_sum": {"gte": [1]}}, "$.value_sum.gte", "needs a number"),
    ({"did": "ordered", "within_days": -1}, "$.within_days", "from 0 to 36500"),
    ({"did": "ordered", "within_days": 1e9}, "$.within_days", "from 0 to 36500"),
    ({"did": "ordered", "sku": 7}, "$.sku", "needs a text"),
    ({"did": "ordered", "category": None}, "$.category", "needs a text"),
    ({"recency_days": 30}, "$.recency_days", "gt, gte, lt, lte, eq"),
    ({"recency_days": {"lte": -1}}, "$.recency_days.lte", "from 0 to 36500"),
    ({"recency_days": {"lte": 1e9}}, "$.recency_days.lte", "from 0 to 36500"),
    ({"recency_days": {"lte": 5}, "sku": "rose"}, "$", "'sku'"),
    ({"frequency": {"gte": None}}, "$.frequency.gte", "needs a number"),
    ({"frequency": {"lt": "0.5"}}, "$.frequency.lt", "whole number"),
    ({"frequency": {"gte": 1}, "within_days": "soon"}, "$.within_days", "needs a number"),
    ({"monetary": {"over": 5}}, "$.monetary", "gt, gte, lt, lte, eq"),
    ({"interest": "", "gte": 0.5}, "$.interest", "needs a text"),
    ({"interest": "garden", "gte": 1.1}, "$.gte", "from 0 to 1"),
    ({"interest": "garden", "lte": 0.5}, "$", "'lte'"),
    ({"cluster": "first"}, "$.cluster", "needs a number"),
    ({"cluster": -1}, "$.cluster", "from 0 to 1000"),
    ({"cluster": 1.5}, "$.cluster", "whole number"),
    ({"cluster": 1, "gte": 1}, "$", "'gte'"),
    ({"segment": "nobody"}, "$.segment", "no segment “nobody”"),
    ({"segment": 5}, "$.segment", "needs a text"),
    ({"segment": "x", "not_in": 1}, "$", "'not_in'"),
    ({"random": 10}, "$.random", "needs"),
    ({"random": {"percent": 10}}, "$.random.salt", "needs a text"),
    ({"random": {"salt": "s"}}, "$.random.percent", "needs a number"),
    ({"random": {"salt": "s", "percent": 101}}, "$.random.percent", "from 0 to 100"),
    ({"random": {"salt": "s", "percent": 1, "seed": 1}}, "$.random", "'seed'"),
    ({"received": ["spring"]}, "$.received", "needs a text"),
    ({"received": "spring", "outcome": "bounced"}, "$.outcome", "needs one of"),
    ({"received": "spring", "within_days": 3}, "$", "'within_days'"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "word"), REFUSED)
def test_a_rule_that_cannot_be_read_is_refused_at_save_and_when_asked(
    db: None, rule: Any, path: str, word: str
) -> None:
    for refused in (segments.check, lambda rule: segments.matching(rule, at=NOW)):
        with pytest.raises(InvalidRule) as error:
            refused(rule)
        assert error.value.path == path
        assert word in error.value.message


def test_the_deepest_and_the_longest_rule_still_work(anna: Customer) -> None:
    deepest = DEEP["not"]
    segments.check(deepest)
    assert matched(deepest) == "anna"
    assert matched({"all": [LEAF] * MAX_LEAVES}) == "anna"


# --- one query -----------------------------------------------------------------------------------------------------


def every_leaf() -> Iterator[Rule]:
    yield {"attribute": "country", "is": "DE"}
    yield {"attribute": "tier", "contains": "gold"}
    yield {"attribute": "age", "gte": 40}
    yield {
        "did": "ordered",
        "times": {"gte": 1},
        "within_days": 90,
        "category": "garden",
        "value_sum": {"gte": 1},
    }
    yield {"recency_days": {"lte": 90}}
    yield {"frequency": {"gte": 1}}
    yield {"monetary": {"gte": 1}}
    yield {"interest": "garden", "gte": 0.6}
    yield {"cluster": 3}
    yield {"score": "churn", "gte": 0.5}
    yield {"uplift": "spring", "gte": 0.5}
    yield {"random": {"salt": "s", "percent": 50}}
    yield {"received": "spring", "outcome": "clicked"}


def test_every_leaf_and_all_of_them_together_are_one_query(shop: None) -> None:
    leaves = list(every_leaf())
    assert {next(iter(leaf)) for leaf in leaves} | {"segment", "affinity"} == set(
        LEAVES
    )  # the latter: test_affinity
    for rule in (*leaves, {"any": [{"all": leaves}, {"not": {"any": leaves}}]}):
        with CaptureQueriesContext(connection) as compiling:
            found = segments.matching(rule, at=NOW)
        with CaptureQueriesContext(connection) as asking:
            list(found)
        # Whether an attribute is sensitive is asked beforehand, of all of a rule's at once.
        names_one = "attribute" in rule or "any" in rule
        assert (len(compiling), len(asking)) == (int(names_one), 1)


def test_asked_about_a_span_of_customers_every_leaf_answers_as_about_everyone(shop: None) -> None:
    Segment.objects.create(slug="buyers", name="Buyers", rule={"did": "ordered"})
    ids = sorted(Customer.objects.values_list("pk", flat=True))
    low, high = ids[0], ids[len(ids) // 2]
    leaves = [*every_leaf(), {"segment": "buyers"}]
    matched = 0
    for rule in (*leaves, *({"not": leaf} for leaf in leaves), {"any": leaves}, {"all": leaves}):
        whole = set(segments.matching(rule, at=NOW).values_list("pk", flat=True))
        found = segments.matching(rule, at=NOW, span=(low, high)).values_list("pk", flat=True)
        assert set(found) == {pk for pk in whole if low < pk <= high}, rule
        assert {pk for pk in ids if segments.matches(rule, pk, at=NOW)} == whole, rule
        matched += len(found)
    assert matched > 10


def test_a_segment_in_a_rule_costs_one_query_to_look_up_and_none_to_ask(shop: None) -> None:
    Segment.objects.create(slug="buyers", name="Buyers", rule={"did": "ordered"})
    with CaptureQueriesContext(connection) as compiling:
        found = segments.matching({"segment": "buyers"}, at=NOW)
    with CaptureQueriesContext(connection) as asking:
        list(found)
    assert (len(compiling), len(asking)) == (1, 1)


def test_checking_a_rule_asks_nobody(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        for rule in every_leaf():
            segments.check(rule)
    assert {sql["sql"].partition("WHERE")[0].split('"')[-2] for sql in queries} == {
        "customers_sensitiveattribute"
    }


# --- why, and how many ---------------------------------------------------------------------------------------------


def test_each_condition_says_whether_a_person_meets_it(shop: None, anna: Customer) -> None:
    rule = {
        "any": [
            {"all": [{"did": "viewed"}, {"did": "wished"}]},
            {"not": {"attribute": "country", "is": "FR"}},
        ]
    }
    assert segments.explain(rule, anna.pk, at=NOW) == [
        {"path": "$.any[0].all[0]", "condition": {"did": "viewed"}, "met": True},
        {"path": "$.any[0].all[1]", "condition": {"did": "wished"}, "met": False},
        {"path": "$.any[1].not", "condition": {"attribute": "country", "is": "FR"}, "met": False},
    ]


def test_the_preview_counts_everyone_once(anna: Customer, boris: Customer, clara: Customer) -> None:
    person("silent", allows=["marketing_email"], email="")
    gone = person("gone", allows=["marketing_email"])
    Suppression.objects.create(address_index=gone.email_index, reason="hard_bounce")
    with CaptureQueriesContext(connection) as queries:
        found = segments.waterfall({"attribute": "country", "is": "DE"}, channel="email", at=NOW)
    assert found == {
        "matched": 5,
        "no_consent": {"marketing_email": 2},
        "suppressed": {"hard_bounce": 1},
        "no_address": 1,
        "sendable": 1,
    }
    # Whether the country is sensitive, who is here, who is German, why addresses are suppressed, and whose are.
    assert sum(asked["sql"].startswith("SELECT") for asked in queries) <= 5
    assert segments.waterfall({"attribute": "country", "is": "DE"}, channel="webhook", at=NOW) == {
        "matched": 5,
        "no_consent": {"partner_sharing": 4},
        "suppressed": {},
        "no_address": 0,
        "sendable": 1,
    }
