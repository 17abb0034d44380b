"""Which products look alike, from their pictures alone: nobody's behaviour is in it."""

from datetime import datetime
from typing import Any

import numpy as np

from recommender import pictures
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.visual import Visual
from recommender.evaluation import TooLittle
from recommender.models import Task, TrainingRun
from recommender.training.publishing import Progress, publish, retire


def looks(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    """Each pictured product's nearest, as a model of its own. Raises TooLittle for fewer than two pictures."""
    progress(0.0, "reading what was seen")
    products, what = pictures.looks()
    if len(products) < 2:
        retire(Task.LOOKS)
        raise TooLittle(f"{len(products)} products have a picture; see_pictures FOLDER reads pictures.")
    progress(0.2, "comparing pictures")
    none = np.empty(0, np.int64)
    nobody = Interactions(none, products, none, none, np.empty(0, np.float32), np.empty(0, np.float64))
    model = Visual().see(products, what).fit(nobody, at=0.0)
    version = publish(
        run,
        Task.LOOKS,
        model.name,
        model.parameters,
        # Without what was seen: thousands of numbers a product, which only learning needs.
        {name: value for name, value in model.state().items() if name not in ("pictured", "looks")},
        nobody,
        metrics={"pictures": len(products)},
        promote=True,
        reason="the newest pictures",
        at=at,
    )
    return {"model": version.pk, "pictures": len(products), "promoted": True}
