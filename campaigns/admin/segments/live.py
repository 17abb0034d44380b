"""What the desk answers while a rule is being written: how many, who for example, why somebody is in, what to write next."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from campaigns import segments
from campaigns.admin import words
from campaigns.models import Campaign, Segment
from campaigns.segments import suggestions
from campaigns.segments.sampling import Estimate
from catalog.pages import Page
from customers import encryption
from customers.models import Customer

EXAMPLES = 3
PATIENCE_S = 20
"""A question of the builder that takes longer is given up: who asked has mostly changed the rule by then."""


@dataclass(frozen=True)
class Told:
    """One line of a rule, and whether it holds of somebody: yes, no, or None where it may not be asked."""

    line: Any
    met: bool | None

    @property
    def state(self) -> str:
        return "unasked" if self.met is None else "yes" if self.met else "no"


class LivePages(Page):
    """The answers beside the builder. All need the right to see segments; people need the right to see people."""

    def live_urls(self) -> list[URLPattern]:
        pages = (
            ("count/", require_POST(self.count_view), "count"),
            ("estimate/", require_POST(self.estimate_view), "estimate"),
            ("examples/", require_POST(self.examples_view), "examples"),
            ("why/", require_POST(self.why_view), "why"),
            ("suggest/", require_GET(self.suggest_view), "suggest"),
        )
        return [
            path(f"live/{route}", self.admin_site.admin_view(view), name=f"campaigns_segment_{name}")
            for route, view, name in pages
        ]

    def has_people_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may see who is in a segment."""
        return bool(self.has_view_permission(request)) and words.sees_people(request)

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """Exactly how many, and who of them can be reached."""
        self._may_view(request)
        context = self._asked(request, lambda row: counts(row, in_tens=not words.sees_people(request)))
        return TemplateResponse(request, "admin/desk/counts.html", context)

    def estimate_view(self, request: HttpRequest) -> HttpResponse:
        """About how many, at once; the rule in words; or where it cannot be read."""
        self._may_view(request)
        found = self._asked(request, lambda row: estimated(row, in_tens=not words.sees_people(request)))
        html = render_to_string("admin/desk/counts.html", {**found, "may_count": True}, request)
        told = render_to_string(
            "admin/desk/segment_words.html", {"lines": found.get("lines", ()), "is_titled": True}, request
        )
        return JsonResponse(
            {"html": html, "words": told, "path": found.get("path"), "message": found.get("message")}
        )

    def examples_view(self, request: HttpRequest) -> HttpResponse:
        self._may_see_people(request)
        context = self._asked(request, lambda row: {"examples": examples(row)})
        return TemplateResponse(request, "admin/desk/segment_examples.html", context)

    def why_view(self, request: HttpRequest) -> HttpResponse:
        self._may_see_people(request)
        who = request.POST.get("who", "").strip()
        context = self._asked(request, lambda row: why(row, who)) if who else {"is_unasked": True}
        return TemplateResponse(request, "admin/desk/segment_why.html", {**context, "who": who})

    def suggest_view(self, request: HttpRequest) -> HttpResponse:
        self._may_view(request)
        kind, text = request.GET.get("of", ""), request.GET.get("q", "")
        if kind not in suggestions.NEEDS or not request.user.has_perm(suggestions.NEEDS[kind]):
            return JsonResponse({"found": []})
        found = segments.suggest(kind, text, attribute=request.GET.get("attribute", ""))
        return JsonResponse({"found": [[one.value, one.label] for one in found]})

    def _may_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _may_see_people(self, request: HttpRequest) -> None:
        if not self.has_people_permission(request):
            raise PermissionDenied

    def _asked(self, request: HttpRequest, answer: Any) -> dict[str, Any]:
        """What the answer says of the rule that was sent, else of the segment that is kept; or why it cannot be read, and where."""
        row = self.get_object(request, request.POST.get("pk", "")) if "rule" not in request.POST else None
        try:
            rule = row.rule if row is not None else json.loads(request.POST.get("rule", ""))
        except (ValueError, RecursionError):
            return {"invalid": gettext("This is not JSON yet.")}
        try:
            with segments.large_questions(most_s=PATIENCE_S):
                found: dict[str, Any] = answer(row or Segment(slug=request.POST.get("slug", ""), rule=rule))
        except segments.InvalidRule as invalid:
            return refused(invalid)
        except segments.TookTooLong:
            return {"invalid": took_too_long()}
        return found


def refused(invalid: segments.InvalidRule) -> dict[str, Any]:
    told = {"path": invalid.path, "message": invalid.message}
    return {"invalid": gettext("At %(path)s: %(message)s") % told, **told}


def took_too_long() -> str:
    return gettext(
        "Counting this took longer than %s seconds and was given up. What you wrote is kept; a rule of fewer "
        "conditions is counted sooner."
    ) % (PATIENCE_S)


def counts(segment: Segment, *, in_tens: bool) -> dict[str, Any]:
    """How many match now and can be reached by e-mail, or why the rule cannot be read.

    A rule is written anew at will, and two rules may differ by one person: whoever may not see people is told in tens,
    and of nobody no more than of a few.
    """
    try:
        found = segments.waterfall(segment, channel=Campaign.Channel.EMAIL, at=timezone.now())
    except segments.InvalidRule as invalid:
        return refused(invalid)
    return {
        "bars": words.bars(found, in_tens=in_tens, hides_nobody=in_tens),
        "matched": words.people(found["matched"], in_tens=in_tens),
        "sendable": words.people(found["sendable"], in_tens=in_tens),
    }


def estimated(segment: Segment, *, in_tens: bool) -> dict[str, Any]:
    """About how many match and can be reached, with the rule in words. Raises InvalidRule."""
    segments.read(segment.rule, within=(segment.slug,) if segment.slug else ())
    found, reached = segments.estimate_reach(segment, at=timezone.now())
    return {
        "estimate": found,
        "about": about(found, in_tens=in_tens),
        "reached": about(reached, in_tens=in_tens),
        "lines": segments.lines(segment.rule),
    }


def about(found: Estimate, *, in_tens: bool) -> str:
    """An estimate in words, as exact as it may be told."""
    if found.is_exact:
        return words.people(found.people or 0, in_tens=in_tens)
    if found.people is None:
        return gettext("fewer than %s") % f"{found.high:,}"
    return gettext("about %s") % f"{found.people:,}"


def told_lines(lines: Sequence[Any], met: Mapping[str, bool | None]) -> list[Told]:
    return [Told(line, met.get(line.path)) for line in lines]


def examples(segment: Segment) -> list[dict[str, Any]]:
    """A few who match, each with the conditions that they meet."""
    now = timezone.now()
    found = segments.members(segment, at=now, most=EXAMPLES)
    return explained(segment, found.ids)


def explained(segment: Segment, ids: Sequence[int]) -> list[dict[str, Any]]:
    """These people with why each is in: the lines that hold. Two queries, and the names in the rule."""
    verdicts = segments.verdicts(segment, ids, at=timezone.now())
    lines = [line for line in segments.lines(segment.rule) if not line.is_group]
    people = Customer.objects.in_bulk(list(verdicts))
    return [
        {
            "person": people[pk],
            "reasons": [line.words for line in lines if verdicts[pk].met.get(line.path)],
        }
        for pk in ids
        if pk in verdicts
    ]


def why(segment: Segment, who: str) -> dict[str, Any]:
    """Whoever goes by that id or address, and each line of the rule with whether it holds of them."""
    by = Q(external_id=who)
    if indexes := encryption.blind_indexes("email", who):
        by |= Q(email_index__in=indexes)
    people = list(Customer.objects.present().filter(by).order_by("pk")[:EXAMPLES])
    if not people:
        return {"is_nobody": True}
    verdicts = segments.verdicts(segment, [person.pk for person in people], at=timezone.now())
    lines = segments.lines(segment.rule)
    return {
        "answers": [
            {
                "person": person,
                "verdict": verdicts[person.pk],
                "lines": told_lines(lines, verdicts[person.pk].met),
            }
            for person in people
        ]
    }
