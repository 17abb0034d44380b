"""What waits for whoever runs the machines."""

from django.urls import reverse
from django.utils.translation import gettext as _

from config import condition
from config.home.need import Asking, Need


def machines(asking: Asking) -> list[Need]:
    """Parts of the installation that are not well. One query, with what else asks of the installation."""
    return [
        Need(f"{part.name}: {part.told}", _("Look"), reverse("admin:health"), part.state)
        for part in condition.amiss(asking.installation, asking.now)
    ]
