"""The protocol of a real shop: chosen on the validation month, measured once on the last month."""

import csv
import gzip
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from recommender.algorithms.compare import compare, difference
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import ALL, BY_LABEL
from recommender.algorithms.split import global_split, validation_split

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
    candidates = [
        candidate for candidate in ALL if candidate.algorithm in ("popularity", "frequency", "hybrid")
    ]
    chosen = max(compare(candidates, validation_split(acts)), key=lambda row: row.ndcg10).candidate
    champion, popular, frequent = compare(
        [chosen, BY_LABEL["popularity"], BY_LABEL["frequency"]], global_split(acts)
    )
    assert champion.ndcg10 >= 0.355  # 0.366 when measured; the quick prototypes had 0.335 to 0.349
    assert champion.ndcg10 >= 2.8 * popular.ndcg10
    assert difference(champion, frequent)[1] > 0  # better than personal frequency, interval and all
    assert popular.ndcg10 == pytest.approx(0.087, abs=0.002)
