"""Algorithms by name, loaded when asked for: a live item model needs no scikit-learn in the web's memory."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from recommender.algorithms.base import Recommender

CLASSES: Mapping[str, str] = {
    "popularity": "popularity:Popularity",
    "frequency": "frequency:Frequency",
    "user_knn": "user_knn:UserKNN",
    "item_knn": "item_knn:ItemKNN",
    "item_knn_shared": "sharing:SharedItemKNN",
    "svd": "svd:SVD",
    "als": "als:ALS",
    "ease": "ease:EASE",
    "ease_sparse": "ease_sparse:EASESparse",
    "content": "content:Content",
    "visual": "visual:Visual",
    "hybrid": "hybrid:Hybrid",
    "slit": "slit:SLIT",
    "sequential_rules": "sequential_rules:SequentialRules",
    "session_knn": "session_knn:SessionKNN",
    "tifu_knn": "tifu_knn:TIFUKNN",
    "lstm": "deep:LSTM",
    "attention": "deep:SelfAttention",
}


class UnknownAlgorithm(ValueError):
    """No algorithm has this name."""


def make(name: str, parameters: Mapping[str, Any]) -> Recommender:
    """The algorithm `name` with these parameters (as `Recommender.parameters` gives them). Raises UnknownAlgorithm."""
    if name not in CLASSES:
        raise UnknownAlgorithm(f"no algorithm {name!r}; there are {', '.join(CLASSES)}")
    if name == "hybrid":
        parts = [
            (part.get("weight", 1.0), make(part["algorithm"], part["parameters"]))
            for part in parameters["components"]
        ]
        parameters = {"components": parts}
    module, _colon, class_name = CLASSES[name].partition(":")
    return cast(
        "Recommender", getattr(import_module(f"recommender.algorithms.{module}"), class_name)(**parameters)
    )
