"""Every page of the desk that is asked by GET: for those who open all of them."""

import contextlib
from collections.abc import Iterator

from django.contrib import admin
from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from campaigns.models import Campaign, Offer
from config import papers
from customers.models import Customer, Jurisdiction
from recommender.models import ModelVersion

STEPS = ("approve", "launch", "recall", "revise", "pause", "resume", "cancel", "archive")


def pages() -> Iterator[tuple[str, list[str]]]:
    """(name, addresses) of each page, about the newest row; the first address that answers is the page's.

    Where none answers it is a form of what only the platform adds, or a deed that is asked by POST.
    """
    yield "home", [reverse("admin:index")]
    for url in admin.site.extra_urls():  # type: ignore[attr-defined]
        if url.name == "paper":
            yield from ((f"papers {slug}", [reverse("admin:paper", args=[slug])]) for slug in papers.MAKERS)
        elif url.name != "language":
            yield str(url.name), _addresses(url.name)
    campaigns = Campaign.objects.order_by("-pk")
    running = campaigns.filter(status=Campaign.Status.RUNNING).first()
    for step in STEPS:
        yield (
            f"campaigns.campaign {step}",
            [reverse("admin:campaigns_campaign_step", args=[row.pk, step]) for row in campaigns[:1]],
        )
    way = campaigns.filter(kind=Campaign.Kind.JOURNEY).first()
    for model, page in admin.site._registry.items():
        row = model._default_manager.order_by("-pk").first()
        name = f"{model._meta.app_label}.{model._meta.model_name}"
        for url in page.get_urls():
            short = (url.name or "").removeprefix(name.replace(".", "_")).lstrip("_")
            if short and short not in ("delete", "history"):
                yield f"{name} {short}", _addresses(url.name, row, campaigns.first(), running, way)


def main(row: Campaign, draft: Campaign, way: Campaign) -> dict[str, str]:
    """The pages that a marketer sees daily, of a campaign that runs, one that is begun, and a journey: name -> address."""
    audience, message = row.audiences.get(), row.message
    person = Customer.objects.order_by("pk")[1]
    law, offer = Jurisdiction.objects.get(code="US-CA"), Offer.objects.earliest("pk")
    assert message is not None
    return {
        "home": reverse("admin:index"),
        "segments": reverse("admin:campaigns_segment_changelist"),
        "segment": reverse("admin:campaigns_segment_change", args=[audience.segment_id]),
        "campaigns": reverse("admin:campaigns_campaign_changelist"),
        "campaign": reverse("admin:campaigns_campaign_change", args=[row.pk]),
        "draft": reverse("admin:campaigns_campaign_change", args=[draft.pk]),
        "cancel": reverse("admin:campaigns_campaign_step", args=[row.pk, "cancel"]),
        "calendar": reverse("admin:campaigns_campaign_calendar"),
        "journey": reverse("admin:campaigns_journeyversion_of", args=[way.pk]),
        "report": reverse("admin:campaigns_campaign_report", args=[row.pk]),
        "messages": reverse("admin:campaigns_message_changelist"),
        "message": reverse("admin:campaigns_message_change", args=[message.pk]),
        "preview": reverse("admin:campaigns_message_preview", args=[message.pk]) + "?customer=p001",
        "offer": reverse("admin:campaigns_offer_add"),
        "forecast": reverse("admin:campaigns_offer_forecast", args=[offer.pk]) + "?now=1",
        "customers": reverse("admin:customers_customer_changelist"),
        "customer": reverse("admin:customers_customer_change", args=[person.pk]),
        "ledger": reverse("admin:customers_checkpoint_verify"),
        "law": reverse("admin:customers_jurisdiction_change", args=[law.pk]),
        "placement": reverse("admin:recommender_placement_add"),
        "model": reverse(
            "admin:recommender_modelversion_change", args=[ModelVersion.objects.latest("pk").pk]
        ),
        "trainings": reverse("admin:recommender_trainingrun_changelist"),
        "train": reverse("admin:recommender_trainingrun_train"),
    }


def _addresses(name: str, *rows: Model | None) -> list[str]:
    """The addresses that a page of this name may have: about nothing, or about one of these rows."""
    found = []
    for arguments in ((), *((row.pk,) for row in rows if row is not None)):
        with contextlib.suppress(NoReverseMatch):
            found.append(reverse(f"admin:{name}", args=arguments))
    return list(dict.fromkeys(found))
