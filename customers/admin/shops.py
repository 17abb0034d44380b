"""The desk's pages of connected shops: what to enter there, what they delivered, and what could not be used."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.pages import Page, ReadOnly, Section, button, shown, told_time
from customers.models import ShopConnection, ShopDelivery, ShopProduct
from customers.shops import connections

PROBLEMS: dict[str, str | Promise] = {
    "topic_not_used": _("a topic that means nothing here"),
    "test_order": _("a test order"),
    "product_without_number": _("a product without a number"),
    "variant_without_number": _("a variant without a number"),
    "order_without_number": _("an order without a number"),
    "order_without_customer": _("an order without a customer or an e-mail address"),
    "line_without_number": _("a line without a number"),
    "line_without_product": _("a line without a product: its money is kept"),
    "refund_without_order": _("a refund without an order"),
    "refund_without_lines": _("a refund of no line: its money is not counted"),
    "return_without_line": _("a return without its line"),
    "customer_without_number": _("a customer without a number"),
    "nobody_known": _("a demand of somebody nobody knows"),
    "asked_to_forget_everything": _("the shop was taken away and asks to forget its people"),
    "in_the_future": _("an order from the future"),
}
NEWEST = 20
LOOKED_AT = 500


class ShopForm(forms.ModelForm):  # type: ignore[type-arg]
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_(
            "Shopify: the client secret of the app, or what stands under the list of webhooks in the settings. "
            "WooCommerce: the webhook's secret, at least eight characters of your choice. It is never shown again. A new one "
            "holds beside the former, until you forget that."
        ),
    )

    class Meta:
        model = ShopConnection
        fields = ("kind", "label", "domain", "currency", "prefix", "is_active")

    def clean_domain(self) -> str:
        try:
            return connections.domain_of(self.cleaned_data["domain"])
        except connections.NotPossible as error:
            raise forms.ValidationError(
                gettext("This is not the domain of a shop, such as garden.myshopify.com.")
            ) from error

    def clean_currency(self) -> str:
        said = str(self.cleaned_data["currency"]).upper()
        if len(said) != 3 or not said.isascii() or not said.isalpha():
            raise forms.ValidationError(gettext("A currency is three letters, such as EUR."))
        return said

    def clean_prefix(self) -> str:
        said = str(self.cleaned_data["prefix"])
        if not connections.is_prefix(said):
            raise forms.ValidationError(gettext("Letters, digits, dots and dashes, such as berlin-."))
        return said

    def clean_secret(self) -> str:
        said = str(self.cleaned_data["secret"]).strip()
        if not said and not self.instance.sealed:
            raise forms.ValidationError(gettext("The shop signs with a secret: enter it here too."))
        if said and len(said) < connections.SHORTEST_SECRET:
            raise forms.ValidationError(
                gettext("A secret has at least %s characters.") % connections.SHORTEST_SECRET
            )
        return said


@admin.register(ShopConnection)
class ShopConnectionAdmin(Page):
    about = _(
        "No shop is connected. Add one with the plus above: its products, prices, stock, orders and returns then come by its "
        "own webhooks. After saving, the page says what to enter at the shop."
    )
    form = ShopForm
    list_display = ("label", "kind", "domain", "last_at", "deliveries_lately", "is_active")
    ordering = ("label",)
    actions_detail = ("forget_former",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        rows: list[Any] = [("label", "kind"), ("domain", "currency"), "prefix", "secret"]
        return rows if obj is None else [*rows, "is_active"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"prefix": connections.free_prefix(), **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("kind", "prefix")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What its numbers mean is needed for as long as its orders are kept: it is switched off instead."""
        return False

    def save_model(self, request: HttpRequest, obj: ShopConnection, form: Any, change: bool) -> None:
        with transaction.atomic():
            if secret := form.cleaned_data.get("secret"):
                connections.seal(obj, secret)
            super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ShopConnection, post_url_continue: str | None = None
    ) -> HttpResponse:
        """What is left to do stands on the shop's own page."""
        answer: HttpResponse = super().response_add(request, obj, post_url_continue)
        if "_addanother" in request.POST:
            return answer
        return HttpResponseRedirect(reverse("admin:customers_shopconnection_change", args=[obj.pk]))

    def prepare(self, rows: Any) -> None:
        told = ShopDelivery.objects.filter(connection__in=rows).values("connection_id")
        found = {row["connection_id"]: row for row in told.annotate(n=Count("pk"), last=Max("at")).order_by()}
        for row in rows:
            row.told_deliveries = found.get(row.pk, {"n": 0, "last": None})

    @shown(_("last delivery"))
    def last_at(self, shop: Any) -> str:
        return told_time(shop.told_deliveries["last"])

    @shown(_("deliveries in 30 days"))
    def deliveries_lately(self, shop: Any) -> str:
        return f"{shop.told_deliveries['n']:,}"

    def is_useful(self, name: str, row: ShopConnection) -> bool:
        return len(connections.secrets_of(row)) > 1

    @button(_("Forget the former secret"), path="forget-former", icon="key_off")
    def forget_former(self, request: HttpRequest, object_id: str) -> HttpResponse:
        shop = self.get_object(request, object_id)
        if shop is None:
            return HttpResponseRedirect(reverse("admin:customers_shopconnection_changelist"))
        back = HttpResponseRedirect(reverse("admin:customers_shopconnection_change", args=[shop.pk]))
        if request.method == "POST":
            if connections.forget_former(shop):
                self.log_change(request, shop, "Former secret forgotten.")
                messages.success(request, gettext("Only the newest secret of “%s” holds now.") % shop)
            else:
                messages.info(request, gettext("There is no former secret any more."))
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Forget the former secret of “%s”?") % shop,
            row=shop,
            sentences=[
                gettext("Deliveries that the shop signs with it are refused from this moment on."),
                gettext(
                    "Do this once the shop signs with the new one; Shopify does when the old one is revoked."
                ),
            ],
            confirm=gettext("Forget it"),
            is_grave=True,
        )

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [_entries(row), *_alarm(row), _topics(row), _problems(row)]


def _entries(shop: ShopConnection) -> Section:
    """What whoever sets the shop up copies from here."""
    where = (
        _("Shopify: Settings → Notifications → Webhooks, or the app's configuration; format JSON.")
        if shop.kind == ShopConnection.Kind.SHOPIFY
        else _(
            "WooCommerce: Settings → Advanced → Webhooks, one for each topic; API version 3, status active."
        )
    )
    topics = ", ".join(connections.TOPICS[shop.kind])
    rows = [
        (_("Where"), where),
        (_("Delivery address"), connections.address_of(shop)),
        (_("Topics"), topics),
        (_("Secrets that hold"), len(connections.secrets_of(shop))),
    ]
    return Section(_("What to enter at the shop"), ("", ""), rows)


def _alarm(shop: ShopConnection) -> list[Section]:
    if shop.forget_asked_at is None:
        return []
    told = _(
        "Shopify says that the app was taken away, and asks to forget this shop's people. Decide with the privacy officer: "
        "manage.py forget erases a person. Whoever is still your customer by another shop stays."
    )
    return [
        Section(_("Asked to forget everything"), (_("asked"), ""), [(told_time(shop.forget_asked_at), told)])
    ]


def _topics(shop: ShopConnection) -> Section:
    counted = shop.deliveries.values("topic").annotate(n=Count("pk"), last=Max("at")).order_by("topic")
    rows = [(row["topic"], f"{row['n']:,}", told_time(row["last"])) for row in counted]
    return Section(
        _("Deliveries in 30 days"),
        (_("topic"), _("deliveries"), _("last")),
        rows,
        empty=_("Nothing has come yet. Enter the address above at the shop, and change a product there."),
    )


def _problems(shop: ShopConnection) -> Section:
    """Of the newest deliveries; in our words, so that nothing of a person is told."""
    newest = shop.deliveries.order_by("-pk").values_list("problems", "topic", "at")[:LOOKED_AT]
    found = [
        (told_time(at), topic, str(PROBLEMS.get(word, word)), f"{n:,}")
        for words, topic, at in newest
        for word, n in Counter(words).items()
    ]
    return Section(
        _("What could not be used"),
        (_("received"), _("topic"), _("what"), _("how many")),
        found[:NEWEST],
        empty=_("Nothing: all that was delivered lately could be used."),
    )


@admin.register(ShopDelivery)
class ShopDeliveryAdmin(ReadOnly):
    about = _("Nothing was delivered yet. Connect a shop, and enter its address there.")
    list_display = ("topic", "connection", "at", "told_problems", "told_waiting")
    list_select_related = ("connection",)
    list_filter = ("connection",)
    search_fields = ("=number", "=order_id", "=topic")
    search_help_text = _("By topic, number of the delivery or order it waits for, exactly")
    fields = (("connection", "topic"), ("number", "at"), "told_problems", ("order_id", "told_waiting"))
    readonly_fields = ("told_problems", "told_waiting")

    @shown(_("could not be used"))
    def told_problems(self, row: ShopDelivery) -> str:
        return ", ".join(str(PROBLEMS.get(word, word)) for word in dict.fromkeys(row.problems)) or "–"

    @shown(_("returns that wait"))
    def told_waiting(self, row: ShopDelivery) -> str:
        return f"{len(row.waiting)}" if row.waiting else "–"


@admin.register(ShopProduct)
class ShopProductAdmin(ReadOnly):
    about = _("Which product of yours each number of a connected shop means.")
    list_display = ("product", "connection", "item", "variant", "told_at")
    list_select_related = ("product", "connection")
    list_filter = ("connection",)
    search_fields = ("=product__sku", "=item", "=variant")
    search_help_text = _("By SKU or the shop's numbers, exactly")
