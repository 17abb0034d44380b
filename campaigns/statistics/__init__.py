"""What a campaign's numbers are: arrays in, numbers out. Formulas and sources in docs/algorithms/measurement.md."""

from campaigns.statistics.comparisons import (
    Comparison,
    against_control,
    sample_ratio,
    sequences_against_control,
)
from campaigns.statistics.estimates import (
    MINIMUM_ORDERS,
    Z95,
    Estimate,
    Values,
    bootstrap,
    cap_of,
    confidence_sequence,
    cuped,
    cuped_arms,
    newcombe,
    pooled_sd,
    welch,
    winsorised,
)
from campaigns.statistics.sizes import (
    Plan,
    cheapest_share,
    detectable,
    needed,
    people_needed,
    plan,
    smallest_share,
)

__all__ = [
    "MINIMUM_ORDERS",
    "Z95",
    "Comparison",
    "Estimate",
    "Plan",
    "Values",
    "against_control",
    "bootstrap",
    "cap_of",
    "cheapest_share",
    "confidence_sequence",
    "cuped",
    "cuped_arms",
    "detectable",
    "needed",
    "newcombe",
    "people_needed",
    "plan",
    "pooled_sd",
    "sample_ratio",
    "sequences_against_control",
    "smallest_share",
    "welch",
    "winsorised",
]
