"""Is it alive, is it ready, and what is it doing: for machines that watch."""

import prometheus_client
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from campaigns.models import CampaignRun, Delivery
from customers import reindexing
from recommender.models import TrainingRun


def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """The database answers, and the cache where one is set, and no index key is missing: 503 and which of them fails."""
    failing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if reindexing.is_key_missing():
            failing.append("index keys")
    except DatabaseError:
        failing.append("database")
    if settings.REDIS_URL:
        try:
            cache.get("ready")
        except (OSError, RedisError):
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
