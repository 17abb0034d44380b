"""The form by which a webhook is made: where, for whom, and of what it is told."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from campaigns import webhooks
from campaigns.models import WebhookEndpoint
from campaigns.webhooks import endpoints

TYPE_WORDS: Mapping[str, str | Promise] = {
    "decision.made": _("a decision was made"),
    "delivery.sent": _("a message was sent"),
    "delivery.failed": _("a message failed"),
    "delivery.suppressed": _("a message was not sent, and why"),
    "delivery.unknown": _("a message may or may not have arrived"),
    "delivery.cancelled": _("a message was cancelled"),
    "outcome.recorded": _("an open, click or order was credited"),
    "consent.changed": _("a person answered yes or no"),
    "code.redeemed": _("a code was used"),
    "code.reversed": _("a code was given back"),
}


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    types = forms.MultipleChoiceField(
        label=_("It is told when"),
        choices=[(kind, TYPE_WORDS[kind]) for kind in webhooks.TYPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    receiver = forms.ChoiceField(
        label=_("Who receives it"),
        choices=WebhookEndpoint.Receiver.choices,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=_(
            "Of a person, a partner is told nothing unless the person allows passing data to partners. This is never "
            "changed afterwards."
        ),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("name",)  # the page adds the others in its own manner

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        receiver = found.get("receiver", self.instance.receiver)
        said = endpoints.problems(url=found.get("url", ""), types=found.get("types", ()), receiver=receiver)
        for name, told in said.items():
            if name in found:  # the others have been told of by the fields themselves
                self.add_error(name, told)
        if not self.instance.pk and endpoints.is_full():
            raise forms.ValidationError(endpoints.told_full())
        return found
