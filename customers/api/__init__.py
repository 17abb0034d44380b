"""The door for people: who they are, what they did, what they allow."""

from customers.api.behaviour import EventsView
from customers.api.consents import (
    AskConsentView,
    ConsentHistoryView,
    ConsentsBulkView,
    ConsentsView,
    PurposesView,
    ReceiptView,
)
from customers.api.notices import NoticesView, VisitorConsentsView
from customers.api.people import CustomersBulkView, CustomerTokenView, CustomerView

__all__ = [
    "AskConsentView",
    "ConsentHistoryView",
    "ConsentsBulkView",
    "ConsentsView",
    "CustomerTokenView",
    "CustomerView",
    "CustomersBulkView",
    "EventsView",
    "NoticesView",
    "PurposesView",
    "ReceiptView",
    "VisitorConsentsView",
]
