"""Rows for analysts as CSV and Parquet: by the shop's own ids, of those who allow analytics (docs/exports.md)."""

from campaigns.exports.asking import Gone, ask, fetch, is_waiting, sweep
from campaigns.exports.at_once import write_to
from campaigns.exports.datasets import Dataset, Span
from campaigns.exports.leaving import SomebodyLeft
from campaigns.exports.progress import is_silent, progress
from campaigns.exports.working import TooLate, cancel, claim, work, work_due
from campaigns.exports.writing import DATASETS, MEDIA_TYPES, write

__all__ = [
    "DATASETS",
    "MEDIA_TYPES",
    "Dataset",
    "Gone",
    "SomebodyLeft",
    "Span",
    "TooLate",
    "ask",
    "cancel",
    "claim",
    "fetch",
    "is_silent",
    "is_waiting",
    "progress",
    "sweep",
    "work",
    "work_due",
    "write",
    "write_to",
]
