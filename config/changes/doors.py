"""What comes in by a key is written down here, and who was refused at the desk: around the views, in one place."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_noop

from campaigns import api as campaigns
from campaigns.models import Campaign, Export, Offer, Placement, Segment, WebhookEndpoint
from config import changes
from config.models import Change
from customers.models import ApiKey
from recommender import api as recommender
from recommender.models import TrainingRun

API = "/api/v1/"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# How the addresses of marketers' things begin; the shop's own traffic is let by without a look.
ROOMS = frozenset({"campaigns", "segments", "offers", "webhooks", "exports", "models", "training-runs"})


@dataclass(frozen=True)
class Watched:
    """A view that changes a marketer's thing: which, how the address names it, and how the answer does."""

    model: type[Model]
    column: str
    argument: str = ""
    told: str = ""
    words: str = ""
    methods: frozenset[str] = WRITES
    deed: Change.Deed | None = None
    leaves: bool = False
    """Something is sent meanwhile: no transaction waits for another server, and the entry is written afterwards."""


_STEP = gettext_noop("Took a step by the API")
WATCHED: dict[Any, Watched] = {
    campaigns.CampaignsView: Watched(Campaign, "slug", told="slug"),
    campaigns.CampaignView: Watched(Campaign, "slug", "slug"),
    campaigns.CampaignStepView: Watched(Campaign, "slug", "slug", words=_STEP),
    campaigns.CampaignTestView: Watched(
        Campaign, "slug", "slug", words=gettext_noop("Sent a test."), leaves=True
    ),
    campaigns.SegmentsView: Watched(Segment, "slug", told="slug"),
    campaigns.SegmentView: Watched(Segment, "slug", "slug"),
    campaigns.OfferDefinitionsView: Watched(Offer, "slug", told="slug"),
    campaigns.OfferDefinitionView: Watched(Offer, "slug", "slug"),
    campaigns.PlacementsView: Watched(Placement, "slug", told="slug"),
    campaigns.PlacementView: Watched(Placement, "slug", "slug"),
    campaigns.WebhooksView: Watched(WebhookEndpoint, "pk", told="id"),
    campaigns.WebhookView: Watched(WebhookEndpoint, "pk", "webhook"),
    campaigns.RotateWebhookView: Watched(
        WebhookEndpoint, "pk", "webhook", words=gettext_noop("Renewed its secret.")
    ),
    campaigns.ReplayWebhookView: Watched(
        WebhookEndpoint, "pk", "webhook", words=gettext_noop("Sent again what was given up.")
    ),
    campaigns.ExportsView: Watched(Export, "pk", told="id", words=gettext_noop("Asked for.")),
    campaigns.CancelExportView: Watched(Export, "pk", "number", words=gettext_noop("Cancelled.")),
    campaigns.ExportDownloadView: Watched(
        Export, "pk", "number", methods=frozenset({"GET"}), deed=Change.Deed.TOOK_OUT
    ),
    recommender.TrainView: Watched(TrainingRun, "pk", told="id", words=gettext_noop("Asked for.")),
    recommender.CancelTrainingView: Watched(TrainingRun, "pk", "run", words=gettext_noop("Cancelled.")),
}


class ChangesOfDoors:
    """Around every view: an entry in the same transaction as the change by a key, and one for each refusal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    @cached_property
    def desk(self) -> str:
        return reverse("admin:index")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(API):
            room = request.path_info[len(API) :].partition("/")[0]
            is_asking = request.method == "GET" and room != "exports"
            return self.get_response(request) if room not in ROOMS or is_asking else self._by_key(request)
        answer = self.get_response(request)
        if answer.status_code == 403 and request.path_info.startswith(self.desk):
            user: Any = request.user
            if user.is_authenticated:
                changes.note(Change.Deed.REFUSED, request, words=f"{request.method} {request.path_info}")
        return answer

    def _by_key(self, request: HttpRequest) -> HttpResponseBase:
        found = _found(request)
        watched = WATCHED.get(getattr(found.func, "view_class", None)) if found is not None else None
        if found is None or watched is None or request.method not in watched.methods:
            return self.get_response(request)
        with contextlib.nullcontext() if watched.leaves else transaction.atomic():
            before = _row(watched, found.kwargs.get(watched.argument))
            was = changes.state_of(before) if before is not None else {}
            answer = self.get_response(request)
            if answer.status_code >= 500 and not watched.leaves:
                transaction.set_rollback(True)  # the answer says that nothing was changed
            elif answer.status_code < 300:
                _note(request, watched, found, before=before, was=was, answer=answer)
        return answer


def _found(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _row(watched: Watched, named: Any) -> Any:
    if named is None:
        return None
    rows: Any = watched.model._default_manager  # noqa: SLF001 - Django's documented way
    return rows.filter(**{watched.column: named}).first()


def _note(
    request: HttpRequest,
    watched: Watched,
    found: ResolverMatch,
    *,
    before: Any,
    was: changes.State,
    answer: HttpResponseBase,
) -> None:
    row = before or _row(watched, _in_answer(answer, watched.told))
    if row is None:
        return
    now = changes.state_of(row)
    words = f"Took the step “{step}”." if (step := found.kwargs.get("step")) else watched.words
    deed = watched.deed or _deed(was, now, words)
    changes.note(
        deed,
        request,
        thing=row,
        words=words,
        fields=changes.difference(changes.label_of(row), was, now),
        who=_key_of(request),
        door=Change.Door.API,
    )


def _deed(was: changes.State, now: changes.State, words: str) -> Change.Deed:
    if not now:
        return Change.Deed.DELETED
    if not was:
        return Change.Deed.ADDED
    return Change.Deed.DID if words else Change.Deed.CHANGED


def _in_answer(answer: HttpResponseBase, name: str) -> Any:
    if not name or not isinstance(answer, HttpResponse):
        return None
    said = json.loads(answer.content or b"null")
    return said.get(name) if isinstance(said, dict) else None


def _key_of(request: HttpRequest) -> str:
    """The key by its label and how it begins, as the page of keys shows it."""
    access: Any = getattr(request, "auth", None)
    if access is None:
        return ""
    key = ApiKey.objects.filter(pk=access.key_id).values_list("label", "prefix").first()
    return " ".join(part for part in (key[0], f"{key[1]}…") if part) if key else f"#{access.key_id}"
