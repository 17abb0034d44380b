"""The desk's pages of messages: checked when they are saved, and shown as a real person would get them."""

from datetime import timedelta
from typing import Any

from csp.decorators import csp_update
from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import messages
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.models import Code, Decision, Delivery, Message, Offer
from catalog.models import Product
from catalog.pages import Page, button
from customers import encryption
from customers.models import Customer
from recommender import serving

with_pictures = csp_update({"img-src": ["https:"]})


class MessageForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Message
        fields = ("name", "slug", "subject", "body", "text", "translations", "product_count")

    def clean(self) -> dict[str, Any]:
        """What would fail for someone stands at the field it is in, with its line."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        translations = cleaned["translations"]
        if not isinstance(translations, dict) or not all(isinstance(v, dict) for v in translations.values()):
            self.add_error(
                "translations", gettext('Needs an object of languages: {"zh-hans": {"subject": "…"}}.')
            )
            return cleaned
        for problem in messages.check(Message(**cleaned)):
            name, _space, language = problem.part.partition(" ")
            field = "translations" if language or name not in self.fields else name
            self.add_error(field, str(problem))
        return cleaned


@admin.register(Message)
class MessageAdmin(Page):
    form = MessageForm
    about = _("A message is what a mail says. A new one begins with a good example in both languages.")
    list_display = ("name", "slug", "subject", "updated_at")
    search_fields = ("name", "slug", "subject")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("subject", "product_count"))}),
        (
            _("Text"),
            {
                "fields": ("body", "text"),
                "description": _(
                    "Liquid. {{ customer.name | default: 'there' }}, {{ offer_block }}, {{ products_block }}; whatever "
                    "a person may lack needs a default."
                ),
            },
        ),
        (_("Other languages"), {"fields": ("translations",)}),
    )
    actions_detail = ("preview",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new message begins with a good first one in both languages."""
        return {**messages.default_message(), **super().get_changeform_initial_data(request)}

    @button(_("Preview as a person"), path="preview", icon="visibility", needs="view")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None or not request.user.has_perm("customers.view_customer"):
            return HttpResponseRedirect(reverse("admin:campaigns_message_changelist"))
        named = request.GET.get("customer", "").strip()
        customer = _person(named)
        finished, wrong = None, ""
        if customer is None:
            wrong = (
                gettext("Nobody is known as “%s”.") % named
                if named
                else gettext("There is nobody yet to show.")
            )
        else:
            try:
                finished = as_sent_to(message, customer)
            except (TemplateFailed, Aborted) as failed:
                wrong = gettext("This person would get no message: %s") % failed
        page = self.own_page(
            request,
            "admin/desk/preview.html",
            title=gettext("Preview: %s") % message,
            row=message,
            named=named or (customer.external_id if customer else ""),
            customer=customer,
            finished=finished,
            wrong=wrong,
        )
        # The shop's own pictures stand in its mails; the sandboxed frame shows them, and nothing else is let in.
        return with_pictures(lambda _request: page)(request)


def _person(named: str) -> Customer | None:
    """By the shop's own id or the exact e-mail address; without a name, the newest with an address."""
    people = Customer.objects.present().select_related("key")
    if not named:
        newest: Customer | None = people.exclude(email_index="").order_by("-pk").first()
        return newest
    index = encryption.blind_index("email", named)
    found: Customer | None = people.filter(Q(external_id=named) | Q(email_index=index)).first()
    return found


def as_sent_to(message: Message, customer: Customer) -> messages.Finished:
    """The message as this person would get it now, with an offer in force as an example. Nothing is kept or given.

    Raises TemplateFailed or Aborted.
    """
    at = timezone.now()
    offer = Offer.objects.in_force(at).order_by("-priority", "slug").first()
    taste = serving.recommend(customer.pk, at=at, limit=message.product_count)
    decision = Decision(
        customer=customer,
        skus=[item.sku for item in taste.items],
        offer=offer,
        code=Code(value="SAMPLE-CODE") if offer and offer.code_kind == Offer.CodeKind.UNIQUE else None,
        purpose="marketing_email",
        expires_at=at + timedelta(days=offer.code_valid_days) if offer else None,
    )
    delivery = Delivery(decision=decision, customer=customer, channel="email", message_id="<preview>")
    # Nobody is trackable in a preview: looking at it is no open.
    products = {product.sku: product for product in Product.objects.listed().filter(sku__in=decision.skus)}
    return messages.finish(delivery, message, messages.Page(products, trackable=()))
