"""What Django alone costs under the same gunicorn: one view that answers a constant, one that inserts a batch."""

import orjson
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from customers.models import Event


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b'{"items":[]}', content_type="application/json")


def insert(request: HttpRequest) -> HttpResponse:
    """The same rows as our own door keeps, for one known customer, with no question asked."""
    now, (customer, product) = timezone.now(), map(int, request.GET["ids"].split(","))
    rows = [
        Event(
            customer_id=customer,
            product_id=product,
            type=body["type"],
            occurred_at=parse_datetime(body["occurred_at"]),
            received_at=now,
            source="bare",
            message_id=body["message_id"],
            basis="consent",
            consent_record_id=1,
        )
        for body in orjson.loads(request.body)["batch"]
    ]
    with transaction.atomic():
        Event.objects.bulk_create(rows, ignore_conflicts=True)
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("constant", constant), path("insert", insert)]
settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
application = get_wsgi_application()
