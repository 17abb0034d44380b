"""Groups of people who behave alike, found and written down."""

from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.models import Category
from customers import consent
from recommender import evaluation
from recommender.algorithms.clusters import Clusters
from recommender.evaluation import TooLittle
from recommender.models import ClusterMembership, Task, TrainingRun
from recommender.training.interests import categories
from recommender.training.publishing import Progress, bulk, publish


def clusters(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    progress(0.0, "reading what people did")
    known_consents = consent.newest_record()
    bought, category_of = evaluation.learnable(at=at), categories()
    day = float(bought.days.max(initial=0.0))
    progress(0.3, "finding groups")
    try:
        model = Clusters().fit(bought, category_of, at=day)
    except ValueError as reason:
        raise TooLittle(str(reason)) from reason
    groups = model.assign(bought, category_of, at=day)
    names = dict(Category.objects.values_list("pk", "name"))
    described = {
        str(group): {"people": int((groups == group).sum()), "marks": model.marks(group, names)}
        for group in range(len(model.centers_))
    }
    names_of = ("silhouette", "silhouette_low", "silhouette_high", "silhouette_by_chance")
    figures = zip(names_of, model.silhouette_.tolist(), strict=True)
    metrics = {**{name: round(value, 4) for name, value in figures}, "clusters": described}
    version = publish(
        run, Task.CLUSTERS, "clusters", model.parameters, model.state(), bought,
        metrics=metrics, promote=True, reason="newest behaviour", at=at, consents_until=known_consents,
    )  # fmt: skip
    with transaction.atomic():
        ClusterMembership.objects.all().delete()
        bulk(
            ClusterMembership(customer_id=int(user), cluster=int(group), model=version)
            for user, group in zip(bought.users, groups, strict=True)
        )
        # Whoever said no while this was learnt keeps no row either.
        ClusterMembership.objects.exclude(consent.may("personalization", person="customer_id")).delete()
    return {"model": version.pk, **metrics}
