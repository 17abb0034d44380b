"""What Django alone costs under the same gunicorn: one view that answers a constant."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b'{"items":[]}', content_type="application/json")


urlpatterns = [path("constant", constant)]
settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
application = get_wsgi_application()
