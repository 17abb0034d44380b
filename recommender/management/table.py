"""The table of algorithms as text."""

from collections.abc import Sequence
from typing import Any

COLUMNS = (
    ("ndcg10", "NDCG@10"),
    ("recall20", "Recall@20"),
    ("hitrate10", "Hit@10"),
    ("mrr", "MRR"),
    ("coverage10", "Cover@10"),
    ("gini", "Gini"),
    ("novelty", "Novelty"),
    ("fit_seconds", "Fit s"),
)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """One line an algorithm, with the 95 % interval of NDCG@10."""
    width = max([9, *(len(row["algorithm"]) for row in rows)])
    head = f"{'algorithm':{width}}  {'NDCG@10 (95 %)':>24}  " + "  ".join(
        f"{name:>9}" for _key, name in COLUMNS[1:]
    )
    lines = [head, "-" * len(head)]
    for row in rows:
        interval = f"{row['ndcg10']:.4f} ({row['ndcg10_low']:.3f}–{row['ndcg10_high']:.3f})"
        figures = "  ".join(f"{row[key]:>9.3f}" for key, _name in COLUMNS[1:])
        lines.append(f"{row['algorithm']:{width}}  {interval:>24}  {figures}")
    people = rows[0]["people"] if rows else 0
    lines.append(f"{people} people, full ranking; intervals by bootstrap over people.")
    return "\n".join(lines)
