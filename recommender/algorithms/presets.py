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


def learnt(label: str, *parts: tuple[str, dict[str, Any]]) -> Candidate:
    """A hybrid whose weights are learnt on the validation past, for each mode its own (`weighing.weighed`)."""
    return Candidate(
        label, "hybrid", {"components": [{"algorithm": name, "parameters": given} for name, given in parts]}
    )


FADED = {"reg": 100.0, "half_life": 60.0, "fade": 60.0}
NEAREST = {"neighbours": 100, "reg": 50.0, "half_life": 60.0, "fade": 60.0}
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
    Candidate("ease_faded", "ease", FADED),
    Candidate("ease_sparse", "ease_sparse", NEAREST),
    Candidate("als", "als", {"factors": 128, "regularization": 20.0, "alpha": 2.0, "half_life": 60.0}),
    Candidate("content", "content", {"half_life": 60.0}),
)
BLENDS = (
    blend(60.0),
    hybrid(
        "hybrid_svd",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.2, "svd", {"factors": 64, "half_life": 60.0}),
        (0.2, "user_knn", {"neighbours": 100, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
)
OPINIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("frequency", {"half_life": 60.0}),
    ("frequency", {"half_life": 240.0}),
    ("popularity", {"half_life": 7.0}),
    ("popularity", {"half_life": 30.0}),
    ("user_knn", {"neighbours": 100, "half_life": 15.0}),
    ("item_knn", {"similarity": "bm25", "half_life": 60.0}),
    ("svd", {"factors": 64, "half_life": 60.0}),
    ("svd", {"factors": 128, "half_life": 60.0}),
)
LEARNT = (
    learnt("learnt", *OPINIONS),
    learnt("learnt_ease", *OPINIONS, ("ease", FADED)),
)
# Models of order: for sites of clicks and ratings, where a whole history falls into a sitting or two.
SEQUENCES = (
    Candidate("sequential_rules", "sequential_rules", {}),
    Candidate("session_knn", "session_knn", {"neighbours": 500, "length": 100}),
    Candidate("tifu_knn", "tifu_knn", {"neighbours": 100, "alpha": 0.5}),
    hybrid("sequence", (1.0, "slit", {}), (0.5, "ease", {"reg": 500.0, "half_life_acts": 20.0})),
)
# Only where somebody names them: hybrids weighed by hand, which the learnt ones have overtaken, `content_cold` for what
# nobody has bought yet, `learnt_sparse`, which gains little for its time, and what cannot learn without torch.
BY_NAME = (
    Candidate("content_cold", "content", {"half_life": 60.0, "cold": True}),
    Candidate("slit", "slit", {}),
    Candidate("slit_pruned", "slit", {"neighbours": 200}),
    # A shop's orders: what is bought again.
    Candidate("slit_60", "slit", {"reg": 20_000.0, "half_life_acts": 60.0, "future_half_life": 60.0}),
    Candidate("ease_sequence", "ease", {"reg": 1000.0, "half_life_acts": 2.0}),
    Candidate("lstm", "lstm", {}),
    Candidate("attention", "attention", {}),
    learnt("learnt_sparse", *OPINIONS, ("ease_sparse", NEAREST)),
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
        "hybrid_bm25",
        (0.7, "frequency", {"half_life": 120.0}),
        (0.2, "item_knn", {"similarity": "bm25", "half_life": 60.0}),
        (0.2, "user_knn", {"neighbours": 100, "half_life": 60.0}),
        (0.1, "popularity", {"half_life": 14.0}),
    ),
)
ALL = (*FLOORS, *SINGLE, *BLENDS, *SEQUENCES, *LEARNT)
BY_LABEL = {candidate.label: candidate for candidate in (*ALL, *BY_NAME)}
