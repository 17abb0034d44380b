"""The desk's pages of the people in journeys: where each is, what they came by, why they left; and taking one out."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import journeys
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.admin.journeys import words as journey_words
from campaigns.admin.journeys.sentences import Names
from campaigns.journeys.definition import Definition
from campaigns.models import Decision, Delivery, JourneyEntry, JourneyVisit, Trigger
from catalog.pages import ReadOnly, Section, button, shown, told_time

STATE_COLOURS = {"waiting": "info", "done": "success", "left": "default"}
State = JourneyEntry.State


class GroupFilter(admin.SimpleListFilter):
    title = _("group by lot")
    parameter_name = "arm"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Decision.Arm.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(arm=self.value()) if self.value() else queryset


@admin.register(JourneyEntry)
class JourneyEntryAdmin(ReadOnly):
    about = _("Nobody has come into a journey yet. Whom something calls stands here, with their way.")
    list_display = (
        "customer",
        "campaign",
        "told_state",
        "step",
        "wake_at",
        "entered_at",
        "told_arm",
        "told_left",
    )
    list_select_related = ("customer", "campaign")
    list_filter = ("state", GroupFilter, "left_by")
    linked = ("campaign__id__exact", "version__id__exact", "customer__id__exact", "step__exact")
    fields = (
        "told_where",
        ("customer", "campaign"),
        ("version", "told_arm"),
        ("entered_at", "left_at"),
        ("key", "cause"),
    )
    readonly_fields = ("told_where", "told_arm")
    actions_detail = ("journey", "take_out")

    def is_useful(self, name: str, row: JourneyEntry) -> bool:
        return name != "take_out" or row.state == State.WAITING

    @shown(_("state"), order="state", label=STATE_COLOURS)
    def told_state(self, entry: JourneyEntry) -> tuple[str, str]:
        return entry.state, entry.get_state_display()

    @shown(_("group by lot"), order="arm")
    def told_arm(self, entry: JourneyEntry) -> str:
        return str(dict(Decision.Arm.choices).get(entry.arm, entry.arm))

    @shown(_("left because"), order="left_by")
    def told_left(self, entry: JourneyEntry) -> str:
        return entry.get_left_by_display() or "–"

    @shown(_("where they are"))
    def told_where(self, entry: JourneyEntry) -> str:
        return _where(entry)

    def sections(self, request: HttpRequest, row: JourneyEntry) -> list[Section]:
        return [_way(row), _messages(row)]

    @button(_("Show the journey"), path="journey", icon="route", needs="view")
    def journey(self, request: HttpRequest, object_id: str) -> HttpResponse:
        entry = self.get_object(request, object_id)
        if entry is None:
            return HttpResponseRedirect(reverse("admin:campaigns_journeyentry_changelist"))
        page = reverse("admin:campaigns_journeyversion_of", args=[entry.campaign_id])
        return HttpResponseRedirect(f"{page}?version={entry.version.number}&step={entry.step}")

    @button(_("Take out of the journey…"), path="take-out", icon="logout")
    def take_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks once; POST takes the person out."""
        entry = self.get_object(request, object_id)
        if entry is None:
            return HttpResponseRedirect(reverse("admin:campaigns_journeyentry_changelist"))
        if request.method != "POST":
            return self.own_page(
                request,
                "admin/desk/confirm.html",
                title=gettext("Take one person out of %s") % entry.campaign,
                row=entry,
                sentences=_asked(entry),
                confirm=gettext("Take them out"),
                is_grave=True,
            )
        if journeys.take_out(entry.pk, at=timezone.now()):
            self.log_change(request, entry, f"Taken out of the journey at step {entry.step}.")
            messages.success(
                request, gettext("They are out: nothing of this journey is sent to them any more.")
            )
        else:
            messages.info(request, gettext("They were not on the way any more; nothing has changed."))
        return HttpResponseRedirect(reverse("admin:campaigns_journeyentry_change", args=[entry.pk]))


def _where(entry: JourneyEntry) -> str:
    definition = Definition.of(entry.version.definition)
    told = {
        "step": journey_words.name_of(entry.step, definition, Names.of(entry.version.definition)),
        "when": told_time(entry.left_at),
        "wake": told_time(entry.wake_at),
        "why": entry.get_left_by_display(),
    }
    match entry.state:
        case State.WAITING:
            return (
                gettext(
                    "On the way, at “%(step)s”; goes on at %(wake)s, or sooner if something they do says so."
                )
                % told
            )
        case State.DONE if entry.arm != "treated":
            return gettext("Travels nowhere: only compared with those who do.")
        case State.DONE:
            return gettext("Came to the end at %(when)s.") % told
    return gettext("Left at “%(step)s” at %(when)s: %(why)s.") % told


def _asked(entry: JourneyEntry) -> list[str]:
    found = [_where(entry)]
    if entry.state != State.WAITING:
        return [*found, gettext("There is nothing to take them out of.")]
    waiting = entry.deliveries.filter(status__in=(Delivery.Status.PLANNED, Delivery.Status.RETRY)).count()
    found.append(
        gettext("Taken out, they get no more messages of it: %s of theirs wait to be sent and would not be.")
        % waiting
    )
    found.append(journey_sentences.again(Definition.of(entry.version.definition)))
    found.append(gettext("This cannot be undone."))
    return found


def _way(entry: JourneyEntry) -> Section:
    definition = Definition.of(entry.version.definition)
    names = Names.of(entry.version.definition)
    return Section(
        _("Their way"),
        (_("step"), _("arrived"), _("went on"), _("how")),
        [
            (
                journey_words.name_of(visit.step, definition, names)
                if visit.step in definition.steps
                else visit.step,
                told_time(visit.arrived_at),
                told_time(visit.left_at),
                _how(visit, definition, names) if visit.left_at else gettext("is here"),
            )
            for visit in entry.visits.order_by("pk")[: 4 * len(definition.steps)]
        ],
        empty=_("They have not come to the first step."),
    )


def _how(visit: JourneyVisit, definition: Definition, names: Names) -> str:
    if visit.outcome.startswith("to "):
        return f"→ {journey_words.name_of(visit.outcome[3:], definition, names)}"
    return journey_words.outcome(visit.outcome)


def _messages(entry: JourneyEntry) -> Section:
    rows = Delivery.objects.filter(entry=entry).select_related("content").order_by("pk")
    return Section(
        _("Their messages"),
        (_("message"), _("not before"), _("status"), _("reason")),
        [
            (
                delivery.content or "–",
                told_time(delivery.not_before),
                delivery.get_status_display(),
                delivery.get_reason_display() or "–",
            )
            for delivery in rows[:50]
        ],
        empty=_("Nothing has been planned for them."),
    )


@admin.register(JourneyVisit)
class JourneyVisitAdmin(ReadOnly):
    about = _("Nobody has come by a step yet.")
    list_display = ("told_person", "told_campaign", "step", "arrived_at", "left_at", "told_outcome")
    list_select_related = ("entry__customer", "entry__campaign")
    linked = ("entry__id__exact", "entry__campaign__id__exact", "step__exact")
    fields = (("entry", "step"), ("arrived_at", "left_at"), "outcome")

    @shown(_("customer"))
    def told_person(self, visit: JourneyVisit) -> str:
        return str(visit.entry.customer)

    @shown(_("campaign"))
    def told_campaign(self, visit: JourneyVisit) -> str:
        return str(visit.entry.campaign)

    @shown(_("how"), order="outcome")
    def told_outcome(self, visit: JourneyVisit) -> str:
        return journey_words.outcome(visit.outcome) if visit.left_at else "–"


@admin.register(Trigger)
class TriggerAdmin(ReadOnly):
    about = _("No journey has looked for what calls yet; it begins within seconds of its launch.")
    list_display = ("campaign", "looked_at", "cursor")
    list_select_related = ("campaign",)
    fields = ("campaign", ("looked_at", "cursor"))
