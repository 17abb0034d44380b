"""Lists of the desk that do not stall: counted so far, prepared at once, and asked for what a column can hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `most` rows, so that a list opens as fast at a million; beyond that, filter or search."""

    most = 10_000
    template_name = "admin/desk/pagination.html"

    @cached_property
    def counted(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: self.most + 1].count()
        return len(rows)

    @cached_property
    def count(self) -> int:
        return min(self.counted, self.most)

    @property
    def is_cut(self) -> bool:
        return self.counted > self.most


@contextmanager
def _of_what_can_be() -> Iterator[None]:
    """A number that no column holds, or a year that no calendar has, is a wrong question, as the admin tells it."""
    try:
        yield
    except (OverflowError, DataError) as error:
        raise IncorrectLookupParameters(error) from error


class PreparedList(ChangeList):  # type: ignore[misc]
    """A list whose page asks `prepare` once for what its rows show beside their own columns."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        with _of_what_can_be():
            rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return rows

    def get_results(self, request: HttpRequest) -> None:
        with _of_what_can_be():
            super().get_results(request)
        if not self.query and not self.has_active_filters:
            # All are shown: else the theme offers to show them all.
            self.full_result_count = self.result_count
        self.model_admin.prepare(list(self.result_list))
