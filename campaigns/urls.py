"""Where messages lead: the preference page, links and pictures; and where their fate is reported."""

from django.urls import path

from campaigns import hooks, openly, views

urlpatterns = [
    path("preferences/<str:token>/", views.Preferences.as_view(), name="preferences"),
    path("fairness/", openly.Fairness.as_view(), name="fairness"),
    path("c/<str:token>", views.Click.as_view(), name="click"),
    path("o/<str:token>.gif", views.Open.as_view(), name="open"),
    path("hooks/<slug:provider>/", hooks.hook, name="hook"),
]
