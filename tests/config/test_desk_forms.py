"""Each field of the desk's forms may be emptied: it is taken so, or told at the field, and never breaks the page."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests import desk

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.django_db]


def as_sent(field: forms.BoundField) -> dict[str, Any]:
    """What a browser sends of the field as it is drawn."""
    value, widget = field.value(), field.field.widget
    if isinstance(widget, forms.MultiWidget):
        parts = value if isinstance(value, list) else widget.decompress(value)
        return {f"{field.html_name}_{n}": "" if part is None else str(part) for n, part in enumerate(parts)}
    if value is None or value is False:
        return {}
    if isinstance(value, list | tuple):
        return {field.html_name: [str(getattr(one, "pk", one)) for one in value]}
    return {field.html_name: "on" if value is True else str(value)}


def drawn(client: Client) -> Iterator[tuple[str, forms.BaseForm, dict[str, Any]]]:
    """(address, form, what it would send) of every page that adds a row, or changes the newest one."""
    for model in admin.site._registry:
        newest = model._default_manager.order_by("-pk").first()
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for page, rows in (("add", []), ("change", [newest.pk] if newest else None)):
            if rows is None:
                continue
            url = reverse(f"{name}_{page}", args=rows)
            answer = client.get(url)
            context = answer.context if answer.status_code == 200 else None
            if not context or "adminform" not in context or not context["adminform"].form.fields:
                continue
            form, sent = context["adminform"].form, {}
            for field in form:
                sent |= as_sent(field)
            for rest in context["inline_admin_formsets"]:
                for field in rest.formset.management_form:
                    sent |= as_sent(field)
            yield url, form, sent


def test_each_field_may_be_emptied(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    desk.shop(9)
    client = Client()
    client.force_login(User.objects.get(username="marta"))
    tried, broken = 0, []
    for url, form, sent in list(drawn(client)):
        for name, field in form.fields.items():
            for said in ("", "null") if isinstance(field, forms.JSONField) else ("",):
                keys = [key for key in sent if key.startswith(f"{name}_") and key not in form.fields] or [
                    name
                ]
                with transaction.atomic():
                    try:
                        with transaction.atomic():
                            client.post(url, {**sent, **dict.fromkeys(keys, said)})
                    except Exception as error:
                        broken.append((url, name, said, repr(error)))
                    transaction.set_rollback(True)
                tried += 1
    assert broken == []
    assert tried > 200
