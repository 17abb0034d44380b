"""Pages of lists that are walked by a number."""

from typing import Any

from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

LONGEST_NUMBER = 1000


class NumberedPages(CursorPagination):
    """A cursor that anybody may have written holds a number or leads nowhere."""

    def decode_cursor(self, request: Request) -> Any:
        cursor: Any = super().decode_cursor(request)
        place = cursor.position if cursor is not None else None
        if place is not None and not (place.isdecimal() and len(place) <= LONGEST_NUMBER):
            raise exceptions.NotFound(self.invalid_cursor_message)
        return cursor

    def get_page_size(self, request: Request) -> int | None:
        """Raises ValidationError for a size that is no number; a number beyond the most is the most."""
        name = self.page_size_query_param
        asked = request.query_params.get(name, "1") if name else "1"
        if not (asked.isdecimal() and int(asked[:LONGEST_NUMBER]) > 0):
            raise exceptions.ValidationError({str(name): ["A whole number from 1."]})
        return super().get_page_size(request)
