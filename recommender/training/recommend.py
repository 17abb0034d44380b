"""Choose on the validation month, measure on the last one, and let the better of the chosen and the live one serve."""

from datetime import datetime
from functools import partial
from typing import Any

from customers import consent
from recommender import evaluation
from recommender.algorithms.compare import Candidate, Row, difference, measure, measure_apart
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL, FLOORS
from recommender.algorithms.weighing import by_mode
from recommender.evaluation import TooLittle
from recommender.models import ModelVersion, Task, TrainingRun
from recommender.training import renewal
from recommender.training.expected import calibrated
from recommender.training.publishing import Progress, publish, retire

STRANGERS = BY_LABEL["popularity_30d"]
"""What strangers see."""


def recommend(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    """Choose on the validation month, measure on the last one, and let the better of the chosen and the live one serve.

    Whatever comes of it, what serves afterwards is learnt from those who allow it now: a live model that stays is
    learnt anew, so nobody who has left is still in it (D4).
    """
    progress(0.0, "reading what people did")
    known_consents = consent.newest_record()  # before anything is read: renewal finds who leaves from now on
    bought = evaluation.learnable(at=at)
    candidates = evaluation.candidates_for(bought, run.algorithms)
    texts = evaluation.texts()
    live = ModelVersion.objects.filter(task=Task.RECOMMEND, state=ModelVersion.State.LIVE).first()
    incumbent = Candidate(live.metrics["label"], live.algorithm, live.parameters) if live else None
    if incumbent is not None and not evaluation.can_learn(incumbent, bought):
        incumbent = None  # the catalogue has outgrown it: there is nothing to compare with
    learn = partial(_learn, run, bought, texts=texts, at=at)
    try:
        divided = evaluation.divide(bought, "global")
        ranked = evaluation.choose(
            bought,
            candidates,
            progress=lambda share, step: progress(share * 0.6, step),
            check=progress.check,
        )
    except TooLittle as reason:
        known = _known(bought, known_consents, at=at)
        _learn_popular(run, bought, known, {}, at=at)
        if live is not None and incumbent is not None and len(bought):
            learn(known, incumbent, live.metrics, f"stays, learnt anew; {reason}")
        else:
            retire(Task.RECOMMEND)
        raise
    chosen = by_mode({target: rows[0].candidate for target, rows in ranked.items()})
    by_label = {candidate.label: candidate for candidate in (*FLOORS, chosen)}
    apart = {}
    for place, (label, candidate) in enumerate(by_label.items()):
        progress(0.65 + 0.1 * place / len(by_label), f"the held-out month: {label}")
        apart[label] = measure_apart(candidate, divided, texts=texts, check=progress.check)
    test = {label: rows["all"] for label, rows in apart.items()}
    against = None
    if incumbent is not None:
        # A live model's row names every parameter, a candidate only those that differ from the defaults.
        same = (chosen.algorithm, chosen.make().parameters) == (incumbent.algorithm, incumbent.parameters)
        progress(0.75, f"the held-out month: the live {incumbent.label}")
        against = (
            test[chosen.label] if same else measure(incumbent, divided, texts=texts, check=progress.check)
        )
    for_strangers = test.get(STRANGERS.label) or measure(
        STRANGERS, divided, texts=texts, check=progress.check
    )
    verdict = evaluation.gate(test[chosen.label], against, test["popularity"])
    serves = chosen if verdict.promote else incumbent
    worth = {} if serves is None else calibrated(serves, bought, progress, texts=texts, at=at)
    progress(0.8, "learning from everything")
    known = _known(bought, known_consents, at=at)
    metrics: dict[str, Any] = {
        "label": chosen.label,
        "test": [row.as_dict() for row in test.values()],
        "validation": [row.as_dict() for row in ranked["all"]],
        "against_floor": _against("popularity", test[chosen.label], test["popularity"]),
    }
    if live is not None and against is not None and against is not test[chosen.label]:
        metrics["against_live"] = {
            "model": live.pk,
            **_against(live.metrics["label"], test[chosen.label], against),
        }
    for target in ("again", "new"):
        metrics[f"test_{target}"] = [rows[target].as_dict() for rows in apart.values()]
        metrics[f"validation_{target}"] = [row.as_dict() for row in ranked[target]]
    measured = {**metrics, "expected": worth} if verdict.promote else metrics
    version = learn(known, chosen, measured, verdict.reason, promote=verdict.promote)
    if incumbent is not None and against is not None and not verdict.promote:
        rows = (test | {incumbent.label: against}).values()
        kept = {
            **{name: figures for name, figures in metrics.items() if name != "against_live"},
            "label": incumbent.label,
            "test": [row.as_dict() for row in rows],
            "against_floor": _against("popularity", against, test["popularity"]),
            "expected": worth,
        }
        learn(known, incumbent, kept, f"stays, learnt anew; {chosen.label} was refused")
    elif not verdict.promote:
        retire(Task.RECOMMEND)
    # Last: a training that is called off while it learns has changed nothing.
    strangers = {
        "label": STRANGERS.label,
        "test": [row.as_dict() for row in (for_strangers, test["popularity"])],
        "against_floor": _against("popularity", for_strangers, test["popularity"]),
    }
    _learn_popular(run, bought, known, strangers, at=at)
    return {
        "model": version.pk,
        "algorithm": chosen.label,
        "promoted": verdict.promote,
        "reason": verdict.reason,
        **metrics,
    }


def _against(name: str, row: Row, other: Row) -> dict[str, Any]:
    """The difference of NDCG@10 on the same people, with its 95 % interval."""
    mean, low, high = (round(value, 4) for value in difference(row, other))
    return {"algorithm": name, "difference": mean, "low": low, "high": high}


def _known(bought: Interactions, consents_until: int, *, at: datetime) -> dict[str, Any]:
    """What renewal will ask the model's row: until where the ledger was read, and which file holds the acts."""
    return {"consents_until": consents_until, **renewal.keep_acts(bought, at=at)}


def _learn(
    run: TrainingRun,
    bought: Interactions,
    known: dict[str, Any],
    candidate: Candidate,
    metrics: dict[str, Any],
    reason: str,
    *,
    texts: dict[int, str],
    at: datetime,
    promote: bool = True,
) -> ModelVersion:
    day = float(bought.days.max())  # the clock of the data: a file of last year was new at its own end
    model = candidate.make().fit(bought, at=day, texts=texts)
    return publish(
        run,
        Task.RECOMMEND,
        candidate.algorithm,
        dict(model.parameters),
        model.state(),
        bought,
        metrics=metrics,
        promote=promote,
        reason=reason,
        at=at,
        **known,
    )


def _learn_popular(
    run: TrainingRun, bought: Interactions, known: dict[str, Any], metrics: dict[str, Any], *, at: datetime
) -> None:
    """What strangers see needs no gate: it is the floor itself."""
    if not len(bought):
        retire(Task.POPULAR)
        return
    day = float(bought.days.max())
    strangers = STRANGERS.make().fit(bought, at=day)
    publish(
        run,
        Task.POPULAR,
        strangers.name,
        dict(strangers.parameters),
        strangers.state(),
        bought,
        metrics=metrics,
        promote=True,
        reason="what strangers see",
        at=at,
        **known,
    )
