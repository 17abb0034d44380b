"""Every address, with the demo shop's page of the consent widget."""

from django.urls import path

from config import urls
from customers import shop

handler403, handler404, handler500 = urls.handler403, urls.handler404, urls.handler500
urlpatterns = [*urls.urlpatterns, path("shop/consent/", shop.consent)]
