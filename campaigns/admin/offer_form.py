"""The form of an offer: its words in both languages, and what makes no sense told at its field."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns.admin.messages.blocks import OTHER, PREFIX
from campaigns.admin.segments.page import RuleWidget
from campaigns.models import Offer
from campaigns.offers.definitions import problems_of_offer

TRANSLATED = ("title", "description")
IN_CHINESE = tuple(f"{PREFIX}{name}" for name in TRANSLATED)


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    zh_title = forms.CharField(
        label=_("Title, in Chinese"), max_length=200, required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"lang": OTHER}),
    )  # fmt: skip
    zh_description = forms.CharField(
        label=_("Description, in Chinese"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"lang": OTHER})
    )  # fmt: skip

    class Meta:
        model = Offer
        fields = (
            "title", "slug", "description", "benefit", "value", "currency", "minimum_amount", "max_discount", "categories",
            "eligibility", "starts_at", "ends_at", "max_total", "max_per_customer", "budget", "used_percent", "priority",
            "code_kind", "code_prefix", "code_valid_days", "low_stock_at",
        )  # fmt: skip
        widgets = {"eligibility": RuleWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in TRANSLATED:
            self.fields[f"{PREFIX}{name}"].initial = in_chinese(self.instance, name)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        own = {name: cleaned.get(f"{PREFIX}{name}", "") for name in TRANSLATED}
        others = {
            language: told for language, told in self.instance.translations.items() if language != OTHER
        }
        self.instance.translations = {**others, OTHER: own} if any(own.values()) else others
        apart = {"categories", *IN_CHINESE}
        offer = Offer(**{name: value for name, value in cleaned.items() if name not in apart})
        for name in ("given", "discount_given", "discount_reserved"):
            setattr(offer, name, getattr(self.instance, name))
        if not self.errors:
            for field, told_why in problems_of_offer(offer).items():
                self.add_error(field, told_why)
        return cleaned


def in_chinese(offer: Offer, name: str) -> str:
    told: str = offer.translations.get(OTHER, {}).get(name, "")
    return told
