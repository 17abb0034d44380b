"""Categories as rows of a file: by their slug, each beneath another or none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_unicode_slug
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.definitions import Column, Refused
from catalog.models import Category

LONGEST = 200


class Categories:
    columns = (
        Column("slug", gettext_lazy("by which it is known; letters, digits, - and _"), must=True),
        Column("name", gettext_lazy("its name, which no other has"), must=True),
        Column("parent", gettext_lazy("the slug of the category above it; empty: none")),
    )

    def known(self, slugs: Sequence[str]) -> dict[str, Category]:
        held = Category.objects.select_for_update(of=("self",)).select_related("parent").order_by("pk")
        return {row.slug: row for row in held.filter(slug__in=slugs)}

    def told(self, thing: Category) -> dict[str, Any]:
        return {
            "slug": thing.slug,
            "name": thing.name,
            "parent": thing.parent.slug if thing.parent is not None else None,
        }

    def read(self, said: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
        wrong, found = {}, dict(said)
        for name, value in said.items():
            if value is not None and not isinstance(value, str):
                wrong[name] = _("is no text")
            elif len(value or "") > LONGEST:
                wrong[name] = _("is longer than %s characters") % LONGEST
            else:
                found[name] = (value or "").strip() or None
        if "name" in said and not found["name"]:
            wrong["name"] = _("must be there")
        if is_new and "slug" not in wrong and not _is_slug(str(found["slug"])):
            wrong["slug"] = _("only letters, digits, - and _")
        if wrong:
            raise Refused(wrong)
        return found

    def save(self, thing: Category | None, said: dict[str, Any]) -> Category:
        """Its parent may stand further down: that is for `settle`."""
        row = thing or Category(slug=said["slug"])
        row.name = said.get("name", row.name)
        # Asked of the database and not of an error: that would end the transaction on PostgreSQL.
        if Category.objects.filter(name=row.name).exclude(pk=row.pk).exists():
            raise Refused({"name": _("another category has this name")})
        row.save()
        return row

    def settle(self, things: Sequence[tuple[Any, dict[str, Any]]]) -> Iterator[tuple[int, Refused]]:
        wanted = [
            (place, row, said["parent"]) for place, (row, said) in enumerate(things) if "parent" in said
        ]
        above = {
            row.slug: row
            for row in Category.objects.filter(slug__in=[slug for *_row, slug in wanted if slug])
        }
        for place, row, slug in wanted:
            if slug is not None and slug not in above:
                yield place, Refused({"parent": _("there is no category “%s”") % slug})
                continue
            row.parent = above[slug] if slug else None
            row.save(update_fields=["parent"])
        if wanted:
            parents = dict(Category.objects.values_list("pk", "parent_id"))
            for place, row, _slug in wanted:
                if _is_beneath_itself(row.pk, parents):
                    yield place, Refused({"parent": _("it would stand beneath itself")})


def _is_slug(text: str) -> bool:
    try:
        validate_unicode_slug(text)
    except ValidationError:
        return False
    return True


def _is_beneath_itself(pk: int, parents: Mapping[int, int | None]) -> bool:
    seen, at = {pk}, parents.get(pk)
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at == pk
