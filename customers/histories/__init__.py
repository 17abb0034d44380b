"""Behaviour of those who allow it, as arrays and query sets: the only way anyone above reads it.

Consent is joined in SQL. A person who did not allow the purpose is simply not there, so whoever asks gets what
strangers get, with no `if` above. What was kept by `analytics` or `message_tracking` also needs that consent still.
"""

from customers.histories.allowed import behaviour, is_measurable, measurable, restricted
from customers.histories.arrays import Behaviour, actions, bought, purchase_rows, purchases
from customers.histories.days import SECONDS_A_DAY, as_day, day, moment
from customers.histories.latest import Act, acts, newest, newest_rows
from customers.histories.revenue import REVENUE, Payments, an_order, money, payments

__all__ = [
    "REVENUE",
    "SECONDS_A_DAY",
    "Act",
    "Behaviour",
    "Payments",
    "actions",
    "acts",
    "an_order",
    "as_day",
    "behaviour",
    "bought",
    "day",
    "is_measurable",
    "measurable",
    "moment",
    "money",
    "newest",
    "newest_rows",
    "payments",
    "purchase_rows",
    "purchases",
    "restricted",
]
