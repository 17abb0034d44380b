"""What the pages of the desk share: columns and buttons, ledgers that are only read, words beside fields."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import (
    DecimalField,
    Expression,
    Field,
    FloatField,
    IntegerField,
    JSONField,
    Model,
    Q,
    QuerySet,
    SlugField,
    URLField,
)
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from catalog import moments
from catalog.desk_lists import BoundedPaginator, PreparedList

F = TypeVar("F", bound=Callable[..., Any])
told_time = moments.told_time
SLUG = _(
    "The short name for web addresses, files and the API, such as spring-sale. It is made from the name; leave it once others use it."
)


class Coloured(tuple[str, str]):
    """A value and its words: a list colours the words by the value, a form shows the words alone."""

    def __str__(self) -> str:
        return str(self[1])


class _Colours(dict[str, str]):
    """A colour for each value; what has none of its own is grey. Without it the theme shows the value, and not its words."""

    def __missing__(self, value: str) -> str:
        return "default"


def shown(
    words: str | Promise,
    *,
    order: str | Expression | None = None,
    label: Mapping[str, str] | bool | None = None,
    boolean: bool | None = None,
) -> Callable[[F], F]:
    """A method as a column: its heading, what it sorts by, and the colour of each value."""

    def mark(function: F) -> F:
        column = _coloured(function) if label else function
        colours = _Colours(label) if isinstance(label, Mapping) else label
        marked: F = display(description=words, ordering=order, label=colours, boolean=boolean)(column)
        return marked

    return mark


def _coloured(function: F) -> F:
    @wraps(function)
    def told(*args: Any) -> Any:
        value = function(*args)
        return Coloured(value) if isinstance(value, tuple) else value

    return told  # type: ignore[return-value]


def button(words: str | Promise, *, path: str, icon: str = "", needs: str = "act") -> Callable[[F], F]:
    """A method as a button above a list or a form, for whoever `has_<needs>_permission`."""

    def mark(function: F) -> F:
        marked: F = action(description=words, url_path=path, icon=icon or None, permissions=[needs])(function)
        return marked

    return mark


def bulk(words: str | Promise, *, needs: str = "change") -> Callable[[F], F]:
    """A method as a deed on the rows that are ticked in a list, for whoever `has_<needs>_permission`."""

    def mark(function: F) -> F:
        marked: F = action(description=words, permissions=[needs])(function)
        return marked

    return mark


@dataclass(frozen=True)
class Section:
    """A table under a form, or the sentence that stands there when it is empty."""

    title: str | Promise
    headers: Sequence[str | Promise]
    rows: Sequence[Sequence[Any]]
    empty: str | Promise = ""
    more: str = ""
    """Where all of them are."""

    @property
    def labelled(self) -> list[list[tuple[str | Promise, Any]]]:
        """Each cell with its heading, for where a row is put one under the other."""
        return [list(zip(self.headers, row, strict=False)) for row in self.rows]


def _back(request: HttpRequest, made: Any) -> HttpResponse | None:
    """To the desk's page from which somebody came to make this row, with what was made; None where they came from none."""
    address = request.GET.get("back", "")
    if not address.startswith(reverse("admin:index")) or "\\" in address:
        return None
    return HttpResponseRedirect(f"{address}{'&' if '?' in address else '?'}{urlencode({'made': made.pk})}")


class Page(ModelAdmin):  # type: ignore[misc]
    """A list and a form of the desk."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    warn_unsaved_form = True
    ordering: tuple[str, ...] = ("-id",)
    change_form_outer_after_template = "admin/desk/sections.html"
    list_before_template = "admin/desk/about.html"
    about: str | Promise = ""
    """What an empty list is for, and the first step to fill it."""

    linked: tuple[str, ...] = ()
    """Lookups other pages may link by, beside the filters."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """An address compares numbers only where a filter offers them: `?given__gte=12` tells what the page hides (N1)."""
        if lookup in self.linked:
            return True
        return not self._is_a_number(lookup.split("__")[0]) and bool(
            super().lookup_allowed(lookup, value, request)
        )

    def _is_a_number(self, name: str) -> bool:
        """Whether it is a column of numbers, or of JSON that may hold some, that no filter offers."""
        offered = {one[0] if isinstance(one, tuple | list) else one for one in self.list_filter}
        try:
            column = self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        is_number = isinstance(column, IntegerField | FloatField | DecimalField | JSONField)
        return is_number and not column.primary_key and name not in offered

    def list_links(self, request: HttpRequest) -> list[tuple[str | Promise, str]]:
        """What stands above the list beside its buttons, such as its rows as a file: (words, address)."""
        return []

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        context = {"list_links": self.list_links(request), **(extra_context or {})}
        answer: HttpResponseBase = super().changelist_view(request, context)
        return answer

    def rows_as_listed(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that the list shows for this address: searched, filtered and in order."""
        asked = request.GET.copy()
        asked.pop("view", None)  # the name of a view is none of a filter
        request.GET = asked  # type: ignore[assignment]
        rows: QuerySet[Any] = self.get_changelist_instance(request).get_queryset(request)
        return rows

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """An address typed without its scheme means https, as browsers read it; what a slug is for is told beside it."""
        if isinstance(db_field, URLField):
            kwargs.setdefault("assume_scheme", "https")
        if isinstance(db_field, SlugField) and not db_field.help_text:
            kwargs.setdefault("help_text", SLUG)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return PreparedList

    def has_act_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may press the page's buttons: whoever may change these rows, also where no form does."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        page: HttpResponse = _back(request, obj) or super().response_post_save_add(request, obj)
        return page

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        page: HttpResponse = _back(request, obj) or super().response_post_save_change(request, obj)
        return page

    def is_useful(self, name: str, row: Any) -> bool:
        """Whether the button would do something to this row now; where it would not, it is not shown."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        found: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id)) if found else None
        if row is None:
            return found
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [act for act in found if self.is_useful(act.action_name.removeprefix(prefix), row)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where every field is asked for exactly (`=`), each is asked by its own index.

        Django's way compares each row in capital letters, which took 13 s at ten million events.
        """
        fields, term = self.get_search_fields(request), search_term.strip()
        if not term or not fields or not all(name.startswith("=") for name in fields):
            found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
            return found
        rows: Any = queryset.model._default_manager  # noqa: SLF001 - Django's documented way
        parts = []
        for name in fields:
            # What cannot be a number or an id is none.
            with contextlib.suppress(ValueError, ValidationError):
                parts.append(rows.filter(self.is_exactly(name[1:], term)).order_by().values("pk"))
        if not parts:
            return queryset.none(), False
        return queryset.filter(pk__in=parts[0].union(*parts[1:]) if parts[1:] else parts[0]), False

    def is_exactly(self, name: str, term: str) -> Q:
        """What an exact search asks of the field; a page says it otherwise where the field has no index of its own."""
        return Q((name, term))

    def prepare(self, rows: Sequence[Any]) -> None:
        """Fill in, with a fixed number of queries, what the columns of these rows need."""

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        """The tables under a row's form."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        if (row := context.get("original")) is not None:
            context["sections"] = self.sections(request, row)
        page: TemplateResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def own_page(
        self, request: HttpRequest, template: str, *, title: str, row: Any = None, **context: Any
    ) -> TemplateResponse:
        """A page of this model's room that is neither its list nor its form."""
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "original": row,
            "row": row,
            **context,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, frame)


# What is kept as a code, and has no choices of its own by which Django would name it.
IN_WORDS = ("actor", "channel", "method", "outcome", "placement", "proven_by", "purpose", "source")


class ReadOnly(Page):
    """Rows that only the platform writes: they are looked at, never added, changed or deleted by hand."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fieldsets(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[tuple[Any, dict[str, Any]]]:
        """A code that the list puts into words stands in words on the row's own page, too; an empty {} as a dash."""
        found = super().get_fieldsets(request, obj)
        if obj is None:
            return found  # type: ignore[no-any-return]
        return [
            (title, {**rest, "fields": [self._told(one, obj) for one in rest["fields"]]})
            for title, rest in found
        ]

    def _told(self, name: Any, row: Model) -> Any:
        if isinstance(name, list | tuple):
            return tuple(self._told(one, row) for one in name)
        if name in IN_WORDS and hasattr(self, told := f"told_{name}"):
            return told
        column = next((one for one in self.opts.concrete_fields if one.name == name), None)
        return _dash(column) if isinstance(column, JSONField) and not getattr(row, name) else name


def _dash(column: JSONField) -> Callable[[Model], str]:
    @shown(column.verbose_name)
    def nothing(row: Model) -> str:
        return "–"

    return nothing


class Rows(TabularInline):  # type: ignore[misc]
    """Rows inside the page of what they belong to."""

    extra = 0
    show_change_link = False
    hide_title = True
