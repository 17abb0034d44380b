"""The candidates that training compares when nobody names any, and the floors nobody may skip."""

from typing import Any

from recommender.algorithms.compare import Candidate

Part = tuple[float, str, dict[str, Any]]


def hybrid(label: str, *parts: Part) -> Candidate:
    components = [
        {"weight": weight, "algorithm": name, "parameters": parameters} for weight, name, parameters in parts
    ]
    return Candidate(label, "hybrid", {"components": components})


def blend(half_life: float = 60.0) -> Candidate:
    """Personal frequency with the item model: what was bought, and what goes with it."""
    label = "blend" if half_life == 60.0 else f"blend_{half_life:.0f}d"
    return hybrid(
        label,
        (0.7, "frequency", {"half_life": half_life}),
        (0.3, "item_knn", {"neighbours": 200, "half_life": 60.0}),
    )


FLOORS = (
    Candidate("popularity", "popularity", {}),
    Candidate("frequency", "frequency", {}),
)
SINGLE = (
    Candidate("popularity_30d", "popularity", {"half_life": 30.0}),
    Candidate("popularity_7d", "popularity", {"half_life": 7.0}),
    Candidate("frequency_60d", "frequency", {"half_life": 60.0}),
    Candidate("frequency_240d", "frequency", {"half_life": 240.0}),
    Candidate("item_knn", "item_knn", {"neighbours": 200, "half_life": 60.0}),
    Candidate(
        "item_knn_asymmetric", "item_knn", {"similarity": "asymmetric", "alpha": 0.4, "half_life": 30.0}
    ),
    Candidate("item_knn_bm25", "item_knn", {"similarity": "bm25", "half_life": 60.0}),
    Candidate("user_knn_cosine", "user_knn", {"neighbours": 100, "half_life": 60.0}),
    Candidate(
        "user_knn_pearson", "user_knn", {"neighbours": 100, "half_life": 60.0, "similarity": "pearson"}
    ),
    Candidate("svd_truncated", "svd", {"factors": 64, "half_life": 60.0}),
    Candidate("svd_randomized", "svd", {"factors": 64, "half_life": 60.0, "solver": "randomized"}),
    Candidate("ease", "ease", {"reg": 200.0, "half_life": 60.0}),
    Candidate("content", "content", {"half_life": 60.0}),
)
BLENDS = (
    blend(60.0),
    blend(120.0),
    hybrid(
        "blend_season",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.3, "item_knn", {"neighbours": 200, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
    hybrid(
        "hybrid",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.2, "ease", {"reg": 200.0, "half_life": 60.0}),
        (0.2, "user_knn", {"neighbours": 100, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
    hybrid(
        "hybrid_svd",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.2, "svd", {"factors": 64, "half_life": 60.0}),
        (0.2, "user_knn", {"neighbours": 100, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
    hybrid(
        "hybrid_bm25",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.2, "item_knn", {"similarity": "bm25", "half_life": 60.0}),
        (0.2, "user_knn", {"neighbours": 100, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
)
# Only where somebody names them: without the package `implicit` a fit of `als` takes several times as long as any other,
# and `content_cold` is for what nobody has bought yet.
BY_NAME = (
    Candidate("als", "als", {"factors": 64, "iterations": 8, "half_life": 60.0}),
    Candidate("content_cold", "content", {"half_life": 60.0, "cold": True}),
)
ALL = (*FLOORS, *SINGLE, *BLENDS)
BY_LABEL = {candidate.label: candidate for candidate in (*ALL, *BY_NAME)}
