"""The door for people: who they are, what they did, what they allow."""

from customers.api.behaviour import EventsView
from customers.api.consents import (
    AskConsentView,
    ConsentHistoryView,
    ConsentsBulkView,
    ConsentsView,
    PurposesView,
)
from customers.api.notices import NoticesView, VisitorConsentsView
from customers.api.people import CustomersBulkView, CustomerTokenView, CustomerView
from customers.api.privacy_requests import (
    PrivacyRequestDownloadView,
    PrivacyRequestsView,
    PrivacyRequestView,
)
from customers.api.receipts import ReceiptView

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
    "PrivacyRequestDownloadView",
    "PrivacyRequestView",
    "PrivacyRequestsView",
    "PurposesView",
    "ReceiptView",
    "VisitorConsentsView",
]
