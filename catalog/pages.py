"""What the pages of the desk share: lists that do not stall, ledgers that are only read, words beside columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core.paginator import Paginator
from django.db.models import Field, Model, QuerySet, URLField
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise, cached_property
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.views import ChangeList

F = TypeVar("F", bound=Callable[..., Any])


def told_time(moment: datetime | None) -> str:
    """A moment in the reader's manner and zone."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else "–"


def shown(
    words: str | Promise,
    *,
    order: str | None = None,
    label: Mapping[str, str] | bool | None = None,
    boolean: bool | None = None,
) -> Callable[[F], F]:
    """A method as a column: its heading, what it sorts by, and the colour of each value."""

    def mark(function: F) -> F:
        marked: F = display(description=words, ordering=order, label=label, boolean=boolean)(function)
        return marked

    return mark


def button(words: str | Promise, *, path: str, icon: str = "", needs: str = "act") -> Callable[[F], F]:
    """A method as a button above a list or a form, for whoever `has_<needs>_permission`."""

    def mark(function: F) -> F:
        marked: F = action(description=words, url_path=path, icon=icon or None, permissions=[needs])(function)
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


class PreparedList(ChangeList):  # type: ignore[misc]
    """A list whose page asks `prepare` once for what its rows show beside their own columns."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            # All are shown: else the theme offers to show them all.
            self.full_result_count = self.result_count
        self.model_admin.prepare(list(self.result_list))


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

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """An address typed without its scheme means https, as browsers read it."""
        if isinstance(db_field, URLField):
            kwargs.setdefault("assume_scheme", "https")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return PreparedList

    def has_act_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may press the page's buttons: whoever may change these rows, also where no form does."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

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


class ReadOnly(Page):
    """Rows that only the platform writes: they are looked at, never added, changed or deleted by hand."""

    actions = None
    linked: tuple[str, ...] = ()
    """Lookups other pages may link by, beside the filters."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.linked or bool(super().lookup_allowed(lookup, value, request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Rows(TabularInline):  # type: ignore[misc]
    """Rows inside the page of what they belong to."""

    extra = 0
    show_change_link = False
    hide_title = True
