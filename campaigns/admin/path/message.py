"""The forms of what a campaign says: one message or two to compare, a place in the shop, or a webhook's address."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.admin.path.forms import MOST, StepForm, some
from campaigns.models import Campaign, Message, Placement


class MessageForm(StepForm):
    """What an e-mail says: one message, or two to compare."""

    needs = ("campaigns.change_campaign", "campaigns.add_variant", "campaigns.delete_variant")
    how = forms.ChoiceField(
        label=_("How many messages?"),
        choices=[
            ("one", _("One message for everybody")),
            ("two", _("Two messages to compare (A/B test)")),
        ],
        widget=forms.RadioSelect,
        initial="one",
        help_text=_(
            "Of two the winner is told by the money each brings per person, never by opens: mail programs open messages "
            "by themselves."
        ),
    )
    message_a = forms.TypedChoiceField(
        label=_("Message A"),
        coerce=int,
        error_messages={"required": _("Choose a message, or write a new one.")},
    )
    message_b = forms.TypedChoiceField(label=_("Message B"), coerce=int, required=False, empty_value=None)
    share_b = forms.IntegerField(
        label=_("Share who get message B, percent"),
        min_value=5,
        max_value=95,
        initial=50,
        required=False,
        help_text=_("Half and half tells soonest which is better."),
    )
    bandit = forms.BooleanField(
        label=_("Give more and more people the one that earns more"),
        required=False,
        help_text=_("For what is sent again and again: the shares follow the money."),
    )

    def prepare(self) -> None:
        self.variants = list(self.campaign.variants.order_by("key"))
        a = self.variants[0].message_id if self.variants else self.campaign.message_id
        b = self.variants[1].message_id if len(self.variants) > 1 else None
        for pk in self.made:
            if pk not in (a, b):
                a, b = (pk, b) if a is None else (a, pk)
        rows = [(row.pk, row.name) for row in some(Message.objects.all(), [x for x in (a, b) if x])]
        for name in ("message_a", "message_b"):
            self.fields[name].choices = [("", _("Choose a message")), *rows]  # type: ignore[attr-defined]
        self.is_empty = not rows
        self.initial.update({"message_a": a, "message_b": b, "how": "two" if b else "one"})
        if len(self.variants) > 1:
            total = sum(variant.weight for variant in self.variants[:2])
            self.initial["share_b"] = round(100 * self.variants[1].weight / total)
        self.initial["bandit"] = self.campaign.allocation == Campaign.Allocation.BANDIT
        if self.campaign.kind == Campaign.Kind.ONCE:
            del self.fields["bandit"]

    def carried(self) -> list[int]:
        return [pk for name in ("message_a", "message_b") if (pk := self.cleaned_data.get(name))]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("how") != "two":
            return found
        if not found.get("message_b"):
            self.add_error("message_b", _("Choose the second message, or send one to everybody."))
        elif found["message_b"] == found.get("message_a"):
            self.add_error("message_b", _("That is the same message: choose another to compare it with."))
        if found.get("share_b") is None and "share_b" not in self.errors:
            found["share_b"] = 50
        return found

    def save(self) -> list[str]:
        found, campaign = self.cleaned_data, self.campaign
        is_test = found["how"] == "two"
        wanted = (
            {"a": (found["message_a"], 100 - found["share_b"]), "b": (found["message_b"], found["share_b"])}
            if is_test
            else {}
        )
        before = self._said()
        campaign.message_id = found["message_a"]
        if "bandit" in self.fields:
            kinds = Campaign.Allocation
            campaign.allocation = kinds.BANDIT if is_test and found["bandit"] else kinds.FIXED
        campaign.save(update_fields=["message", "allocation", "updated_at"])
        campaign.variants.exclude(key__in=wanted).delete()
        for key, (message, weight) in wanted.items():
            campaign.variants.update_or_create(
                key=key, defaults={"message_id": message, "weight": weight, "name": key.upper()}
            )
        return ["message"] if self._said() != before else []

    def _said(self) -> list[Any]:
        variants = self.campaign.variants.order_by("key").values_list("key", "message_id", "weight")
        return [self.campaign.message_id, self.campaign.allocation, *variants]


class PlaceForm(StepForm):
    """Where in the shop it shows."""

    placement = forms.SlugField(
        label=_("Place in the shop"),
        max_length=60,
        help_text=_("The name by which the shop's page asks for it, such as home."),
    )

    def prepare(self) -> None:
        self.initial["placement"] = self.campaign.placement
        self.known = list(
            Placement.objects.filter(channel=Campaign.Channel.ONSITE)
            .order_by("slug")
            .values_list("slug", flat=True)[:MOST]
        )
        self.fields["placement"].widget.attrs["list"] = "known-places"


class WebhookForm(StepForm):
    webhook_url = forms.URLField(
        label=_("Webhook address"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Begins with https://."),
    )

    def prepare(self) -> None:
        self.initial["webhook_url"] = self.campaign.webhook_url
