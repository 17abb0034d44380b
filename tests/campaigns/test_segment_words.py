"""A rule as a marketer reads it: each kind of condition, groups, and what cannot be read."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from campaigns import segments
from campaigns.models import Campaign, Segment
from campaigns.segments.rules import LEAVES
from campaigns.segments.words import LEAVES as IN_WORDS
from catalog.models import Category, Product
from recommender.models import ModelVersion
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def named(db: None) -> None:
    garden = Category.objects.create(name="Garden", slug="garden")
    Product.objects.create(sku="rose", title="Red rose", category=garden)
    Campaign.objects.create(slug="spring", name="Spring sale")
    Segment.objects.create(slug="gold", name="Gold", rule={"attribute": "id", "exists": True})
    clusters = {
        "0": {"people": 19, "marks": ["+ Secret"]},
        "1": {"people": 20, "marks": ["+ Garden", "− recency"]},
    }
    ModelVersion.objects.create(
        task="clusters", algorithm="clusters", state="live", file="f", sha256="0" * 64, people=39, interactions=9,
        trained_until=NOW, metrics={"clusters": clusters},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"attribute": "country", "is": "DE"}, "country is DE"),
        ({"recency_days": {"lte": 1}}, "ordered last at most 1 day ago"),
        ({"recency_days": {"gte": 1, "lte": 2}}, "ordered last from 1 to 2 days ago"),
        ({"did": "viewed", "within_days": 1}, "viewed in the last 1 day"),
        ({"attribute": "locale", "in": ["de", "fr"]}, "language is one of de, fr"),
        ({"attribute": "tier", "in": [*"abcdefg"]}, "tier is one of a, b, c, d, e and 2 more"),
        ({"attribute": "tier", "contains": "go"}, "tier contains “go”"),
        ({"attribute": "age", "gte": 30}, "age is at least 30"),
        ({"attribute": "vip", "is": True}, "vip is yes"),
        ({"attribute": "id", "exists": False}, "shop's own id is not known"),
        ({"did": "ordered"}, "ordered"),
        (
            {"did": "ordered", "times": {"gte": 2}, "within_days": 90, "category": "garden"},
            "ordered in Garden at least 2 times in the last 90 days",
        ),
        ({"did": "viewed", "sku": "rose", "times": {"eq": 1}}, "viewed “Red rose” exactly 1 time"),
        ({"did": "ordered", "value_sum": {"gte": "100"}}, "ordered for at least 100 in all"),
        ({"recency_days": {"gt": 90, "lte": 180}}, "ordered last more than 90 and at most 180 days ago"),
        ({"frequency": {"gte": 3}, "within_days": 365}, "has ordered at least 3 times in the last 365 days"),
        ({"monetary": {"gte": 50, "lte": 99}}, "has spent from 50 to 99, less refunds, so far"),
        ({"interest": "garden", "gte": 0.6}, "is interested in Garden: probability at least 60 %"),
        ({"score": "churn", "lt": 0.2}, "probability of no order for long: less than 20 %"),
        ({"score": "lifetime_value", "gte": 40}, "expected money in a year: at least 40"),
        ({"affinity": {"sku": "rose"}, "top": 2000}, "is one of the 2,000 whom “Red rose” suits most"),
        ({"cluster": 1}, "acts like group 1: much Garden, here lately"),
        ({"segment": "gold"}, "is in the segment “Gold”"),
        ({"random": {"salt": "a", "percent": 10}}, "is one of 10 % drawn by chance (draw “a”)"),
        ({"received": "spring", "outcome": "clicked"}, "was sent “Spring sale” and then: clicked"),
        ({"received": "gone"}, "was sent “gone”"),
        ({"uplift": "spring", "gt": 0.02}, "“Spring sale” changes what they spend by more than 0.02"),
        (
            {"all": [{"did": "ordered"}, {"any": [{"did": "viewed"}, {"not": {"segment": "gold"}}]}]},
            "ordered and (viewed or not (is in the segment “Gold”))",
        ),
    ],
)
def test_each_condition_reads_as_a_sentence(named: None, rule: object, words: str) -> None:
    segments.check(rule)
    assert segments.in_words(rule) == words


def test_every_kind_of_condition_has_its_words() -> None:
    assert IN_WORDS.keys() == LEAVES.keys()


def test_n1_what_sets_a_group_of_fewer_than_twenty_apart_is_not_told(named: None) -> None:
    assert segments.in_words({"cluster": 0}) == "acts like group 0: group 0"


@pytest.mark.parametrize(
    "rule",
    [
        None, 7, [], {}, {"all": "x"}, {"all": [{"did": 3}, None]}, {"did": "ordered", "times": {}}, {"cluster": []},
        {"affinity": "x"}, {"score": "x", "gte": 1}, {"attribute": "a"}, {"random": {"salt": "a"}}, {"not": None},
        {"attribute": ["x"], "is": 1}, {"segment": {"x": 1}}, {"did": "ordered", "sku": ["x"]}, {"recency_days": 3},
    ],
)  # fmt: skip
def test_a_rule_that_is_still_being_written_is_quoted_and_raises_nothing(rule: object) -> None:
    assert "cannot be read yet" in segments.in_words(rule)
    assert segments.lines(rule)


def test_a_rule_of_a_thousand_groups_in_one_another_ends(db: None) -> None:
    rule: object = {"did": "ordered"}
    for _group in range(200):
        rule = {"not": {"all": [rule]}}
    assert segments.in_words(rule).endswith("…" + ")" * segments.in_words(rule).count("("))
    assert len(segments.lines(rule)) < 20


def test_lines_name_their_places_as_errors_do() -> None:
    rule = {"all": [{"did": "ordered"}, {"not": {"any": [{"did": "viewed"}]}}, {"not": {"did": "wished"}}]}
    assert [(line.path, line.depth, line.words, line.is_group) for line in segments.lines(rule)] == [
        ("$", 0, "all of these", True),
        ("$.all[0]", 1, "ordered", False),
        ("$.all[1]", 1, "none of these", True),
        ("$.all[1].not.any[0]", 2, "viewed", False),
        ("$.all[2]", 1, "not (wished for)", False),
    ]


def test_names_are_looked_up_once_for_many_rules(named: None) -> None:
    rules = [
        {"all": [{"did": "ordered", "sku": "rose"}, {"interest": "garden"}, {"cluster": 1}]},
        *({"any": [{"segment": "gold"}, {"received": "spring"}]} for _rule in range(9)),
    ]
    with CaptureQueriesContext(connection) as asked:
        names = segments.Names.of(*rules)
        told = [segments.in_words(rule, names) for rule in rules]
    assert len(asked) == 5
    assert told[1] == "is in the segment “Gold” or was sent “Spring sale”"


def test_another_language_is_another_sentence(named: None) -> None:
    with translation.override("zh-hans"):
        assert segments.in_words({"attribute": "country", "is": "DE"}) != "country is DE"
