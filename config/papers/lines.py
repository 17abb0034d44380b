"""What each kind of row about people is for. Whoever adds a model says here whether it is about a person (D6)."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Reason:
    """Why rows are kept that no purpose of the registry asks about."""

    title: Promise
    allows: Promise
    basis: Promise


@dataclass(frozen=True)
class Line:
    """What rows tell, and what for: slugs of the purposes' registry or of BEYOND."""

    what: Promise
    reasons: tuple[str, ...]
    after_erasure: Promise | None = None
    """Said for rows that no foreign key leads from to a person; elsewhere it is read from the models."""


BEYOND: dict[str, Reason] = {
    "contract": Reason(
        _("Fulfil orders"),
        _("taking orders in, giving codes and honouring them at the till"),
        _("contract (GDPR 6(1)(b))"),
    ),
    "proof": Reason(
        _("Prove what people allowed"),
        _("keeping every answer so that it can be shown"),
        _("legal obligation (GDPR 6(1)(c), 5(2), 7(1))"),
    ),
    "refusal": Reason(
        _("Leave people in peace"),
        _("knowing who must not be written to, how often, and about what"),
        _("legal obligation (GDPR 6(1)(c), 21(3))"),
    ),
    "rights": Reason(
        _("Answer what people demand"),
        _("taking requests in, doing what they ask, and proving it"),
        _("legal obligation (GDPR 6(1)(c), 12 to 22)"),
    ),
    "operation": Reason(
        _("Run safely"),
        _("finding a person again, answering a repeated request alike, knowing what staff did"),
        _("legitimate interest (GDPR 6(1)(f))"),
    ),
}

LINES: dict[str, Line] = {
    "catalog.Review": Line(_("what a person wrote about a product"), ("contract", "personalization")),
    "customers.Customer": Line(
        _("name, addresses, and what the shop said of a person"),
        ("contract", "marketing_email", "marketing_sms", "personalization"),
    ),
    "customers.Identity": Line(_("the names by which a person is found again"), ("operation",)),
    "customers.Event": Line(
        _("what a person looked at, ordered, opened and followed"),
        ("analytics", "personalization", "message_tracking", "contract"),
    ),
    "customers.ConsentRecord": Line(_("every answer a person gave, with its evidence"), ("proof",)),
    "customers.ConsentState": Line(_("the newest answer for each purpose"), ("proof",)),
    "customers.PendingConsent": Line(_("a yes that waits for its confirmation"), ("proof",)),
    "customers.SoftOptIn": Line(
        _("an order at which messages about similar products were not refused"), ("proof", "marketing_email")
    ),
    "customers.FormerLaw": Line(
        _("whose law a person was under, until they or their country came under another"), ("proof",)
    ),
    "customers.ContactChoice": Line(_("how often a person wants to be written to"), ("refusal",)),
    "customers.ContactChoice_left_topics": Line(_("the topics a person left"), ("refusal",)),
    "customers.PrivacyRequest": Line(_("what a person demanded, and what was done"), ("rights",)),
    "recommender.Interest": Line(_("in what a person is likely to be interested"), ("personalization",)),
    "recommender.ClusterMembership": Line(_("the group of people who act alike"), ("personalization",)),
    "recommender.Score": Line(_("what a person is likely to do next"), ("personalization",)),
    "recommender.RefusedInterest": Line(_("what a person said is not true of them"), ("refusal",)),
    "recommender.Shown": Line(
        _("the lists of products a person was shown"), ("personalization", "analytics")
    ),
    "campaigns.Decision": Line(
        _("what was decided for a person, and why"), ("personalization", "marketing_email", "partner_sharing")
    ),
    "campaigns.Delivery": Line(_("each message and its fate"), ("marketing_email", "partner_sharing")),
    "campaigns.Bounce": Line(_("what came back of a message"), ("marketing_email", "refusal")),
    "campaigns.Outcome": Line(_("what a message led to"), ("message_tracking", "contract")),
    "campaigns.JourneyEntry": Line(_("where a person stands in a journey"), ("marketing_email", "analytics")),
    "campaigns.JourneyVisit": Line(_("the steps a person went through"), ("marketing_email", "analytics")),
    "campaigns.UpliftScore": Line(_("how much a campaign is expected to change"), ("personalization",)),
    "campaigns.Code": Line(_("the codes given to a person"), ("contract",)),
    "campaigns.CodeMisuse": Line(_("attempts with somebody else's code"), ("contract",)),
    "campaigns.WebhookMessage": Line(
        _("that another system is told of what happened to a person"), ("operation", "partner_sharing")
    ),
    "campaigns.Redemption": Line(_("the codes a person used"), ("contract",)),
}

# Rows about people that no foreign key leads from to a customer, the people who log in among them.
BESIDE: dict[str, Line] = {
    "customers.PersonKey": Line(
        _("the key that a person's fields are sealed with"), ("operation",), _("destroyed")
    ),
    "customers.Suppression": Line(
        _("keyed hashes of addresses that must not be written to"), ("refusal",), _("stays, as a keyed hash")
    ),
    "customers.ShopDelivery": Line(
        _("the numbers and sums of returns that came before their order"),
        ("contract",),
        _("names nobody; gone after thirty days"),
    ),
    "customers.IdempotentReply": Line(
        _("what a request was answered, which may quote a person"), ("operation",), _("loses its text")
    ),
    "campaigns.Export": Line(
        _("files of what people did, for the shop's analysts"),
        ("analytics",),
        _("every file that holds people is deleted, whoever is erased"),
    ),
    "admin.LogEntry": Line(
        _("what staff did on the desk"), ("operation",), _("keeps its time, loses its words")
    ),
    "config.Change": Line(
        _("what staff and keys changed, field by field"),
        ("operation",),
        _("quotes no person: of their rows it holds numbers"),
    ),
    "config.RecoveryCode": Line(
        _("hashes of codes that open the desk when a phone is lost"),
        ("operation",),
        _("staff, not customers"),
    ),
    "config.SavedView": Line(
        _("filters of lists that staff keep under a name"), ("operation",), _("staff, not customers")
    ),
    "otp_totp.TOTPDevice": Line(
        _("the keys of phones that staff log in with"), ("operation",), _("staff, not customers")
    ),
    "auth.User": Line(_("the people who log in"), ("operation",), _("staff, not customers")),
    "sessions.Session": Line(_("who is logged in"), ("operation",), _("staff, not customers")),
    "axes.AccessAttempt": Line(
        _("attempts to log in that failed"), ("operation",), _("staff, not customers")
    ),
    "axes.AccessAttemptExpiration": Line(
        _("until when somebody is locked out"), ("operation",), _("staff, not customers")
    ),
    "axes.AccessFailureLog": Line(
        _("attempts to log in that failed"), ("operation",), _("staff, not customers")
    ),
    "axes.AccessLog": Line(_("who logged in and out"), ("operation",), _("staff, not customers")),
}

# Rows that tell nothing of any one person.
ABOUT_NOBODY = frozenset(
    {
        *("auth.Permission", "auth.Group", "auth.Group_permissions", "auth.User_groups"),
        *("auth.User_user_permissions", "contenttypes.ContentType"),
        *(
            "campaigns.CapCount",
            "catalog.CatalogueStamp",
            "catalog.Category",
            "catalog.Product",
            "catalog.ProductChange",
        ),
        *("customers.ApiKey", "customers.Checkpoint", "customers.ImportRun", "customers.Installation"),
        *(
            "customers.Jurisdiction",
            "customers.Notice",
            "customers.SensitiveAttribute",
            "customers.SensitiveUse",
        ),
        *("customers.PolicyVersion", "customers.SilentYes", "customers.Topic"),
        *("customers.ShopConnection", "customers.ShopProduct"),
        *("recommender.Look", "recommender.ModelVersion", "recommender.PairCount", "recommender.PairShard"),
        *("recommender.Placement", "recommender.Placement_categories", "recommender.Promotion"),
        *("recommender.Promotion_categories", "recommender.Promotion_products"),
        *("recommender.SharedStatistics", "recommender.TrainingRun"),
        *("campaigns.Campaign", "campaigns.CampaignRun", "campaigns.CampaignSegment"),
        *("campaigns.CampaignSegment_offers", "campaigns.Campaign_tags", "campaigns.CodeBatch"),
        *(
            "campaigns.DailyFigure",
            "campaigns.DomainPace",
            "campaigns.FairnessCheck",
            "campaigns.FrequencyCap",
            "campaigns.Headline",
            "campaigns.Holdout",
        ),
        *("campaigns.JourneyVersion", "campaigns.Message", "campaigns.Offer", "campaigns.OfferCap"),
        *("campaigns.Offer_categories", "campaigns.Placement", "campaigns.PrivacyBudget"),
        *(
            "campaigns.PrivateRelease",
            "campaigns.QuietHours",
            "campaigns.RankingState",
            "campaigns.SavedReport",
        ),
        *(
            "campaigns.Segment",
            "campaigns.SegmentSize",
            "campaigns.ShareChange",
            "campaigns.Tag",
            "campaigns.Trigger",
        ),
        *("campaigns.UpliftStudy", "campaigns.Variant", "campaigns.WebhookEndpoint"),
    }
)
