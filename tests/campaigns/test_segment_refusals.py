"""Whatever is wrong with a rule or a formula is told in the reader's language, the words of the language of rules apart."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from campaigns import segments
from campaigns.models import Segment
from campaigns.offers import formula
from campaigns.segments import inferred, reading, rules, withheld
from campaigns.segments.reading import InvalidRule
from customers.models import SensitiveAttribute
from recommender.algorithms.item_knn import ItemKNN
from recommender.serving import affinity
from tests.campaigns.test_segments import REFUSED
from tests.conftest import NOW
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
SAY = (reading, rules, inferred, withheld, formula, affinity)
SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
FORMULAS: list[Any] = [
    [], [{"value": 1}] * 11, [{}], [{"when": {"all": []}, "value": 1}, {"value": 1}],
    [{"when": {"attribute": "religion", "is": "x"}, "value": 1}, {"value": 1}],
    [{"when": {"attribute": "country", "is": "DE"}, "value": 1}], [{"value": "high"}], [{"value": {"fit": "x"}}],
    [{"value": {"minus": [1, 2, 3]}}], [{"value": {"plus": [1]}}], [{"value": {"fits": 1}}],
    [{"value": {"plus": [1] * 101}}],
]  # fmt: skip
ANCIENT = datetime(50, 1, 1, tzinfo=UTC)


def texts() -> set[str]:
    """Every sentence that these modules hand to translation."""
    found = set()
    for module in SAY:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                found.add(ast.literal_eval(node.args[0]))
    return found


def refusals() -> Iterator[InvalidRule]:
    """One of every kind, however it comes about."""
    Segment.objects.create(slug="self", name="Self", rule={"segment": "self"})
    SensitiveAttribute.objects.create(name="religion", why="protected", added_by="pia")
    garden, faith = {"affinity": {"sku": "garden1"}}, {"attribute": "religion", "is": "x"}
    asked: list[Callable[[], Any]] = [
        *(lambda rule=rule: segments.check(rule) for rule, _path, _word in REFUSED),
        *(lambda said=said: formula.check(said, where="placement:p") for said in FORMULAS),
        lambda: segments.check({"segment": "self"}),
        lambda: segments.check(faith),
        lambda: segments.check(faith, where="segment:s"),
        lambda: segments.matching({"recency_days": {"lte": 36_500}}, at=ANCIENT),
        lambda: segments.matching(garden, at=NOW),
        lambda: (go_live(ItemKNN()), segments.matching({"affinity": {"sku": "nothing"}}, at=NOW)),
    ]
    for ask in asked:
        with pytest.raises(InvalidRule) as refused:
            ask()
        yield refused.value


def test_every_kind_of_refusal_is_told_in_chinese_and_to_programs_in_english(shop: list[str]) -> None:
    said = set()
    for refusal in refusals():
        with translation.override("zh-hans"):
            chinese = refusal.message
        with translation.override("en"):
            said.add(str(refusal.text))
            english = refusal.message
        assert not SENTENCE.search(chinese), (refusal.path, chinese)
        assert not re.search(r"[\u4e00-\u9fff]", english), (refusal.path, english)
    assert texts() - said == set(), "a kind of refusal that no case here brings about"
