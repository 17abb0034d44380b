"""The customer's page with everything about one person, from what they allow to what they were sent."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.admin.person import lines as person_lines
from campaigns.admin.person import message as person_message
from campaigns.admin.person import now as person_now
from catalog.pages import Section, button
from customers.admin.people import NEWEST, CustomerPage
from customers.admin.timeline import Source
from customers.models import Customer
from recommender import refusals
from recommender.models import Interest, Score


@admin.register(Customer)
class CustomerAdmin(CustomerPage):
    actions_detail = ("now", *CustomerPage.actions_detail, "message", "not_true", "forget_scores")

    def is_useful(self, name: str, row: Customer) -> bool:
        # The last three stand beside what they show or take away.
        return name not in ("message", "not_true", "forget_scores") and super().is_useful(name, row)

    def sources(self) -> list[Source]:
        return [*super().sources(), *person_lines.sources()]

    def kinds(self) -> dict[str, str | Promise]:
        return {**super().kinds(), **person_lines.KINDS}

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        may_take = self.has_act_permission(request)
        return [*super().sections(request, row), _interests(row, may_take), _scores(row, may_take)]

    def _back(self, customer: Customer | None) -> HttpResponseRedirect:
        """To the person, or to everybody where there is none."""
        if customer is None:
            return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))
        return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))

    @button(_("What would they get now?"), path="now", icon="visibility", needs="view")
    def now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Nothing is sent, kept or given."""
        customer = self.get_object(request, object_id)
        if customer is None or customer.erased_at is not None:
            messages.error(request, gettext("There is nobody here any more."))
            return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))
        asked = request.GET.get("ask", "list:")
        return self.own_page(
            request,
            "admin/desk/customer_now.html",
            title=gettext("What %s would get now, and why") % customer,
            row=customer,
            **person_now.context(customer, asked, at=timezone.now()),
        )

    @button(_("The message"), path="message", icon="mail", needs="view")
    def message(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A message as this person got it."""
        customer = self.get_object(request, object_id)
        number = request.GET.get("delivery", "")
        delivery = person_message.delivery_of(customer.pk, number) if customer is not None else None
        if delivery is None:
            messages.error(request, gettext("There is no such message any more."))
            return self._back(customer)
        return self.own_page(
            request,
            "admin/desk/customer_message.html",
            title=gettext("“%(campaign)s” to %(who)s")
            % {"campaign": delivery.run.campaign, "who": delivery.customer},
            row=delivery.customer,
            delivery=delivery,
            again=person_message.again(delivery, at=timezone.now()),
        )

    @button(_("Not true"), path="not-true", icon="heart_minus")
    def not_true(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The person says that they do not like a category: as on their own page, nothing is read into it any more."""
        number = request.GET.get("category", "")
        customer = self.get_object(request, object_id)
        rows = Interest.objects.filter(customer=customer).select_related("category", "customer")
        interest = rows.filter(category_id=number).first() if number.isascii() and number.isdigit() else None
        back = self._back(customer)
        if interest is None:
            messages.info(request, gettext("Nothing of the kind is inferred about this person."))
            return back
        if request.method == "POST":
            refusals.refuse(interest.customer_id, interest.category_id, at=timezone.now())
            self.log_change(request, interest.customer, f"Refused an interest: {interest.category.slug}.")
            messages.success(
                request, gettext("Deleted. It is not worked out again until the person takes that back.")
            )
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("%(who)s is not interested in %(category)s?")
            % {"who": interest.customer, "category": interest.category},
            row=interest.customer,
            sentences=[
                gettext(
                    "The interest is deleted, and what they did in this category chooses nothing for them any more."
                ),
                gettext("Only the person can take it back, on their own page."),
            ],
            confirm=gettext("Delete this interest"),
            is_grave=True,
        )

    @button(_("Forget the scores"), path="forget-scores", icon="delete")
    def forget_scores(self, request: HttpRequest, object_id: str) -> HttpResponse:
        customer = self.get_object(request, object_id)
        score = Score.objects.filter(customer=customer).select_related("customer").first()
        back = self._back(customer)
        if score is None:
            messages.info(request, gettext("Nothing of the kind is inferred about this person."))
            return back
        if request.method == "POST":
            score.delete()
            self.log_change(request, score.customer, "Deleted the scores.")
            messages.success(request, gettext("The scores are deleted."))
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Delete what is expected of %s?") % score.customer,
            row=score.customer,
            sentences=[
                gettext("Segments and campaigns that ask for these scores do not find this person any more."),
                gettext("The next training works them out anew while the person allows personalisation."),
            ],
            confirm=gettext("Delete the scores"),
            is_grave=True,
        )


def _take_away(may: bool, page: str, customer: Customer, words: str, query: str = "") -> str:
    if not may:
        return "–"
    link = reverse(f"admin:customers_customer_{page}", args=[customer.pk])
    return format_html('<a href="{}{}">{}</a>', link, query, words)


def _interests(customer: Customer, may_take: bool) -> Section:
    rows = (
        Interest.objects.told().filter(customer=customer).select_related("category").order_by("-probability")
    )
    return Section(
        _("Interests"),
        (_("category"), _("probability of acting in it soon"), _("delete")),
        [
            (
                interest.category,
                f"{interest.probability:.0%}",
                _take_away(
                    may_take, "not_true", customer, gettext("Not true: %s") % interest.category,
                    f"?category={interest.category_id}",
                ),
            )
            for interest in rows[:NEWEST]
        ],
        empty=_("Nothing is inferred about this person."),
    )  # fmt: skip


def _scores(customer: Customer, may_take: bool) -> Section:
    score = Score.objects.filter(customer=customer).select_related("model").first()
    rows = []
    if score is not None:
        told = (
            (_("orders soon"), None if score.purchase is None else f"{score.purchase:.0%}"),
            (_("stays away"), None if score.churn is None else f"{score.churn:.0%}"),
            (_("money in a year"), None if score.lifetime_value is None else f"{score.lifetime_value:,.2f}"),
            (
                _("expected next order"),
                None if score.expected_at is None else date_format(score.expected_at, "SHORT_DATE_FORMAT"),
            ),
        )
        rows = [(str(words), value or "–") for words, value in told]
        rows.append(
            (gettext("delete"), _take_away(may_take, "forget_scores", customer, gettext("Delete the scores")))
        )
    return Section(
        _("What is expected of them"),
        (_("what"), _("by the newest training")),
        rows,
        empty=_("Nothing is expected of this person: not enough is known, or they do not allow it."),
    )
