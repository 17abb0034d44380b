"""What the pictures of products look like, in numbers."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Look(models.Model):
    """One product's picture as `algorithms.visual.seen` sees it. The picture itself is not kept."""

    product = models.OneToOneField(
        "catalog.Product",
        on_delete=models.CASCADE,
        related_name="look",
        verbose_name=_("product"),
    )
    seen = models.BinaryField(_("edges and colours, float16"))
    sha256 = models.CharField(_("SHA-256 of the picture's file"), max_length=64)
    at = models.DateTimeField(_("read"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("look"), _("looks")

    def __str__(self) -> str:
        return str(self.product)
