"""Things described alike: by words, by facts, and those that nobody has taken yet."""

import numpy as np
import pytest

from recommender.algorithms.base import Recommender
from recommender.algorithms.content import Content, described, facts
from tests.recommender.algorithms.contract import AT, TEXTS, Contract, past, shop

pytestmark = pytest.mark.once
FACTS = {
    10: facts(category="Garden", brand="Acme"),
    20: facts(category="Garden", brand="Best"),
    40: facts(category="Kitchen", brand="Acme"),
}
TOLD = {item: described(text, FACTS.get(item, ())) for item, text in TEXTS.items()}


class TestContentWithFacts(Contract):
    def make(self) -> Recommender:
        return Content(half_life=60.0, facts=0.5, cold=True)

    def fitted(self) -> Recommender:
        return self.make().fit(shop(), at=AT, texts=TOLD)


def test_facts_are_plain_values_lists_and_paths_and_no_identifiers() -> None:
    assert facts(category="Garden", brand="ACME") == ["category=garden", "brand=acme"]
    assert facts(attributes={"size": ["S", "M"], "box": {"wide": 3}, "new": True, "none": None, "empty": ""}) == [
        "size=s", "size=m", "box.wide=3", "new=true",
    ]  # fmt: skip
    assert facts(attributes={"supplier_id": 7, "ean": "4006381333931", "box": {"code": "x"}}) == []
    assert facts() == []
    assert len(facts(attributes={"tags": [str(n) for n in range(99)]})) == 50
    assert len(facts(attributes={"story": "x" * 999})[0]) == 100


@pytest.mark.parametrize(
    ("price", "bands"),
    [
        (4.0, {"price=2", "price+=2"}),
        (6.0, {"price=2", "price+=3"}),
        (8.0, {"price=3", "price+=3"}),
        (0.0, set()),
    ],
)
def test_prices_fall_in_two_overlapping_bands_of_a_doubling(price: float, bands: set[str]) -> None:
    assert set(facts(price=price)) == bands


def test_near_prices_share_a_band_and_far_ones_none() -> None:
    for price in np.geomspace(0.5, 5000, 200):
        mine = set(facts(price=price))
        assert mine & set(facts(price=price * 1.4))
        assert not mine & set(facts(price=price * 3))


def test_the_cosine_is_of_words_and_of_facts_by_their_shares() -> None:
    words = Content().fit(shop(), at=AT, texts=TEXTS).scores([past(10)], at=AT)[0]
    only = Content(facts=1.0).fit(shop(), at=AT, texts=TOLD).scores([past(10)], at=AT)[0]
    # Of seven items two are of the garden and two by Acme: all four weights alike, so one of two facts shared is 1/2
    # where Best and Kitchen, which one item has, weigh log(8/2) + 1 against log(8/3) + 1 of those that two have.
    shared, alone = np.log(8 / 3) + 1, np.log(8 / 2) + 1
    half = shared**2 / (np.sqrt(2 * shared**2) * np.sqrt(shared**2 + alone**2))
    assert only == pytest.approx([1, half, 0, half, 0, 0, 0], abs=1e-6)
    both = Content(facts=0.3).fit(shop(), at=AT, texts=TOLD).scores([past(10)], at=AT)[0]
    assert both == pytest.approx(0.7 * words + 0.3 * only, abs=1e-6)


def test_without_facts_the_words_are_all() -> None:
    scores = Content(facts=0.9).fit(shop(), at=AT, texts=TEXTS).scores([past(10)], at=AT)[0]
    assert scores[0] == pytest.approx(1.0)


def test_what_nobody_has_taken_yet_is_ranked_by_its_description() -> None:
    texts = TEXTS | {5: "red rose bush", 80: "iron pan lid"}
    plain = Content().fit(shop(), at=AT, texts=texts)
    model = Content(cold=True).fit(shop(), at=AT, texts=texts)
    assert 5 not in plain.items_
    assert model.items_.tolist() == [5, 10, 20, 30, 40, 50, 60, 70, 80]
    known = np.isin(model.items_, plain.items_)
    assert model.popularity_[known].tolist() == plain.popularity_.tolist()
    assert model.popularity_[~known].tolist() == [0, 0]
    for seen, expected in ((10, 5), (40, 80)):
        (ranking,) = model.recommend([past(seen)], 1, at=AT, allowed=~known)
        assert ranking.items.tolist() == [expected]
        assert ranking.scores[0] > 0
    assert model.contributions(past(10, 30), 5, at=AT).sum() == pytest.approx(
        model.scores([past(10, 30)], at=AT)[0, 0]
    )


def test_a_share_of_facts_outside_nought_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Content(facts=1.5)
