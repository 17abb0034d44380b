"""What it shows: the list that a person, a basket or a stranger gets, and what another rule would make of it.

Both lists are made by the path that serves, with the same draw of chance; nothing is kept but what is saved.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog import together
from catalog.models import Product
from catalog.pages import Page, button
from customers import few, identities
from recommender import serving
from recommender.admin.lists import Row, compared, told
from recommender.models import Placement, Promotion
from recommender.serving import Recommendation, affinity, placements

LENGTH = 10
MOST_PRODUCTS = 20
NAMED = 20
RULES = (
    "mode", "bought", "bought_within_days", "in_stock", "categories", "relevance", "diversity", "strength", "exploration",
)  # fmt: skip


class RulesForm(forms.ModelForm):  # type: ignore[type-arg]
    """A placement's rules, and the shares of the promotions that run in it now."""

    class Meta:
        model = Placement
        fields = RULES
        widgets = {"categories": forms.SelectMultiple(attrs={"size": 5})}

    def __init__(self, *args: Any, running: list[Promotion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running = running
        for promotion in running:
            self.fields[f"percent-{promotion.pk}"] = forms.IntegerField(
                label=gettext("Promotion “%s”, at most percent of the list") % promotion.name,
                min_value=1,
                max_value=100,
                initial=promotion.percent,
            )
        for name, field in self.fields.items():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "desk-input"
            if name in ("strength", "exploration"):
                field.widget.attrs["step"] = "0.05"

    @property
    def percents(self) -> dict[int, int]:
        return {row.pk: self.cleaned_data[f"percent-{row.pk}"] for row in self.running}

    def save_all(self) -> Placement:
        row: Placement = self.save()
        for promotion in self.running:
            promotion.percent = self.percents[promotion.pk]
            promotion.save(update_fields=["percent"])
        return row


@dataclass(frozen=True)
class Whom:
    """For whom a list is made: a person, the products of a basket, or nobody in particular."""

    customer_id: int | None = None
    basket: tuple[int, ...] = ()
    wrong: str = ""
    named: str = ""
    skus: str = ""

    @classmethod
    def of(cls, given: QueryDict, *, sees_people: bool) -> "Whom":
        named = given.get("customer", "").strip() if sees_people else ""
        skus = " ".join(given.get("basket", "").replace(",", " ").split())
        wanted = skus.split()[:MOST_PRODUCTS]
        if named:
            found = identities.find([named]).get(named)
            return cls(found, (), "" if found else gettext("No customer has this id."), named, skus)
        known = dict(Product.objects.filter(sku__in=wanted).values_list("sku", "pk")) if wanted else {}
        missing = [sku for sku in wanted if sku not in known]
        wrong = gettext("There is no product %s.") % ", ".join(missing) if missing else ""
        return cls(None, tuple(known[sku] for sku in wanted if sku in known), wrong, named, skus)

    @property
    def question(self) -> str:
        return urlencode(
            {name: value for name, value in (("customer", self.named), ("basket", self.skus)) if value}
        )

    def answer(
        self, placed: placements.Placed, asked: serving.Asked, *, at: datetime, seed: int
    ) -> Recommendation:
        rng, filters, how = np.random.default_rng(seed), placed.filters, placed.how
        if self.basket:
            return serving.recommend_basket(
                self.basket, at=at, limit=LENGTH, filters=filters, how=how, rng=rng, asked=asked
            )
        return serving.recommend(
            self.customer_id, at=at, limit=LENGTH, filters=filters, how=how, rng=rng, asked=asked
        )


class Shows(Page):
    """The pages of a placement's lists."""

    actions_list = ("shows", "audience")
    actions_detail = ("preview",)

    def has_people_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.view_customer"))

    @button(_("Try its rules"), path="preview", icon="visibility", needs="view")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        shows = reverse("admin:recommender_placement_shows")
        return HttpResponseRedirect(f"{shows}?{urlencode({'placement': object_id})}")

    @button(_("What it shows"), path="shows", icon="visibility", needs="view")
    def shows(self, request: HttpRequest) -> HttpResponse:
        """GET shows the list; POST shows the one that changed rules would make beside it, or saves them (`save`)."""
        at = timezone.now()
        number = request.GET.get("placement", "")
        row = Placement.objects.filter(pk=number).first() if number.isascii() and number.isdigit() else None
        rules = placements.Asked(row.slug if row else "", at=at)
        whom = Whom.of(request.GET, sees_people=self.has_people_permission(request))
        asked = serving.Asked([whom.customer_id] if whom.customer_id is not None else [])
        together.read(*rules.questions, *asked.questions)
        form = None
        if row is not None:
            given = request.POST if request.method == "POST" else None
            form = RulesForm(given, instance=row, running=list(rules.running))
            if "save" in request.POST:
                if not self.has_act_permission(request):
                    raise PermissionDenied
                if form.is_valid():
                    self.log_change(request, form.save_all(), [{"changed": {"fields": form.changed_data}}])
                    messages.success(request, gettext("Saved: the shop gets the changed list from now on."))
                    again = f"placement={row.pk}" + (f"&{whom.question}" if whom.question else "")
                    return HttpResponseRedirect(f"{request.path}?{again}")
        return self.own_page(
            request,
            "admin/desk/recommender_shows.html",
            title=gettext("What it shows"),
            placements=list(Placement.objects.order_by("name")[:200]),
            placement=row,
            form=form,
            may_save=self.has_act_permission(request),
            sees_people=self.has_people_permission(request),
            whom=whom,
            **({} if whom.wrong else _lists(rules, form, whom, asked, at=at)),
        )

    @button(_("Who would get it"), path="audience", icon="group_search", needs="view")
    def audience(self, request: HttpRequest) -> HttpResponse:
        """The other way round: of the newest people those whom a product suits."""
        sku = request.GET.get("sku", "").strip()
        product = Product.objects.filter(sku=sku).first() if sku else None
        wrong = gettext("There is no product %s.") % sku if sku and product is None else ""
        found, rows = None, []
        if product is not None:
            try:
                found = affinity.audience([product.pk], at=timezone.now())
            except affinity.NothingLearnt as reason:
                wrong = gettext("It cannot be told: %s.") % reason
        if found is not None and self.has_people_permission(request):
            rows = _people(found.likings[:NAMED])
        return self.own_page(
            request,
            "admin/desk/recommender_audience.html",
            title=gettext("Who would get %s") % (product.title if product else gettext("a product")),
            sku=sku,
            wrong=wrong,
            state=_told_audience(found) if found is not None else "",
            sees_people=self.has_people_permission(request),
            people=rows,
            product=product,
        )


def _lists(
    rules: placements.Asked, form: RulesForm | None, whom: Whom, asked: serving.Asked, *, at: datetime
) -> dict[str, Any]:
    """The list as it is, and where rules are tried that hold together the one that they would make."""
    seed = 0  # the same chance in both, so that what differs comes from the rules
    now = whom.answer(rules.placed(asked.stamp), asked, at=at, seed=seed)
    if form is None or not form.is_bound or not form.is_valid():
        (items,) = told([now])
        return {"now": now, "lists": [(gettext("Now"), items)]}
    chosen = [category.pk for category in form.cleaned_data["categories"]]
    tried = placements.Tried(form.instance, chosen, form.percents)
    changed = whom.answer(rules.placed(asked.stamp, tried=tried), asked, at=at, seed=seed)
    before, after = told([now, changed], [None, now])
    return {
        "now": now,
        "lists": [(gettext("Now"), before), (gettext("Changed"), after)],
        "difference": compared(now, changed),
    }


def _told_audience(found: affinity.Audience) -> str:
    if found.asked < few.FEWEST_PEOPLE:
        return (
            gettext("Fewer than %s people allow personalisation: nothing is told of them.")
            % few.FEWEST_PEOPLE
        )
    suited = few.told_in_tens(len(found.likings))
    return gettext("Of the newest %(asked)s people who allow personalisation it suits %(suited)s.") % {
        "asked": f"{few.in_tens(found.asked):,}", "suited": suited,
    }  # fmt: skip


@dataclass(frozen=True)
class Suited:
    """One person whom a product suits, for whoever may see people."""

    link: str
    name: str
    score: str


def _people(likings: Any) -> list[Suited]:
    names = identities.names([liking.customer_id for liking in likings])
    return [
        Suited(
            reverse("admin:customers_customer_change", args=[liking.customer_id]),
            names.get(liking.customer_id, f"#{liking.customer_id}"),
            f"{liking.score:.4f}",
        )
        for liking in likings
    ]


__all__ = ["Row", "RulesForm", "Shows", "Whom"]
