"""A text to begin a data protection impact assessment with (GDPR 35(7)), filled with what this installation does."""

from datetime import datetime

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from catalog.models import Product
from config.papers import datamap, facts, register
from config.papers.page import Paper, Part, Table, about, listed, told_people
from customers import purposes
from customers.models import Checkpoint, Event, SensitiveAttribute


def paper(*, at: datetime) -> Paper:
    """Some thirty queries, whatever the size."""
    counted = facts.counted()
    return Paper(
        "dpia",
        _(
            "Article 35 of the GDPR. This is a beginning: what the platform knows of itself is filled in; the "
            "judgement, and the answers to the last part, are the controller's and the officer's. Engineering, not "
            "legal advice."
        ),
        at,
        [
            _needed(counted),
            _what_is_done(counted),
            _models(),
            _decisions(),
            _necessity(),
            _risks(),
            register.safeguards(),
            _questions(),
        ],
        counted.at,
    )


def _needed(counted: facts.Counted) -> Part:
    learnt = facts.live_models()
    rows = [
        [
            _("Evaluation or scoring"),
            _("yes: interests, groups and scores of people") if learnt else _("not now: no model is live"),
        ],
        [
            _("Automated decisions with legal or similar effect"),
            _("no: which products, offers and messages, never an order or an account"),
        ],
        [_("Systematic monitoring"), _("yes, of behaviour in the shop, for those who allow it")],
        [_("Large scale"), told_people(_("%s people"), counted.people)],
        [
            _("Datasets that are brought together"),
            _("the shop's own events, and messages' opens and clicks for those who allow it"),
        ],
        [
            _("Sensitive data"),
            listed(facts.sensitive_uses()) if facts.sensitive_uses() else _("none is declared to be used"),
        ],
        [_("New technology"), _("recommender models, uplift and bandits")],
    ]
    return Part(
        _("Is one needed?"),
        words=[
            _(
                "The guidelines (WP 248 rev. 01) ask for one where two or more of these hold. Scoring and monitoring "
                "together are two."
            )
        ],
        table=Table([_("Criterion"), _("Here")], rows),
    )


def _what_is_done(counted: facts.Counted) -> Part:
    rows = [
        [str(purpose.title), str(purpose.allows), told_people("%s", counted.allowing.get(slug))]
        for slug, purpose in purposes.PURPOSES.items()
    ]
    return Part(
        _("What is done, and why (35(7)(a))"),
        words=[
            _(
                "A shop tells the platform of its products, its customers and what they do. The platform works out what "
                "suits whom, and writes to those who allow it."
            ),
            told_people(_("%s people are known."), counted.people),
            _("The register of processing and the data map say this in full."),
        ],
        table=Table([_("Purpose"), _("What it allows"), _("People who allow it")], rows),
    )


def _models() -> Part:
    rows = [
        [
            model.get_task_display(),
            model.algorithm,
            about(model.people),
            date_format(model.trained_until, "SHORT_DATE_FORMAT"),
        ]
        for model in facts.live_models()
    ]
    return Part(
        _("Models in use"),
        words=[
            _(
                "They learn only from people who allow personalization. Who withdraws or is erased is out of serving at "
                "once and out of what was learnt within a day (D4)."
            )
        ],
        table=Table(
            [_("Task"), _("Algorithm"), _("People it learnt from"), _("Until")],
            rows,
            _("No model is live: everyone sees the same products."),
        ),
    )


def _decisions() -> Part:
    yes, no = _("yes"), _("no")
    live = {model.task for model in facts.live_models()}
    acting = list(facts.campaigns())
    channels = sorted({str(Campaign.Channel(one.channel).label) for one in acting})
    rows = [
        [_("Which products are shown"), yes if "recommend" in live else no, _("personalization off: the same list as strangers")],
        [_("What a person likes and will do (interests, groups, scores)"), yes if live & {"interests", "clusters", "propensity"} else no, _("personalization off: deleted; each can be refused")],
        [_("Who gets a campaign, and which offer"), listed(channels) if acting else no, _("the purpose of that channel off, or the topic left")],
        [_("In which order offers stand, from what worked"), yes if facts.learning_places() else no, _("personalization off: the order somebody set")],
        [_("Which variant of a message, more of what works"), yes if any(one.allocation == Campaign.Allocation.BANDIT for one in acting) else no, _("drawn by chance; the purpose of the channel off")],
        [_("At what hour a message comes"), yes if any(one.send_time == Campaign.SendTime.BEST_HOUR for one in acting) else no, _("quiet hours hold in any case")],
        [_("Who is left in peace, to measure what campaigns do"), yes if facts.has_holdout() else no, _("it takes nothing away but messages")],
    ]  # fmt: skip
    return Part(
        _("Decisions made by the platform"),
        words=[
            _(
                "None has a legal effect or one like it (GDPR 22): orders, accounts and prices of products are the "
                "shop's. Benefits of offers differ between people and may depend only on published attributes (C15)."
            )
        ],
        table=Table([_("Decision"), _("In use"), _("How a person is left out")], rows),
    )


def _necessity() -> Part:
    return Part(
        _("Necessity and proportion (35(7)(b))"),
        points=[
            _(
                "Each purpose is asked apart and is off until the person answers, where the law asks first; refusing any blocks no order (C4)."
            ),
            _(
                "Personal fields are opened only to write a message, for the person's own page, and on that person's page of the desk."
            ),
            _("Models get numbers of people and products, no names, addresses or attributes."),
            _("Who does not allow it gets the same lists as a stranger (C14)."),
            _("People see what is held, take it along, correct it and erase it without a login (D1, D2)."),
        ],
    )


def _risks() -> Part:
    rows = [
        [_("A message after a no"), _("the gate is asked in the commit that begins to send (C3); audit_consent recomputes all of it (C2)"), "C2, C3, U5"],
        [_("Somebody reads what is not theirs"), _("sealed fields, scoped keys, tokens of one person, pages nobody stores"), "S1, S6, S7"],
        [_("A database or backup leaks"), _("without the master key of the environment no name or address can be read"), "S7, D3"],
        [_("An erased person comes back"), _("the suppression list and the journal of erasures outlive a restored backup"), "C9, D3"],
        [_("People are told something untrue of themselves"), _("each guess can be refused and is not worked out again"), "C14"],
        [_("Some groups get worse offers"), _("published attributes only; ratios by group are looked at before approval"), "C15, N3"],
        [_("A report gives somebody away"), _("no small cells; private releases have a budget"), "N1, N2"],
        [_("The record of consent is changed"), _("hash chains, and checkpoints outside the database"), "L1, L2, L3"],
        [_("People are written to too often"), _("caps, quiet hours, and each person's own choice of how often"), "R5, R6"],
    ]  # fmt: skip
    return Part(
        _("Risks to people, and what is done about them (35(7)(c) and (d))"),
        words=[_("How likely and how grave each is for these people is the controller's to judge.")],
        table=Table([_("Risk"), _("What is done"), _("Rules")], rows),
    )


def questions() -> list[str]:
    """What the officer has to answer, read from how this installation stands. Nine queries at most."""
    found = [
        _("Was the officer's advice sought, and were the people asked what they think (GDPR 35(2) and (9))?"),
        _("Is there a contract with the mail server %s (GDPR 28), and in which country does it stand?")
        % facts.mail_server(),
    ]
    if hosts := facts.webhook_hosts():
        found.append(
            _("Is there an agreement with each partner (%s), and in which country does each stand?")
            % listed(hosts)
        )
    for purpose, places in facts.silent_yes().items():
        told = {"purpose": datamap.title_of(purpose), "places": listed(places)}
        found.append(
            _("“%(purpose)s” counts as allowed by silence in: %(places)s. Is that still the law there?")
            % told
        )
    if Event.objects.exists():
        found.append(_("What people did is kept until they are erased. For how long is it really needed?"))
    if not SensitiveAttribute.objects.exists():
        found.append(
            _("No attribute of people is declared sensitive. Does the shop send none that is (GDPR 9)?")
        )
    elif uses := facts.sensitive_uses():
        found.append(
            _("Sensitive attributes are used by leave: %s. On which exception of GDPR 9(2) does each rest?")
            % listed(uses)
        )
    if Product.objects.exists():
        found.append(
            _(
                "Do products or categories tell of health, faith, politics or sexual life? Then looking at them does too."
            )
        )
    if not settings.POSTAL_ADDRESS:
        found.append(_("No postal address is set: no marketing mail can be approved."))
    if not settings.HTTPS:
        found.append(_("The public address is not https: is this an installation for trying things out?"))
    if not Checkpoint.objects.exists():
        found.append(
            _("No checkpoint of the ledger lies outside the database yet. Is the scheduler running?")
        )
    found.append(
        _("Audiences up to %s people are approved by whoever made them. Is that low enough?")
        % f"{settings.APPROVAL_ABOVE:,}"
    )
    return found


def _questions() -> Part:
    return Part(_("Questions for the officer"), points=questions())
