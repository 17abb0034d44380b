"""Who would be, or was, offered what, by groups as the shop declared them (N3)."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import fairness, planning, statistics
from campaigns.fairness import figures, groups
from campaigns.fairness.figures import Groups
from campaigns.fairness.groups import Counted
from campaigns.lifecycle import NotPossible, take
from campaigns.models import (
    Campaign,
    Code,
    Decision,
    FairnessCheck,
    Offer,
    Redemption,
)
from customers.models import Customer, SensitiveAttribute
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def shop(**counts: int) -> dict[str, list[int]]:
    """So many people of each country, all of whom allow everything."""
    found = {}
    for country, n in counts.items():
        found[country] = people(n, prefix=country.lower())
        Customer.objects.filter(pk__in=found[country]).update(country=country, attributes={"tier": "gold"})
    return found


def told_of(grouped: Groups, *, rng: np.random.Generator) -> dict:
    found = figures.told(grouped, rng=rng)
    assert found is not None
    return found


def shares(*counts: int, rng: np.random.Generator) -> statistics.Ratio:
    found = statistics.of_shares(*counts, rng=rng)
    assert found is not None
    return found


def means(counts: dict[float, int], ref: dict[float, int], *, rng: np.random.Generator) -> statistics.Ratio:
    found = statistics.of_means(counts, ref, rng=rng)
    assert found is not None
    return found


# --- ratios ----------------------------------------------------------------------------------------------------------


def test_n3_ratios_worked_by_hand() -> None:
    found = shares(30, 100, 60, 100, rng=rng())
    assert found.value == pytest.approx(0.5)
    # Katz: ln 0.5 ± 1.96·√(1/30 − 1/100 + 1/60 − 1/100) is 0.357 to 0.700; the draws must come near.
    assert found.low == pytest.approx(0.357, abs=0.03) and found.high == pytest.approx(0.700, abs=0.03)
    assert found.crosses
    even = means({0.0: 50, 0.2: 50}, {0.1: 100}, rng=rng())
    assert even.value == pytest.approx(1.0) and not even.crosses


def test_n3_nobody_selected_has_an_upper_end_by_the_rule_of_three() -> None:
    found = shares(0, 60, 50, 100, rng=rng())
    assert (found.value, found.low) == (0.0, 0.0) and found.high == pytest.approx(0.05 / 0.5)
    assert found.crosses
    assert statistics.of_shares(5, 60, 0, 100, rng=rng()) is None


def test_n3_the_wire_is_not_crossed_by_chance_nor_by_a_small_sure_difference() -> None:
    assert not shares(6, 20, 10, 20, rng=rng()).crosses, "0.6, but twenty people do not tell"
    assert not shares(4500, 10_000, 5000, 10_000, rng=rng()).crosses, "0.9, surely"
    assert shares(7000, 10_000, 5000, 10_000, rng=rng()).crosses, "1.4: the other way round too"


def test_n3_the_interval_holds_the_true_ratio_95_times_of_100() -> None:
    chance, held = np.random.default_rng(3), 0
    for _turn in range(400):
        one, ref = chance.binomial(300, 0.3), chance.binomial(500, 0.4)
        found = shares(one, 300, ref, 500, rng=chance)
        held += found.low <= 0.75 <= found.high
    assert 0.92 <= held / 400 <= 0.98


# --- what may be told ------------------------------------------------------------------------------------------------


def test_n1_n3_groups_under_twenty_are_not_told_and_a_single_one_takes_the_next_along() -> None:
    told = told_of(
        Groups({"DE": Counted(100, 50), "FR": Counted(60, 30), "AT": Counted(25, 25), "CH": Counted(19, 0)}),
        rng=rng(),
    )
    assert [row["group"] for row in told["groups"]] == ["DE", "FR"]
    assert told["too_few"] == 2 and "CH" not in json.dumps(told) and "AT" not in json.dumps(told)
    assert figures.told(Groups({"DE": Counted(100, 50), "CH": Counted(19, 19)}), rng=rng()) is None


def test_n1_n3_a_share_that_tells_of_a_few_is_blank_but_its_wire_counts() -> None:
    told = told_of(
        Groups({"DE": Counted(1000, 500), "FR": Counted(500, 7), "AT": Counted(400, 200)}), rng=rng()
    )
    by = {row["group"]: row["selected"] for row in told["groups"]}
    assert by["FR"] == {"crossed": True}
    assert "value" not in by["AT"], "else the seven could be worked out from the total"
    assert by["DE"]["value"] == 0.5
    assert figures.crossed({"country": told}) == [
        {"attribute": "country", "group": "FR", "measure": "selected"}
    ]


def test_n3_where_nobody_of_the_largest_group_is_chosen_the_next_is_the_reference() -> None:
    told = told_of(Groups({"DE": Counted(90, 0), "FR": Counted(60, 60)}), rng=rng())
    assert told["references"] == {"selected": "FR"}
    german = told["groups"][0]["selected"]
    assert (german["value"], german["ratio"], german["high"], german["crossed"]) == (0.0, 0.0, 0.0333, True)


def test_n1_n3_beside_a_blank_reference_no_ratio_is_told() -> None:
    counted = {
        "DE": Counted(1000, 5),
        "FR": Counted(500, 250),
        "AT": Counted(400, 4),
        "CH": Counted(300, 100),
    }
    told = told_of(Groups(counted), rng=rng())
    assert "0.5" in json.dumps(told), "a share is told"
    assert "ratio" not in json.dumps(told)


def test_n3_groups_are_as_declared_languages_without_regions_and_numbers_in_bands() -> None:
    assert groups.folded("language", {"de-DE": 3, "de_AT": 2, "zh-hans": 1}) == {
        "de-DE": "de", "de_AT": "de", "zh-hans": "zh",
    }  # fmt: skip
    ages = {str(age): 1 for age in range(18, 40)} | {"": 4, "unknown": 1}
    folded = groups.folded("age", ages)
    assert (folded["18"], folded["20"], folded["39"]) == ("10–19", "20–29", "30–39")
    assert (folded[""], folded["unknown"]) == ("", "unknown")
    assert groups.folded("club", {"1": 5, "2": 5}) == {"1": "1", "2": "2"}, "a few numbers are names"
    many = groups.folded("city", {f"c{n}": 100 - n for n in range(40)})
    assert Counter(many.values())["*"] == 10


# --- before and after ------------------------------------------------------------------------------------------------


def unequal(campaign: Make, **fields: object) -> Campaign:
    """Germans all have a tier, one in three of the French: a rule that does not name the country, and leaves them out."""
    by = shop(DE=60, FR=60)
    Customer.objects.filter(pk__in=by["FR"][20:]).update(attributes={})
    return campaign(offer("ten"), rule={"attribute": "tier", "is": "gold"}, launched=False, **fields)


def test_n3_before_approval_shares_and_benefit_by_group_are_kept(campaign: Make) -> None:
    row = unequal(campaign)
    check = fairness.before(row, by="anton", at=NOW)
    told = check.figures["country"]
    assert (told["references"]["selected"], told["is_asked"], told["too_few"]) == ("DE", False, 0)
    by = {one["group"]: one for one in told["groups"]}
    assert by["DE"]["selected"] == {"crossed": False, "value": 1.0}
    french = by["FR"]["selected"]
    assert (french["value"], french["ratio"], french["crossed"]) == (0.333333, 0.3333, True)
    assert french["low"] < 0.3333 < french["high"] < 0.5
    assert by["FR"]["given"]["value"] == by["DE"]["given"]["value"] == 0.1
    assert check.tripped == [{"attribute": "country", "group": "FR", "measure": "selected"}]
    assert (Decision.objects.count(), Code.objects.count(), Offer.objects.get().given) == (0, 0, 0)


def test_n3_a_crossed_wire_is_answered_in_words_by_whoever_approves(campaign: Make) -> None:
    row = unequal(campaign)
    with pytest.raises(NotPossible, match=r"Look at this first.*country FR"):
        take(row, "approve", by="anton", at=NOW)
    row.refresh_from_db()
    assert row.status == "draft"
    check = FairnessCheck.objects.get()
    with pytest.raises(fairness.NotAnswered):
        fairness.answer(check, "  fine ", by="anton")
    fairness.answer(check, "The club opened in France a year later.", by="marta")
    with pytest.raises(NotPossible):
        take(row, "approve", by="anton", at=NOW)
    fairness.answer(FairnessCheck.objects.latest("pk"), "The club opened in France a year later.", by="anton")
    with pytest.raises(NotPossible):
        take(row, "approve", by="anton", at=NOW + timedelta(days=8))
    take(row, "approve", by="anton", at=NOW)
    kept = FairnessCheck.objects.latest("pk")
    assert row.status == "approved"
    assert (kept.moment, kept.by, kept.answered) == (
        "before",
        "anton",
        "The club opened in France a year later.",
    )


def test_n3_an_answer_does_not_stand_for_a_wire_it_did_not_see(campaign: Make) -> None:
    row = unequal(campaign)
    fairness.answer(fairness.before(row, by="anton", at=NOW), "The club opened in France later.", by="anton")
    italians = people(40, prefix="it")
    Customer.objects.filter(pk__in=italians).update(country="IT")
    with pytest.raises(NotPossible, match="country IT"):
        take(row, "approve", by="anton", at=NOW)


def test_n3_what_the_rules_name_is_told_and_needs_no_answer_unless_it_is_sensitive(campaign: Make) -> None:
    shop(DE=30, FR=30)
    row = campaign(rule={"attribute": "country", "is": "DE"}, launched=False)
    check = fairness.before(row, by="anton", at=NOW)
    assert check.figures["country"]["is_asked"] and check.tripped == []
    assert check.figures["country"]["groups"][1]["selected"]["crossed"]
    SensitiveAttribute.objects.create(name="tier", why="x", added_by="pia")
    Customer.objects.filter(country="FR").update(attributes={"tier": "none"})
    check = fairness.before(row, by="anton", at=NOW)
    assert {wire["attribute"] for wire in check.tripped} == {"tier"}, (
        "never inferred, and compared as declared"
    )


def test_n3_people_who_could_not_be_reached_are_not_counted(campaign: Make) -> None:
    by = shop(DE=30, FR=30)
    people(30, allows=(), prefix="no")
    Customer.objects.filter(pk__in=by["FR"][:10]).update(email_index="")
    row = campaign(launched=False)
    check = fairness.before(row, by="anton", at=NOW)
    assert {one["group"]: one["people"] for one in check.figures["country"]["groups"]} == {"DE": 30, "FR": 20}
    assert check.tripped == []


def test_n3_after_sending_what_was_given_and_used_is_told(campaign: Make) -> None:
    by = shop(DE=40, FR=40)
    row = campaign(
        offer("ten", priority=5, eligibility={"attribute": "country", "is": "DE"}, value=Decimal(20)),
        offer("five", value=Decimal(5)),
    )
    assert planning.plan_due(at=NOW) == 80
    for decision in Decision.objects.filter(customer__in=by["DE"][:20]):
        Redemption.objects.create(
            code=decision.code,  customer_id=decision.customer_id, order_id=str(decision.pk)[:30],
            amount=Decimal(50), discount=Decimal(10), currency="EUR", at=NOW,
        )  # fmt: skip
    check = fairness.after(row, by="tact", at=NOW)
    told = {one["group"]: one for one in check.figures["country"]["groups"]}
    assert (check.moment, told["DE"]["selected"]["value"], told["FR"]["selected"]["value"]) == (
        "after",
        1.0,
        1.0,
    )
    assert (told["DE"]["given"]["value"], told["FR"]["given"]["value"]) == (0.2, 0.05)
    assert told["FR"]["given"]["ratio"] == 0.25 and told["FR"]["given"]["crossed"]
    assert (told["DE"]["used"]["value"], told["FR"]["used"]["value"]) == (5.0, 0.0)


def test_n3_a_campaign_that_is_over_is_looked_back_at_once(campaign: Make) -> None:
    shop(DE=25, FR=25)
    row = campaign()
    planning.plan_due(at=NOW)
    assert fairness.look_back_due(at=NOW + timedelta(days=99)) == 0
    Campaign.objects.filter(pk=row.pk).update(status="finished", updated_at=NOW)
    assert fairness.look_back_due(at=NOW + timedelta(days=13)) == 0
    assert fairness.look_back_due(at=NOW + timedelta(days=14)) == 1
    assert fairness.look_back_due(at=NOW + timedelta(days=15)) == 0
    assert FairnessCheck.objects.get(moment="after").by == "tact"


def test_n3_queries_do_not_grow_with_people(campaign: Make) -> None:
    sizes = []
    row = unequal(campaign)
    for more in (0, 60):
        ids = people(more, prefix=f"m{more}") if more else []
        Customer.objects.filter(pk__in=ids).update(attributes={"tier": "gold"})
        with CaptureQueriesContext(connection) as queries:
            fairness.before(row, by="anton", at=NOW)
        sizes.append(len(queries))
    assert sizes[1] <= sizes[0] + 1
