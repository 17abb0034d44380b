"""What would fail for someone, found when a message is saved: by part, language and line."""

from collections.abc import Iterator

from django.utils import translation
from django.utils.translation import gettext as _

from campaigns import liquid_templates
from campaigns.liquid_templates import Aborted, Problem, TemplateFailed
from campaigns.messages import addresses
from campaigns.messages.made import fill_in, made
from campaigns.messages.markup import around_the_way_out, read
from campaigns.messages.samples import sample_contexts
from campaigns.messages.wording import LANGUAGES
from campaigns.models import Message

PARTS = ("subject", "preheader", "body", "text")


def written(message: Message) -> Iterator[tuple[str, str, str, str]]:
    """Every part as it stands: its label, its name, its language (empty for the original) and its source."""
    for language, parts in {"": {}, **message.translations}.items():
        for name in PARTS:
            source = parts.get(name, "") if language else getattr(message, name)
            yield f"{name} ({language})" if language else name, name, language, source


def check(message: Message) -> list[Problem]:
    """What would fail for someone, by part and line; empty when the message is sound."""
    contexts = sample_contexts()
    unknown = [language for language in message.translations if language not in LANGUAGES]
    found = [
        Problem(
            "translations",
            0,
            _("“%(language)s” is not one of %(known)s") % {"language": name, "known": ", ".join(LANGUAGES)},
        )
        for name in unknown
    ]
    for label, name, language, source in written(message):
        if language in unknown:
            continue
        wrong = liquid_templates.problems(label, source, contexts, escape=name == "body")
        if name == "body":
            wrong += _markup_problems(label, source, is_mjml=message.format == Message.Format.MJML)
        found += sorted(wrong, key=lambda problem: problem.line)
    return found or _whole_problems(message)


def _markup_problems(label: str, source: str, *, is_mjml: bool) -> list[Problem]:
    reading = read(source, is_mjml=is_mjml) if source else None
    if reading is None:
        return []
    found = [Problem(label, fault.line, fault.text) for fault in reading.faults]
    for link in reading.links:
        if wrong := addresses.fault(link.address):
            found.append(Problem(label, link.line, wrong))
    return found


def _whole_problems(message: Message) -> list[Problem]:
    """Parts that are sound by themselves and make no whole."""
    for language in dict.fromkeys(("en", *message.translations)):
        label = f"body ({language})" if language in message.translations else "body"
        with translation.override(language):
            for context in sample_contexts():
                try:
                    words = fill_in(message, made(message, language), dict(context), language)
                except TemplateFailed as failed:
                    return [Problem(label, 0, str(failed))]
                except Aborted:
                    continue
                if around := around_the_way_out(words.html):
                    told = _("<%s> is not closed: the way out would stand inside it.") % around[-1]
                    return [Problem(label, 0, told)]
    return []
