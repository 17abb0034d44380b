"""A shop that talks to Tact by the generated client alone: the way of docs/getting-started.md, typed.

Run as a program, `python -m tests.connected_shop URL KEY`, with the client on the path. `mypy --strict` reads it, too.
"""

import datetime
import sys
from typing import TypeVar

from tact_client import AuthenticatedClient
from tact_client.api.campaigns import create_campaign, get_campaign_report, step_campaign
from tact_client.api.codes import redeem_code, reverse_code, validate_code
from tact_client.api.consents import (
    get_consent_receipt,
    list_consent_history,
    list_consents,
    list_purposes,
    record_consent,
)
from tact_client.api.customers import change_customer, create_customer_token, get_customer, put_customer
from tact_client.api.events import send_events
from tact_client.api.offers import (
    change_offer_definition,
    create_offer_definition,
    create_placement,
    get_offers,
)
from tact_client.api.privacy import create_privacy_request, download_privacy_copy, get_privacy_request
from tact_client.api.products import get_product, put_product, put_products
from tact_client.api.recommendations import get_recommendations, rank_products
from tact_client.api.segments import create_segment, list_segment_members, list_segments
from tact_client.models import (
    AudienceFieldsRequest,
    CodeInput,
    ConsentInput,
    CustomerFields,
    ErrorOutput,
    EventInput,
    EventsInput,
    JsonObject,
    NewCampaign,
    NewOffer,
    NewPlacement,
    NewSegment,
    OfferFields,
    PrivacyRequestInput,
    ProductFields,
    ProductItem,
    ProductsInput,
    Purpose,
    RankInput,
    ReverseInput,
)

Answer = TypeVar("Answer")
NOW = datetime.datetime.now(datetime.UTC)


def had(answer: Answer | ErrorOutput | None) -> Answer:
    assert answer is not None and not isinstance(answer, ErrorOutput), answer
    return answer


def bring_in_products(client: AuthenticatedClient) -> None:
    first = ProductFields(title="Assam tea, 250 g", category="Tea", price="8.90", currency="EUR")
    had(put_product.sync("TEA-1", client=client, body=first))
    more = [ProductItem(sku="TEA-2", title="Sencha, 100 g", category="Tea", price="12.50", currency="EUR")]
    saved = had(put_products.sync(client=client, body=ProductsInput(products=more)))
    assert (saved.created, saved.changed) == (1, 0)
    assert had(get_product.sync("TEA-1", client=client)).price == "8.90"


def tell_of_anna(client: AuthenticatedClient) -> None:
    anna = CustomerFields(
        email="anna@mail.example",
        name="Anna",
        country="DE",
        attributes=JsonObject.from_dict({"plan": "gold"}),
    )
    made = put_customer.sync_detailed("anna", client=client, body=anna)
    assert made.status_code == 201 and had(made.parsed).id == "anna"
    had(change_customer.sync("anna", client=client, body=CustomerFields(time_zone="Europe/Berlin")))
    held = had(get_customer.sync("anna", client=client))
    assert (held.time_zone, held.attributes["plan"]) == ("Europe/Berlin", "gold")
    assert "/preferences/" in had(create_customer_token.sync("anna", client=client)).preferences_url


def ask_anna(client: AuthenticatedClient) -> None:
    """With the words that Tact gives, and which they were."""
    shown = {text.purpose: text for text in had(list_purposes.sync(client=client)) if text.language == "en"}
    wanted: tuple[Purpose, ...] = ("analytics", "personalization")
    for purpose in wanted:
        yes = ConsentInput(
            purpose=purpose, granted=True, notice=shown[purpose].notice, language="en", method="checkbox", source="account page"
        )  # fmt: skip
        record = had(record_consent.sync("anna", client=client, body=yes))
        assert record.granted and record.notice == shown[purpose].notice
    receipt = had(get_consent_receipt.sync("anna", record.record, client=client))
    assert receipt.text == shown["personalization"].text
    unproven = ConsentInput(purpose="marketing_email", granted=True, method="checkbox", source="account page")
    refused = record_consent.sync("anna", client=client, body=unproven)
    assert isinstance(refused, ErrorOutput) and refused.code == "no_evidence"
    allowed = {said.purpose for said in had(list_consents.sync("anna", client=client)) if said.granted}
    assert allowed == set(wanted)
    assert len(had(list_consent_history.sync("anna", client=client)).results) == 2


def say_what_anna_did(client: AuthenticatedClient) -> None:
    looked = EventInput(message_id="e-1", customer="anna", type_="viewed", sku="TEA-1", occurred_at=NOW)
    ordered = EventInput(
        message_id="e-2", customer="anna", type_="ordered", sku="TEA-1", occurred_at=NOW, quantity="2", value="17.80",
        currency="EUR", order_id="o-1",
    )  # fmt: skip
    for accepted, again in ((2, 0), (0, 2)):
        taken = had(send_events.sync(client=client, body=EventsInput(batch=[looked, ordered])))
        assert (taken.accepted, taken.duplicates, taken.refused) == (accepted, again, [])


def see_what_suits(client: AuthenticatedClient) -> None:
    found = had(get_recommendations.sync(client=client, customer="anna", limit=2, mode="all"))
    assert {item.sku for item in found.items} == {"TEA-1", "TEA-2"}
    ranked = had(rank_products.sync(client=client, body=RankInput(customer="anna", skus=["NOPE", "TEA-2"])))
    assert ranked.skus == ["TEA-2", "NOPE"]


def launch_an_offer(client: AuthenticatedClient) -> None:
    rule = {"attribute": "country", "is": "DE"}
    had(create_segment.sync(client=client, body=NewSegment(slug="germans", name="In Germany", rule=rule)))
    assert [row.slug for row in had(list_segments.sync(client=client)).results] == ["germans"]
    members = had(list_segment_members.sync("germans", client=client, limit=10))
    assert ([row.customer for row in members.results], members.next_) == (["anna"], None)
    offer = NewOffer(
        slug="tea-week", title="15 % off", benefit="percent", value="15", currency="EUR", code_kind="unique"
    )
    had(create_offer_definition.sync(client=client, body=offer))
    had(change_offer_definition.sync("tea-week", client=client, body=OfferFields(status="approved")))
    had(create_placement.sync(client=client, body=NewPlacement(slug="home", name="Home page")))
    campaign = NewCampaign(
        slug="spring", name="Spring", channel="onsite", placement="home", control_percent="0",
        audiences=[AudienceFieldsRequest(segment="germans", offers=["tea-week"])],
    )  # fmt: skip
    assert had(create_campaign.sync(client=client, body=campaign)).status == "draft"
    too_early = step_campaign.sync("spring", "launch", client=client)
    assert isinstance(too_early, ErrorOutput) and too_early.code == "not_possible"
    steps = [had(step_campaign.sync("spring", step, client=client)).status for step in ("approve", "launch")]
    assert steps == ["approved", "running"]


def redeem_it(client: AuthenticatedClient) -> None:
    (offer,) = had(get_offers.sync(client=client, customer="anna", placement="home")).offers
    assert offer.code is not None and offer.benefit.type_ == "percent"
    order = CodeInput(
        code=offer.code, customer="anna", order_id="o-2", amount="40.00", currency="EUR", skus=["TEA-2"]
    )
    assert had(validate_code.sync(client=client, body=order)).discount == "6.00"
    for _ in range(2):
        used = redeem_code.sync_detailed(client=client, body=order, idempotency_key="o-2")
        assert had(used.parsed).discount == "6.00"
    assert used.headers["Idempotent-Replayed"] == "true"
    back = ReverseInput(code=offer.code, order_id="o-2")
    assert had(reverse_code.sync(client=client, body=back)).offer == "tea-week"
    assert had(get_campaign_report.sync("spring", client=client)).status == "running"


def let_anna_demand(client: AuthenticatedClient) -> None:
    asked = had(
        create_privacy_request.sync(client=client, body=PrivacyRequestInput(customer="anna", type_="access"))
    )
    stands = had(get_privacy_request.sync(asked.id, client=client))
    assert (stands.state, stands.customer, stands.download) == ("unproven", "anna", False)
    assert isinstance(download_privacy_copy.sync(asked.id, client=client), ErrorOutput), (
        "nothing before their click"
    )


def main(url: str, key: str) -> None:
    with AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True) as client:
        for step in (
            bring_in_products, tell_of_anna, ask_anna, say_what_anna_did, see_what_suits, launch_an_offer, redeem_it,
            let_anna_demand,
        ):  # fmt: skip
            step(client)
            print(step.__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
