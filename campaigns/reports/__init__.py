"""What a campaign did, against its control group, and how sure that is.

Estimand: intention to treat among the people planned, that is permitted, addressed and assigned to an arm before
anything was sent; revenue per person in the window after planning, refunds subtracted, whether or not the message was
sent or read. Measuring uses `analytics`; who does not allow it stands in neither arm and is counted.
"""

from campaigns.reports.beside import Beside, Share
from campaigns.reports.days import Day
from campaigns.reports.effect import Arm, Effect
from campaigns.reports.expected import Expected, expected
from campaigns.reports.segments import Cell, SegmentRow
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE
from campaigns.reports.variants import Pair, VariantRow, Variants
from campaigns.reports.whole import Report, report

__all__ = [
    "FEWEST_ORDERS",
    "FEWEST_PEOPLE",
    "Arm",
    "Beside",
    "Cell",
    "Day",
    "Effect",
    "Expected",
    "Pair",
    "Report",
    "SegmentRow",
    "Share",
    "VariantRow",
    "Variants",
    "expected",
    "report",
]
