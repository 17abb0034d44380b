"""Why people are in or out, members a page at a time, and how far two segments are the same."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import segments
from campaigns.models import Segment
from campaigns.segments import everyone, membership, overlaps, sampling, withheld
from customers import consent
from customers.models import Customer, SensitiveAttribute
from tests.campaigns.conftest import people
from tests.campaigns.test_segments import inferred, shop
from tests.conftest import NOW

__all__ = ["inferred", "shop"]
pytestmark = pytest.mark.django_db
ORDERED, VIEWED = {"did": "ordered"}, {"did": "viewed"}
GERMAN = {"attribute": "country", "is": "DE"}


def by_name(rule: Any) -> dict[str, Any]:
    ids = list(Customer.objects.values_list("pk", flat=True))
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return {names[pk]: verdict for pk, verdict in segments.verdicts(rule, ids, at=NOW).items()}


@pytest.mark.parametrize(
    "rule",
    [
        GERMAN, ORDERED, {"not": ORDERED}, {"any": [GERMAN, VIEWED]}, {"all": [{"not": VIEWED}, ORDERED]},
        {"not": {"any": [VIEWED, {"recency_days": {"gt": 50}}]}}, {"interest": "garden"}, {"cluster": 3},
        {"all": [{"score": "purchase", "gte": 0.4}, {"not": {"monetary": {"gte": 39}}}]},
        {"not": {"all": [{"random": {"salt": "a", "percent": 50}}, {"frequency": {"gte": 1}}]}},
        {"any": [{"uplift": "spring", "gt": 0}, {"did": "ordered", "sku": "pan"}]},
    ],
)  # fmt: skip
def test_whoever_is_said_to_be_in_is_whom_the_rule_matches(inferred: None, rule: Any) -> None:
    """The rule as one query, line by line, and put together from conditions asked one by one: the same people."""
    said = {name for name, verdict in by_name(rule).items() if verdict.is_in}
    assert said == set(segments.matching(rule, at=NOW).values_list("external_id", flat=True))
    whole = set(segments.matching(rule, at=NOW).values_list("pk", flat=True))
    (drawn,) = sampling.matched([rule], sampling.draw(), at=NOW)
    assert drawn == whole
    people = everyone.Everyone([rule], at=NOW)
    assert set(people.ids[people.matched[0]].tolist()) == whole


def test_each_line_says_whether_it_holds(shop: None) -> None:
    rule = {"all": [GERMAN, {"not": {"any": [VIEWED, {"did": "wished"}]}}]}
    found = by_name(rule)
    assert found["anna"].met == {
        "$": False, "$.all[0]": True, "$.all[1]": False, "$.all[1].not": True,
        "$.all[1].not.any[0]": True, "$.all[1].not.any[1]": False,
    }  # fmt: skip
    assert found["dora"].is_in


def test_c2_who_does_not_allow_personalization_is_out_and_their_behaviour_is_not_asked(shop: None) -> None:
    fay = by_name({"any": [GERMAN, ORDERED]})["fay"]
    assert (fay.is_in, fay.is_silent) == (False, True)
    assert fay.met == {"$.any[0]": True, "$.any[1]": None, "$": True}
    assert by_name({"not": ORDERED})["fay"].met == {"$.not": None, "$": None}
    assert by_name(GERMAN)["fay"].is_in, "what the shop says of a person needs no leave"


def test_twenty_people_and_all_lines_are_one_query(shop: None) -> None:
    ids = people(20)
    rule = {"all": [ORDERED, {"not": VIEWED}, {"frequency": {"gte": 1}}, {"cluster": 1}]}
    with CaptureQueriesContext(connection) as asked:
        assert len(segments.verdicts(rule, ids, at=NOW)) == 20
    assert len(asked) == 1


def test_c15_a_sensitive_attribute_is_not_asked_about_one_person_either(shop: None, anna: Customer) -> None:
    SensitiveAttribute.objects.create(name="religion", why="protected", added_by="pia")
    with pytest.raises(withheld.Withheld):
        segments.verdicts({"attribute": "religion", "exists": True}, [anna.pk], at=NOW)
    with pytest.raises(withheld.Withheld):
        segments.estimate({"attribute": "religion", "exists": True}, at=NOW)
    with pytest.raises(withheld.Withheld):
        segments.members({"attribute": "religion", "exists": True}, at=NOW)


# --- members -----------------------------------------------------------------------------------------------------------


def test_members_come_a_page_at_a_time_and_each_once(db: None) -> None:
    ids = people(7)
    found, after = list[int](), 0
    for _page in range(3):
        page = segments.members(GERMAN, at=NOW, after=after, most=3)
        found += page.ids
        after = page.beyond or 0
    assert (found, after) == (ids, 0)


def test_where_few_match_a_page_ends_and_says_where_to_go_on(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = people(40)
    monkeypatch.setattr(membership, "FIRST_SPAN", ids[0] + 1)
    monkeypatch.setattr(membership, "TIMES", 1)
    monkeypatch.setattr(membership, "MOST_SPANS", 1)
    rule = {"attribute": "id", "is": "c039"}
    page = segments.members(rule, at=NOW, after=0, most=3)
    assert (page.ids, page.beyond) == ([], ids[0] + 1)
    after, found = page.beyond, list[int]()
    while after is not None:
        page = segments.members(rule, at=NOW, after=after, most=3)
        found, after = found + page.ids, page.beyond
    assert found == [ids[-1]]


# --- overlap -----------------------------------------------------------------------------------------------------------


def test_the_three_parts_of_two_segments(db: None) -> None:
    people(30, prefix="a")
    people(12, prefix="b")
    first = Segment.objects.create(slug="a", name="A", rule={"attribute": "id", "contains": "a0"})
    both = {"any": [{"attribute": "id", "contains": "b0"}, {"attribute": "id", "contains": "a00"}]}
    second = Segment.objects.create(slug="b", name="B", rule=both)
    found = overlaps.overlap(first, second, at=NOW)
    assert [part.people for part in (found.only_first, found.both, found.only_second)] == [20, 10, 12]


def test_c2_the_parts_hold_nobody_who_may_not_be_asked(shop: None) -> None:
    ordered = Segment.objects.create(slug="o", name="O", rule=ORDERED)
    everyone = Segment.objects.create(slug="e", name="E", rule={"attribute": "id", "exists": True})
    found = overlaps.overlap(everyone, ordered, at=NOW)
    assert (found.both.people, found.only_second.people) == (3, 0), "anna, dora and emil"
    assert not consent.verdicts([Customer.objects.get(external_id="boris").pk], "personalization")[
        Customer.objects.get(external_id="boris").pk
    ].allowed
