"""Where messages lead: the preference page, links and pictures."""

from django.urls import path

from campaigns import views

urlpatterns = [
    path("preferences/<str:token>/", views.Preferences.as_view(), name="preferences"),
    path("c/<str:token>", views.Click.as_view(), name="click"),
    path("o/<str:token>.gif", views.Open.as_view(), name="open"),
]
