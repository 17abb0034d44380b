"""Which arm: the same person always the same, by a hash and never by a list."""

import hashlib
from collections.abc import Collection
from decimal import Decimal

from scipy import special

from campaigns.models import Decision

BUCKETS = 10_000
SAMPLE_RATIO_ALARM = 0.001


def bucket(salt: str, customer_id: int) -> int:
    """0 to 9,999: the first 8 bytes of SHA-256(salt ‖ person), modulo 10,000. Stable for ever."""
    digest = hashlib.sha256(f"{salt}{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def arms(
    salt: str, control_percent: Decimal | float, customer_ids: Collection[int]
) -> dict[int, Decision.Arm]:
    """Each person's arm; the control group is the lowest `control_percent` of the buckets."""
    edge = round(float(control_percent) * BUCKETS / 100)
    return {
        pk: Decision.Arm.CONTROL if bucket(salt, pk) < edge else Decision.Arm.TREATED for pk in customer_ids
    }


def sample_ratio(treated: int, control: int, control_percent: Decimal | float) -> float:
    """p-value of χ² that arms of these sizes were drawn at this share; 1.0 where there is nothing to compare.

    Under 0.001 something lost people on the way and no effect may be read from the campaign.
    """
    share, total = float(control_percent) / 100, treated + control
    if not total or not 0 < share < 1:
        return 1.0
    expected = total * share
    # Both cells are off by the same; one degree of freedom.
    squares = (control - expected) ** 2 * (1 / expected + 1 / (total - expected))
    return float(special.chdtrc(1, squares))
