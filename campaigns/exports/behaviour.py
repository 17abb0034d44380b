"""The sets of what people did and allow, by the shop's own id of each."""

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.exports.datasets import Column, Dataset, told_by
from customers import histories
from customers.models import ConsentState, Customer, Event

MEASURED = "analytics"
"""What a person must allow to be in a set of behaviour."""
OF_ORDERS = (Event.Type.ORDERED, Event.Type.REFUNDED)
CUSTOMER = Column(
    "customer", "text", "the shop's own id of the person; null for a visitor without one", "customer__external_id"
)  # fmt: skip


def _orders() -> QuerySet[Event]:
    return histories.behaviour(MEASURED, types=OF_ORDERS)


def _events() -> QuerySet[Event]:
    return histories.behaviour(MEASURED, types=[kind for kind in Event.Type if kind not in OF_ORDERS])


def _consents() -> QuerySet[ConsentState]:
    here = Customer.objects.present().filter(restricted_at__isnull=True)
    return ConsentState.objects.filter(customer__in=here)


_EVENT = (
    Column("id", "integer", "the event's number here"),
    CUSTOMER,
    Column("type", "text", "what was done"),
    Column("sku", "text", "with which product", "product__sku"),
    Column("quantity", "decimal(12,3)", "how many"),
    Column("value", "decimal(14,2)", "the line's money, not the unit price"),
    Column("currency", "text", "ISO 4217"),
    Column("occurred_at", "moment", "when it happened"),
    Column("received_at", "moment", "when it was taken in"),
    Column("source", "text", "by which door it came"),
    Column("message_id", "text", "the sender's id of it"),
    Column("basis", "text", "on what it is kept: consent, default or contract"),
)
ORDERS = Dataset(
    "orders",
    _("Orders"),
    "Lines of orders and refunds, of those who allow analytics.",
    (*_EVENT[:3], Column("order_id", "text", "the shop's id of the order"), *_EVENT[3:]),
    of_people=True,
    pages=told_by(_orders),
    time="occurred_at",
)
EVENTS = Dataset(
    "events",
    _("Events"),
    "Everything else that people did, of those who allow analytics; opens and clicks of messages need message_tracking too.",
    _EVENT,
    of_people=True,
    pages=told_by(_events),
    time="occurred_at",
)
CONSENTS = Dataset(
    "consents",
    _("What people allow"),
    "The newest answer of each person for each purpose they were asked about.",
    (
        CUSTOMER,
        Column("jurisdiction", "text", "whose law holds for the person", "customer__jurisdiction"),
        Column("purpose", "text", "what was asked"),
        Column("granted", "boolean", "yes or no"),
        Column("at", "moment", "since when"),
        Column("record", "integer", "the line of the ledger it rests on", "record_id"),
    ),
    of_people=True,
    pages=told_by(_consents),
    time="at",
)
