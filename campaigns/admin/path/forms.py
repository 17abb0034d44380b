"""The forms of a campaign's path, one a step: each reads and writes the campaign's own rows, and nothing besides."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.messages import benefit_words
from campaigns.models import Campaign, CampaignSegment, Message, Offer, Segment
from campaigns.segments import ready
from customers.models import Topic

T = TypeVar("T", Segment, Offer, Message)

MOST = 100
"""So many rows, the newest first, stand in a list to choose from; the rest are found in “All settings”."""
READY = "ready:"


class StepForm(forms.Form):
    """One step. `changed` names what was changed by `save`, for the record of changes."""

    needs: Sequence[str] = ("campaigns.change_campaign",)

    def __init__(self, campaign: Campaign, *args: Any, made: Sequence[str] = (), **kwargs: Any) -> None:
        self.campaign = campaign
        # Rows made on the way: chosen, and not saved before somebody says so.
        self.made = [int(pk) for pk in made if pk.isdecimal()]
        super().__init__(*args, **kwargs)
        self.prepare()

    def prepare(self) -> None:
        """Fill in the choices and what stands there now."""

    def carried(self) -> list[int]:
        """What is chosen but cannot be saved yet, to be taken along."""
        return []

    def save(self) -> list[str]:
        """Write it; answers the names of what was changed."""
        found = self.cleaned_data
        names = [name for name, value in found.items() if getattr(self.campaign, name, value) != value]
        for name in names:
            setattr(self.campaign, name, self.cleaned_data[name])
        if names:
            self.campaign.save(update_fields=[*names, "updated_at"])
        return names


def some(rows: QuerySet[T], chosen: Iterable[int]) -> list[T]:
    """What is chosen, and the newest besides. Two queries."""
    picked = list(rows.filter(pk__in=list(chosen)))
    return picked + list(rows.exclude(pk__in=[row.pk for row in picked]).order_by("-pk")[:MOST])


class GoalForm(StepForm):
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("Only you and your team see it."))
    topic = forms.ModelChoiceField(
        label=_("Topic"),
        queryset=Topic.objects.all(),
        required=False,
        empty_label=_("No topic"),
        help_text=_("People may leave a topic without leaving all."),
    )

    def prepare(self) -> None:
        self.initial.update({"name": self.campaign.name, "topic": self.campaign.topic_id})


class AudienceForm(StepForm):
    needs = (
        "campaigns.change_campaign",
        "campaigns.add_campaignsegment",
        "campaigns.delete_campaignsegment",
    )
    segments = forms.MultipleChoiceField(
        label=_("Segments"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one segment: it says who the campaign is for.")},
        help_text=_("Whoever stands in several is written to once."),
    )

    def prepare(self) -> None:
        chosen = list(self.campaign.audiences.values_list("segment_id", flat=True))
        chosen += self.made
        rows = some(Segment.objects.all(), chosen)
        offered = ready.habits()
        known = {row.slug for row in rows} | set(
            Segment.objects.filter(slug__in=[one.slug for one in offered]).values_list("slug", flat=True)
        )
        made_when_chosen = [(READY + one.slug, one.told) for one in offered if one.slug not in known]
        mine: list[Any] = [(str(row.pk), row.name) for row in rows]
        groups = [(_("Your segments"), mine)] if mine else []
        self.fields["segments"].choices = [  # type: ignore[attr-defined]
            *groups,
            *([(_("Ready-made"), made_when_chosen)] if made_when_chosen else []),
        ]
        self.initial["segments"] = [str(pk) for pk in chosen]

    def leave_out_ready(self) -> None:
        """For whoever may not make a segment: a ready-made one is made when it is chosen."""
        field: Any = self.fields["segments"]
        field.choices = [(label, rows) for label, rows in field.choices if not rows[0][0].startswith(READY)]

    def save(self) -> list[str]:
        asked = self.cleaned_data["segments"]
        wanted = [
            ready.make(one.removeprefix(READY), at=timezone.now())[0].pk
            if one.startswith(READY)
            else int(one)
            for one in asked
        ]
        had = dict(self.campaign.audiences.values_list("segment_id", "pk"))
        gone = [pk for segment, pk in had.items() if segment not in wanted]
        new = [pk for pk in dict.fromkeys(wanted) if pk not in had]
        self.campaign.audiences.filter(pk__in=gone).delete()
        place = len(had)
        CampaignSegment.objects.bulk_create(
            CampaignSegment(campaign=self.campaign, segment_id=pk, position=place + n)
            for n, pk in enumerate(new)
        )
        return ["segments"] if gone or new else []


class OffersForm(StepForm):
    """A list of offers an audience."""

    needs = ("campaigns.change_campaign", "campaigns.change_campaignsegment")

    def prepare(self) -> None:
        audiences = list(self.campaign.audiences.select_related("segment").prefetch_related("offers"))
        chosen = {offer.pk for audience in audiences for offer in audience.offers.all()} | {*self.made}
        living = Offer.objects.exclude(status=Offer.Status.ARCHIVED)
        choices = [(str(offer.pk), offer_words(offer)) for offer in some(living, chosen)]
        self.audiences = audiences
        for audience in audiences:
            label = audience.segment.name if len(audiences) > 1 else gettext("Offers")
            self.fields[f"offers_{audience.pk}"] = forms.MultipleChoiceField(
                label=label,
                choices=choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                help_text=gettext(
                    "Of several, each person gets the one that suits them best. None chosen: the message alone."
                ),
            )
            mine = [str(offer.pk) for offer in audience.offers.all()]
            self.initial[f"offers_{audience.pk}"] = mine + [str(pk) for pk in self.made]

    @property
    def is_empty(self) -> bool:
        """There is no offer to choose from yet."""
        return not any(field.choices for field in self.fields.values())  # type: ignore[attr-defined]

    def save(self) -> list[str]:
        changed = []
        for audience in self.audiences:
            name = f"offers_{audience.pk}"
            wanted = {int(pk) for pk in self.cleaned_data[name]}
            if wanted != {offer.pk for offer in audience.offers.all()}:
                audience.offers.set(wanted)
                changed.append("offers")
        return changed[:1]


def offer_words(offer: Offer) -> str:
    told = benefit_words(offer)
    words = f"{offer.title} · {told}" if told and told != offer.title else offer.title
    return words if offer.status == Offer.Status.APPROVED else gettext("%s (not approved yet)") % words


class ExperimentForm(StepForm):
    control_percent = forms.DecimalField(
        label=_("Control group, percent"),
        min_value=0,
        max_value=90,
        max_digits=5,
        decimal_places=2,
        help_text=_(
            "So many of those who could be reached get nothing. Only beside them is seen what the campaign causes."
        ),
    )
    window_days = forms.IntegerField(
        label=_("Days an effect is measured"),
        min_value=1,
        max_value=365,
        help_text=_("Orders so long after the message count, of those who got it and of those who did not."),
    )
    margin_percent = forms.DecimalField(
        label=_("Your margin, percent"),
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text=_("How much of what people pay is left to the shop: turns orders into profit."),
    )
    sending_cost = forms.DecimalField(
        label=_("Cost of one message"), min_value=0, max_digits=8, decimal_places=4
    )

    def prepare(self) -> None:
        for name in ("control_percent", "margin_percent"):
            self.initial[name] = f"{getattr(self.campaign, name).normalize():f}"  # 10, not 10.00
        self.initial.update(
            {
                "window_days": self.campaign.window_days,
                "sending_cost": f"{self.campaign.sending_cost.normalize():f}",
            }
        )


def is_past(moment: Any) -> bool:
    return moment is not None and moment <= timezone.now()
