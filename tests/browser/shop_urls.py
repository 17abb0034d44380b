"""Every address, with those of the demo's shop."""

from config import urls

handler403, handler404, handler500 = urls.handler403, urls.handler404, urls.handler500
urlpatterns = [*urls.urlpatterns, *urls.demo]
