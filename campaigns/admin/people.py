"""The customer's page with everything about one person, from what they allow to what they were sent."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.models import Decision, Delivery
from catalog.pages import Section, told_time
from customers.admin.people import NEWEST, CustomerPage
from customers.models import Customer
from recommender.models import Interest


@admin.register(Customer)
class CustomerAdmin(CustomerPage):
    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        consents, events = super().sections(request, row)
        return [consents, _interests(row), events, _decisions(row), _deliveries(row)]


def _interests(customer: Customer) -> Section:
    rows = (
        Interest.objects.told().filter(customer=customer).select_related("category").order_by("-probability")
    )
    return Section(
        _("Interests"),
        (_("category"), _("probability of acting in it soon")),
        [(interest.category, f"{interest.probability:.0%}") for interest in rows[:NEWEST]],
        empty=_("Nothing is inferred about this person."),
    )


def _decisions(customer: Customer) -> Section:
    rows = Decision.objects.filter(customer=customer).select_related("campaign", "offer", "code")
    table = [
        (
            told_time(decision.decided_at),
            decision.campaign or decision.placement,
            decision.get_arm_display(),
            decision.offer or "–",
            decision.code or "–",
            ", ".join(decision.skus[:4]) or "–",
        )
        for decision in rows.order_by("-decided_at")[:NEWEST]
    ]
    every = reverse("admin:campaigns_decision_changelist")
    return Section(
        _("Newest decisions"),
        (_("decided"), _("campaign"), _("arm"), _("offer"), _("code"), _("products")),
        table,
        empty=_("Nothing has been decided for this person."),
        more=f"{every}?customer__id__exact={customer.pk}" if table else "",
    )


def _deliveries(customer: Customer) -> Section:
    rows = Delivery.objects.filter(customer=customer).select_related("run__campaign")
    table = [
        (
            told_time(delivery.ended_at or delivery.not_before),
            delivery.run.campaign,
            delivery.channel,
            delivery.get_status_display(),
            delivery.get_reason_display() if delivery.reason else "–",
        )
        for delivery in rows.order_by("-pk")[:NEWEST]
    ]
    every = reverse("admin:campaigns_delivery_changelist")
    return Section(
        _("Newest deliveries"),
        (_("when"), _("campaign"), _("channel"), _("status"), _("reason")),
        table,
        empty=_("Nothing has been sent to this person."),
        more=f"{every}?customer__id__exact={customer.pk}" if table else "",
    )
