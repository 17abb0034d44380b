"""Is it alive, is it ready, and what is it doing: for machines that watch; for people in their Health page."""

import prometheus_client
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from campaigns.models import CampaignRun, Delivery
from config import condition
from recommender.models import TrainingRun


def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """The database answers, and the cache where one is set, and no index key is missing: 503 and which of them fails."""
    if not condition.database_answers():
        failing = ["database"]
    else:
        failing = [] if condition.index_keys_are_known() else ["index keys"]
    if not condition.cache_answers():
        failing.append("cache")
    return JsonResponse(
        {"status": "failing" if failing else "ok", "failing": failing}, status=503 if failing else 200
    )


class Waiting(Collector):
    """What waits in rows, counted when asked: two indexed counts, whatever the size of the shop."""

    def collect(self) -> list[GaugeMetricFamily]:
        deliveries = GaugeMetricFamily("tact_deliveries", "Deliveries by state", labels=["status"])
        for status in ("planned", "claimed", "transmitting", "retry", "unknown"):
            deliveries.add_metric([status], Delivery.objects.filter(status=status).count())
        runs = GaugeMetricFamily("tact_campaign_runs_open", "Runs that are not done")
        runs.add_metric([], CampaignRun.objects.filter(state__in=("due", "planning", "delivering")).count())
        trainings = GaugeMetricFamily("tact_trainings_waiting", "Trainings asked for and not begun")
        trainings.add_metric([], TrainingRun.objects.filter(state="waiting").count())
        return [deliveries, runs, trainings]


REGISTRY = prometheus_client.CollectorRegistry()
REGISTRY.register(Waiting())


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        prometheus_client.generate_latest(REGISTRY), content_type=prometheus_client.CONTENT_TYPE_LATEST
    )


def page(request: HttpRequest) -> HttpResponse:
    """Each part of the installation in words, and what to do; for whoever says who may log in."""
    if not request.user.has_perm("auth.view_user"):
        raise PermissionDenied
    parts = condition.parts(timezone.now())
    wrong = sum(part.state != condition.GOOD for part in parts)
    told = ngettext("%s part needs a look.", "%s parts need a look.", wrong) % wrong
    context = {
        **admin.site.each_context(request),
        "title": _("Health"),
        "parts": parts,
        "state": told if wrong else _("Everything runs."),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "admin/desk/health.html", context)
