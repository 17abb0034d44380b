"""The protocol of a real shop: chosen on the validation month, measured once on the last month."""

import csv
import gzip
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from recommender.algorithms.compare import TARGETS, difference, measure_apart
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import global_split, validation_split
from recommender.algorithms.weighing import by_mode, weighed

FILE = Path(__file__).resolve().parents[4] / "shared/data/online-retail/online_retail_2010_2011.csv.gz"
pytestmark = [
    pytest.mark.once,
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.exists(), reason="the Online Retail file is not beside the project"),
]


@pytest.fixture(scope="module")
def acts() -> Interactions:
    product = re.compile(r"\d{5}[A-Za-z]{0,2}")
    seen: set[tuple[str, str]] = set()
    rows = []
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            key = (line["InvoiceNo"], line["StockCode"])
            sale = line["CustomerID"] and float(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0
            if sale and not key[0].startswith("C") and product.fullmatch(key[1]) and key not in seen:
                seen.add(key)
                moment = datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC).timestamp() / 86400
                rows.append((int(float(line["CustomerID"])), key[1], moment))
    codes = {code: place for place, code in enumerate(sorted({code for _who, code, _at in rows}))}
    return Interactions.of(
        np.array([who for who, _code, _at in rows]),
        np.array([codes[code] for _who, code, _at in rows]),
        np.array([at for _who, _code, at in rows]),
    )


def test_the_input_is_the_protocol_s(acts: Interactions) -> None:
    assert (len(acts), acts.shape) == (386_326, (4334, 3659))
    assert len(global_split(acts).people) == 1379


def test_the_champion_of_the_validation_month_holds_on_the_test_month(acts: Interactions) -> None:
    before, last = validation_split(acts), global_split(acts)
    candidates = [weighed(BY_LABEL[label], before) for label in ("frequency", "learnt")]
    validated = [measure_apart(candidate, before) for candidate in candidates]
    chosen = by_mode(
        {
            target: max((rows[target] for rows in validated), key=lambda row: row.ndcg10).candidate
            for target in TARGETS
        }
    )
    champion, popular, frequent = (
        measure_apart(candidate, last)
        for candidate in (chosen, BY_LABEL["popularity"], BY_LABEL["frequency"])
    )
    assert champion["all"].ndcg10 >= 0.365  # 0.374 when measured; the quick prototypes had 0.335 to 0.349
    assert champion["new"].ndcg10 >= 0.122  # 0.130 when measured; they had 0.114
    assert champion["again"].ndcg10 > frequent["again"].ndcg10
    # Better than personal frequency, interval and all.
    assert difference(champion["all"], frequent["all"])[1] > 0
    assert popular["all"].ndcg10 == pytest.approx(0.087, abs=0.002)
