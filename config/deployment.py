"""What `manage.py check --deploy` says of this installation besides what Django says."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error

from campaigns import checks


def the_sender(app_configs: Any, **_more: Any) -> Sequence[CheckMessage]:
    """An error for each thing that keeps marketing mail from being sent at all (U1)."""
    return [Error(problem, id="tact.E001") for problem in checks.problems_of_the_sender()]
