"""In what order, with what chance, and what a placement learns."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns.models import Decision, Offer, Placement, RankingState
from campaigns.offers import InvalidFormula, candidates, formula, learning, ranking
from customers.models import Customer, Event
from tests.campaigns.conftest import offer, people
from tests.campaigns.test_offers import choose, got, place
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def by_formula(value: object, **fields: object) -> Placement:
    return place(ranking="formula", formula=[{"when": None, "value": value}], **fields)


# --- formulas --------------------------------------------------------------------------------------------------------


def test_a_formula_is_worked_out_offer_by_offer() -> None:
    (pk,) = people(1)
    rows = [offer("big", value=40, priority=1), offer("small", value=10, priority=3)]
    # 40 % × 1 against 10 % × 3, and the other way round with 5 added to the priority: 0.4 × 6 against 0.1 × 8.
    chosen = choose([pk], *rows, placement=by_formula({"times": [{"priority": 1}, {"generosity": 10}]}))
    assert (got(chosen), chosen[pk][0].score) == ({pk: ["big"]}, 4.0)
    Offer.objects.filter(slug="small").update(priority=5)
    worth = {"times": [{"priority": 1}, {"generosity": 10}]}
    chosen = choose([pk], *rows, placement=by_formula(worth, slug="cart"))
    assert (got(chosen), chosen[pk][0].score) == ({pk: ["small"]}, 5.0)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (2, 2.0),
        ({"fit": 2}, 2.0),
        ({"benefit": 1}, 0.1),
        ({"plus": [1, {"priority": 2}, 3]}, 18.0),
        ({"minus": [1, {"priority": 1}]}, -6.0),
        ({"divided": [{"priority": 1}, 2]}, 3.5),
        ({"divided": [1, 0]}, 0.0),
        ({"least": [{"priority": 1}, 3]}, 3.0),
        ({"most": [{"priority": 1}, 3]}, 7.0),
        ({"works": 1}, 0.5),
        ({"times": [1e9] * 40}, 1e300),
    ],
)
def test_the_arithmetic(value: object, found: float) -> None:
    (pk,) = people(1)
    formula.check([{"value": value}])
    assert choose([pk], offer("ten", priority=7), placement=by_formula(value))[pk][0].score == found


def test_the_first_line_that_matches_a_person_counts() -> None:
    anna, boris = people(2)
    Customer.objects.filter(pk=boris).update(country="FR")
    lines = [
        {"when": {"attribute": "country", "is": "FR"}, "value": {"minus": [0, {"priority": 1}]}},
        {"when": None, "value": {"priority": 1}},
    ]
    home = place(ranking="formula", formula=lines)
    assert got(choose([anna, boris], offer("high", priority=2), offer("low"), placement=home)) == {
        anna: ["high"],
        boris: ["low"],
    }


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ([], "$"),
        ({"value": 1}, "$"),
        ([{"value": 1}] * 11, "$"),
        ([{"value": {"plus": [1] * 5000}}], "$"),
        ([{"when": None}], "$[0]"),
        ([{"value": 1, "otherwise": 2}], "$[0]"),
        ([{"when": {"attribute": "shoe"}, "value": 1}], "$[0].when"),
        ([{"when": {"attribute": "country", "is": "DE"}, "value": 1}], "$[0]"),
        ([{"value": {"fits": 1}}], "$[0].value"),
        ([{"value": {"fit": 1, "priority": 1}}], "$[0].value"),
        ([{"value": {"fit": "1"}}], "$[0].value.fit"),
        ([{"value": {"fit": True}}], "$[0].value.fit"),
        ([{"value": {"minus": [1, 2, 3]}}], "$[0].value.minus"),
        ([{"value": {"plus": [1]}}], "$[0].value.plus"),
        ([{"value": {"plus": [1, "__import__"]}}], "$[0].value.plus[1]"),
        ([{"value": float("nan")}], "$[0].value"),
    ],
)
def test_a_formula_that_cannot_be_read_says_where(wrong: object, path: str) -> None:
    with pytest.raises(InvalidFormula) as refused:
        formula.check(wrong)
    assert refused.value.path == path


def test_a_formula_is_bounded_in_depth() -> None:
    deep: object = 1
    for _ in range(9):
        deep = {"plus": [1, deep]}
    with pytest.raises(InvalidFormula, match="8 in one another"):
        formula.check([{"value": deep}])


def test_a_formula_whose_segment_is_gone_leaves_the_order_of_priority() -> None:
    (pk,) = people(1)
    lines = [{"when": {"segment": "gone"}, "value": 1}, {"value": {"minus": [0, {"priority": 1}]}}]
    chosen = choose(
        [pk], offer("high", priority=2), offer("low"), placement=place(ranking="formula", formula=lines)
    )
    assert got(chosen) == {pk: ["high"]}
    (told,) = [entry for entry in chosen[pk][0].candidates if entry["verdict"] == "chosen"]
    assert told["by"].startswith("priority (formula: ")


# --- chance ----------------------------------------------------------------------------------------------------------


def test_exploration_draws_evenly_and_logs_the_chance_of_the_mixture() -> None:
    ids = people(400)
    rows = [offer(f"o{n}", value=10 + n) for n in range(4)]
    chosen = choose(ids, *rows, placement=place(explore_percent=40), rng=np.random.default_rng(1))
    drawn = Counter((choices[0].offer.slug, choices[0].explored) for choices in chosen.values())
    # 60 % are the best, and each of four takes 10 %.
    assert {(choices[0].offer.slug == "o3", round(choices[0].propensity, 9)) for choices in chosen.values()} == {
        (True, 0.7), (False, 0.1),
    }  # fmt: skip
    assert sum(n for (_slug, explored), n in drawn.items() if explored) == pytest.approx(160, abs=30)
    assert drawn["o3", True] == pytest.approx(40, abs=18)  # explored, and the best all the same
    assert {slug for slug, _explored in drawn} == {"o0", "o1", "o2", "o3"}
    told = {entry["offer"]: entry["chance"] for entry in chosen[ids[0]][0].candidates}
    assert told == {"o0": 0.1, "o1": 0.1, "o2": 0.1, "o3": 0.7}


def test_the_same_person_place_and_moment_draw_the_same() -> None:
    ids = people(50)
    rows = [offer(f"o{n}", value=10 + n, max_per_customer=None) for n in range(4)]
    home = place(explore_percent=100)
    first = got(choose(ids, *rows, placement=home))
    assert got(choose(ids, *rows, placement=home)) == first
    assert got(choose(ids, *rows, placement=home, at=NOW + timedelta(seconds=1))) != first
    assert set(Decision.objects.values_list("propensity", "explored")) == {(0.25, True)}


def test_whom_a_cap_turns_away_draws_from_what_is_left() -> None:
    ids = people(40)
    rows = [offer("rare", max_total=1), offer("one"), offer("two")]
    chosen = choose(ids, *rows, placement=place(explore_percent=100), rng=np.random.default_rng(2))
    shown = Counter(choices[0].offer.slug for choices in chosen.values())
    assert (shown["rare"], sum(shown.values())) == (1, 40)
    for choices in chosen.values():
        verdicts = {entry["offer"]: entry["verdict"] for entry in choices[0].candidates}
        open_ = sum(verdict in ("chosen", "eligible") for verdict in verdicts.values())
        assert choices[0].propensity == pytest.approx(1 / open_)
        assert open_ == 3 or verdicts["rare"] == "capped_total"


def test_a_bandit_s_shares_are_drawn_among_what_the_person_may_have() -> None:
    ids = people(300)
    home = place(ranking="bandit")
    arms = {"a": {"share": 0.6}, "b": {"share": 0.2}, "gone": {"share": 0.2}}
    RankingState.objects.create(placement=home, at=NOW, arms=arms, method="bandit")
    only_french = offer("c", eligibility={"attribute": "country", "is": "FR"})
    chosen = choose(ids, offer("a"), offer("b"), only_french, placement=home, rng=np.random.default_rng(3))
    shown = Counter(choices[0].offer.slug for choices in chosen.values())
    assert shown["a"] == pytest.approx(225, abs=25)
    assert {round(choices[0].propensity, 6) for choices in chosen.values()} == {0.75, 0.25}
    assert shown.keys() == {"a", "b"}
    # A new offer gets the mean of those known: a third of 1.0, of 0.6 + 0.2 + 1/3.
    newly = choose(
        ids[:1], offer("new"), Offer.objects.get(slug="a"), placement=home, at=NOW + timedelta(days=1)
    )
    assert newly == {} or round(newly[ids[0]][0].propensity, 4) in (0.3571, 1.0)


def test_a_ranking_that_has_learnt_nothing_goes_by_priority_and_says_so() -> None:
    (pk,) = people(1)
    for slug in ("personal", "uplift"):
        chosen = choose(
            [pk], offer(f"{slug}-high", priority=2), offer(f"{slug}-low"), placement=place(slug, ranking=slug)
        )
        assert got(chosen) == {pk: [f"{slug}-high"]}
        assert chosen[pk][0].candidates[0]["by"] == f"priority (nothing learnt yet for {slug})"


def test_an_offer_nobody_knows_scores_as_the_worst_known() -> None:
    (pk,) = people(1)
    home = place(ranking="personal", slots=3)
    arms = {"good": {"intercept": 0.0, "slope": 0.0}, "bad": {"intercept": -2.0, "slope": 1.0}}
    RankingState.objects.create(placement=home, at=NOW, arms=arms, method="personal")
    chosen = choose([pk], offer("good"), offer("bad"), offer("new", priority=1), placement=home)
    assert got(chosen) == {pk: ["good", "new", "bad"]}
    assert [choice.score for choice in chosen[pk]] == [0.5, 0.268941, 0.268941]  # 1 / (1 + e)


# --- learning --------------------------------------------------------------------------------------------------------


def shown(ids: list[int], row: Offer, *, successes: int, at=NOW, days: float = 1, fit: float = 1.0) -> None:
    """Decisions at `home` for these people; the first `successes` of them ordered after so many days."""
    rows = Decision.objects.bulk_create(
        Decision(
            customer_id=pk, placement="home", offer=row, purpose="personalization", basis="default", decided_at=at,
            candidates=[{"offer": row.slug, "score": 1, "verdict": "chosen", "fit": fit}],
        )
        for pk in ids
    )  # fmt: skip
    for decision in rows[:successes]:
        event = Event.objects.create(
            customer_id=decision.customer_id, type="ordered", occurred_at=at, received_at=at, source="s",
            message_id=str(decision.pk), basis="contract",
        )  # fmt: skip
        decision.outcomes.create(event=event, kind="ordered", value=Decimal(5), at=at + timedelta(days=days))


def test_a_bandit_counts_people_and_those_it_worked_for_within_a_week() -> None:
    ids = people(6)
    home, ten = place(ranking="bandit"), offer("ten")
    shown(ids[:4], ten, successes=2)
    shown(ids[:1], ten, successes=1)  # the same person twice is one
    shown(ids[4:5], ten, successes=1, days=8)  # too late
    shown(ids[5:], ten, successes=0)
    Decision.objects.filter(customer_id=ids[5]).update(state="released")
    assert learning.counts(home, at=NOW + timedelta(days=9)) == {"ten": (5, 2)}


def test_shares_stay_until_every_arm_has_its_people_and_then_follow_what_works() -> None:
    ids = people(240)
    home, good, bad = place(ranking="bandit"), offer("good"), offer("bad")
    rng = np.random.default_rng(1)
    shown(ids[:100], good, successes=40)
    shown(ids[100:199], bad, successes=2)
    at = NOW + timedelta(days=2)
    first = learning.renew(home, at=at, rng=rng)
    assert {slug: arm["share"] for slug, arm in first.arms.items()} == {"bad": 0.5, "good": 0.5}
    shown(ids[199:], bad, successes=0)
    assert learning.renew(home, at=at + timedelta(minutes=59), rng=rng) is None
    second = learning.renew(home, at=at + timedelta(hours=1), rng=rng)
    assert second.arms["good"]["people"] == 100
    assert second.arms["good"]["share"] > 0.75
    assert second.arms["bad"]["share"] >= 0.01
    assert sum(arm["share"] for arm in second.arms.values()) == pytest.approx(1.0)
    assert learning.renew_all(at=at + timedelta(hours=2), rng=rng) == 1


def test_the_personal_ranking_learns_whom_an_offer_suits() -> None:
    ids = people(240)
    home = place(ranking="personal")
    plants, everything = offer("plants", value=20), offer("everything")
    shown(ids[:60], plants, successes=30, fit=0.9)
    shown(ids[60:120], plants, successes=3, fit=0.1)
    assert (
        learning.renew(home, at=NOW + timedelta(days=8), rng=np.random.default_rng(1)) is None
    )  # one offer only
    shown(ids[120:], everything, successes=24)
    at = NOW + timedelta(days=8)
    arms = learning.renew(home, at=at, rng=np.random.default_rng(1)).arms
    assert (arms["plants"]["people"], arms["plants"]["successes"]) == (120, 33)
    suits, not_ = (
        1 / (1 + np.exp(-arms["plants"]["intercept"] - arms["plants"]["slope"] * fit)) for fit in (0.9, 0.1)
    )
    assert suits == pytest.approx(0.5, abs=0.1)
    assert not_ == pytest.approx(0.07, abs=0.06)
    assert learning.renew(home, at=at + timedelta(hours=23), rng=np.random.default_rng(1)) is None


def test_the_logistic_regression_finds_the_log_odds() -> None:
    x = np.ones((40, 1))
    y = np.array([1.0] * 10 + [0.0] * 30)
    assert learning.logistic(x, y, ridge=1e-9) == pytest.approx([np.log(1 / 3)])


def test_chance_is_even() -> None:
    drawn = [ranking.chance(n, "home") for n in range(2000)]
    assert (min(drawn) >= 0, max(drawn) < 1) == (True, True)
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.02)
    assert candidates.ORDINARY_BASKET == 50
