"""Promotion codes: made or imported, assigned, reserved, redeemed, reversed, expired.

free -> assigned -> reserved -> redeemed -> reversed -> expired. Locks in one order: the offer, the code, its decisions.
"""

from campaigns.codes.assigning import NoCodeLeft, assign, assign_one, numbers
from campaigns.codes.misuse import look_for_others, went_round
from campaigns.codes.pools import (
    MOST_AT_ONCE,
    Imported,
    InvalidFile,
    Problem,
    expire,
    free_reservations,
    generate,
    import_file,
)
from campaigns.codes.stock import Stock, low_stock, stock
from campaigns.codes.till import (
    RESERVED_FOR,
    AlreadyUsed,
    Discount,
    NotRedeemable,
    discount_of,
    redeem,
    reserve,
    reverse,
    validate,
)
from campaigns.codes.values import ALPHABET, new_value, normalised
from campaigns.codes.working import work_due

__all__ = [
    "ALPHABET",
    "MOST_AT_ONCE",
    "RESERVED_FOR",
    "AlreadyUsed",
    "Discount",
    "Imported",
    "InvalidFile",
    "NoCodeLeft",
    "NotRedeemable",
    "Problem",
    "Stock",
    "assign",
    "assign_one",
    "discount_of",
    "expire",
    "free_reservations",
    "generate",
    "import_file",
    "look_for_others",
    "low_stock",
    "new_value",
    "normalised",
    "numbers",
    "redeem",
    "reserve",
    "reverse",
    "stock",
    "validate",
    "went_round",
    "work_due",
]
