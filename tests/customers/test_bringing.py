"""Files brought in at the desk: looked at first, whole or not at all, by whoever may; nobody is given consent (C9)."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product, Review
from config.models import Change
from customers import consent, imports, journal, suppression
from customers.admin.file_kinds import KINDS
from customers.models import Customer, Event, ImportRun, Suppression
from tests import desk
from tests.conftest import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quickly(settings, tmp_path) -> None:
    settings.UNFOLD = desk.short_menu()
    settings.VAR_DIR = tmp_path


def member(role: str, name: str = "olga") -> Client:
    user = User.objects.create_user(name, password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def look(client: Client, kind: str, content: bytes | str, name: str = "file.csv"):
    data = content.encode() if isinstance(content, str) else content
    return client.post(
        reverse("admin:bring_in", args=[kind]), {"file": SimpleUploadedFile(name, data, "text/csv")}
    )


def sealed(answer) -> str:
    return str(answer.context["trial"].sealed)


def take(client: Client, kind: str, value: str):
    answer = client.post(reverse("admin:bring_in", args=[kind]), {"sealed": value})
    imports.work_due(clock=timezone.now)
    return answer


def test_products_are_looked_at_and_then_taken_in_by_the_door_of_the_feed(products):
    max_ = member("Marketer")
    answer = look(
        max_, "products", "SKU,Title,Price,Category\nrose,Red rose bush,13.00,Garden\nnew,Hoe,7,Garden\n"
    )
    trial = answer.context["trial"]
    assert (trial.rows, trial.new, trial.changed, trial.unchanged) == (2, 1, 1, 0)
    assert Product.objects.get(sku="rose").price == Decimal("12.50")
    assert not Product.objects.filter(sku="new").exists()
    assert ImportRun.objects.count() == 0
    take(max_, "products", sealed(answer))
    rose = Product.objects.get(sku="rose")
    assert rose.price == Decimal("13.00")
    assert rose.changes.count() == 2  # as the feed would have noted it
    assert ImportRun.objects.get().counts["rows"] == 2
    told = Change.objects.latest("pk")
    assert (told.who, told.words) == ("olga", "Asked to take in 2 rows.")


def test_of_a_long_file_the_first_rows_are_tried_and_the_worker_tries_all(products):
    max_ = member("Marketer")
    rows = [f"p{n},Product {n},1.00" for n in range(149)]
    answer = look(max_, "products", "sku,title,price\nrose,Rose,13.00\n" + "\n".join(rows))
    trial = answer.context["trial"]
    assert (trial.rows, trial.looked_at, trial.new, trial.changed) == (150, 100, 99, 1)
    assert "150 rows. Of the first 100: 99 new" in answer.content.decode()
    take(max_, "products", sealed(answer))
    assert Product.objects.filter(sku__regex=r"^p\d").count() == 149


def test_a_wrong_line_that_the_worker_finds_keeps_all_out_and_is_named_as_it_stands_in_the_file(products):
    max_ = member("Marketer")
    rows = [f"p{n},Product {n},1.00" for n in range(148)]
    text = 'sku,title,price\n\nrose,"Rose\nbush",13.00\n' + "\n".join([*rows, "", 'hoe,Hoe,"7,00"'])
    take(max_, "products", sealed(look(max_, "products", text)))
    run = ImportRun.objects.get()
    assert (run.state, Product.objects.filter(sku__regex=r"^p\d").count()) == ("failed", 0)
    assert text.splitlines().index('hoe,Hoe,"7,00"') + 1 == 154
    assert run.error.splitlines() == [
        "file.csv has lines that cannot be taken in.",
        "Line 154: a number cannot be read: write 12.50, without a currency and without a comma",
    ]


def test_a_wrong_line_keeps_the_whole_file_out_and_says_what_to_do(products):
    max_ = member("Marketer")
    answer = look(max_, "products", 'sku,title,price\nrose,Rose,99\nspade,Spade,"12,50"\nmug,,"x"\n')
    assert answer.context["trial"].sealed == ""
    told = answer.content.decode()
    assert "Line 3, 4: a number cannot be read" in told
    assert "write 12.50" in told
    assert 'name="sealed"' not in told
    assert Product.objects.get(sku="rose").price == Decimal("12.50")


@pytest.mark.parametrize(
    "content",
    [
        "sku;title;price\nrosé;Öl;1.50\n".encode("cp1252"),
        "sku\ttitle\tprice\nrosé\tÖl\t1.50\n".encode("utf-16"),
        "sku;title;price\nrosé;Öl;1.50\n".encode("utf-8-sig"),
    ],
)
def test_a_file_is_read_however_a_spreadsheet_saved_it(db, content):
    max_ = member("Marketer")
    take(max_, "products", sealed(look(max_, "products", content)))
    assert [*Product.objects.values_list("sku", "title", "price")] == [("rosé", "Öl", Decimal("1.50"))]


def test_a_chinese_spreadsheet_is_read(db):
    max_ = member("Marketer")
    take(max_, "products", sealed(look(max_, "products", "sku,title,price\n1,红玫瑰,8\n".encode("gb18030"))))
    assert Product.objects.get().title == "红玫瑰"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no rows below"),
        (b"PK\x03\x04", "Excel workbook"),
        (b"sku,title\n", "no rows below"),
        (b"name\nx\n", "no column for sku"),
        (b'sku,title\n"x,y\n', "quotation mark"),
        (b"x" * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
        (b"sku,title\n" + b"1,a\n" * 20_001, "More than 20,000 rows"),
        (b"\x00\x01\x02", "no text file"),
    ],
)
def test_what_is_no_such_file_is_told_in_words(db, content, told):
    answer = look(member("Marketer"), "products", content)
    assert told in answer.content.decode()
    assert "Nothing was taken in." in answer.content.decode()
    assert Product.objects.count() == 0


def test_c9_a_file_gives_nobody_consent_and_takes_no_refusal_back(boris, clara):
    officer = member("Privacy officer")
    said = "id,email,country\nboris,b@mail.example,DE\nclara,clara@mail.example,DE\ndora,d@mail.example,DE\n"
    take(officer, "customers", sealed(look(officer, "customers", said)))
    people = Customer.objects.filter(external_id__in=["boris", "clara", "dora"])
    assert len(people) == 3
    for purpose in ("marketing_email", "personalization"):
        assert not any(v.allowed for v in consent.verdicts([one.pk for one in people], purpose).values())
    assert "mail.example" not in str([*Change.objects.values(), *ImportRun.objects.values()])


def test_addresses_are_put_on_the_suppression_list_and_nobody_is_taken_off(anna):
    suppression.add("old@mail.example", reason="complaint", source="tests")
    officer = member("Privacy officer")
    answer = look(officer, "suppressions", "E-Mail\nANNA@mail.example\nold@mail.example\n")
    assert (answer.context["trial"].new, Suppression.objects.count()) == (1, 1)
    take(officer, "suppressions", sealed(answer))
    assert suppression.is_listed(anna)
    assert {*Suppression.objects.values_list("reason", flat=True)} == {"complaint", "manual"}
    bad = look(officer, "suppressions", "email\nnobody\n").content.decode()
    assert "Line 2: this is no e-mail address" in bad


def test_who_left_another_list_is_kept_with_why_and_a_list_of_subscribers_is_refused(db):
    officer = member("Privacy officer")
    whys = {"a": "Unsubscribed", "b": "bounced", "c": "hard_bounce", "d": "complaint", "e": ""}
    said = "email,reason\n" + "".join(f"{name}@mail.example,{why}\n" for name, why in whys.items())
    take(officer, "suppressions", sealed(look(officer, "suppressions", said)))
    found = Suppression.objects.order_by("pk").values_list("reason", flat=True)
    assert [*found] == ["unsubscribed", "hard_bounce", "hard_bounce", "complaint", "manual"]
    bad = look(officer, "suppressions", "Address,Status\nf@mail.example,subscribed\n").content.decode()
    assert "Line 2: the reason is none of unsubscribed, bounced and complaint" in bad


def test_reviews_are_kept_once_and_name_only_authors_who_are_here(products, anna):
    max_ = member("Marketer")
    said = "sku,text,rating,customer\nrose,It flowers,5,anna\nmug,,2,nobody\n"
    answer = look(max_, "reviews", said)
    assert (answer.context["trial"].new, Review.objects.count()) == (2, 0)
    take(max_, "reviews", sealed(answer))
    kept = Review.objects.order_by("pk").values_list("product__sku", "rating", "author_id")
    assert [*kept] == [("rose", 5, anna.pk), ("mug", 2, None)]
    again = look(max_, "reviews", said).context["trial"]
    assert (again.new, again.unchanged) == (0, 2)
    bad = look(max_, "reviews", "sku,text,rating\nrose,Good,6\nrose,,\n").content.decode()
    assert "Line 2: the rating is none of 1, 2, 3, 4 and 5" in bad
    assert "Line 3: there is neither a text nor a rating" in bad


def test_c9_of_what_people_allowed_the_look_says_which_yes_is_left_out_and_notes_nothing(anna, clara):
    officer, noted = member("Privacy officer"), journal.length()
    proof = "marketing_email@1,en,checkbox,shop,2024-05-31"
    said = f"anna,marketing_email,no,,,,,\nclara,marketing_email,yes,{proof}\nanna,analytics,no,,,,,\n"
    answer = look(officer, "consents", "customer,purpose,answer,notice,language,method,source,at\n" + said)
    trial = answer.context["trial"]
    assert (trial.rows, trial.new, trial.unchanged, journal.length()) == (3, 2, 0, noted)
    assert "1 yes is left out: the person said no, here or in this file." in answer.content.decode()
    take(officer, "consents", sealed(answer))
    for purpose in ("marketing_email", "analytics"):
        assert not any(v.allowed for v in consent.verdicts([anna.pk, clara.pk], purpose).values())


EVENTS = "customer,event,occurred_at,sku,quantity,value,order_id,message_id\n"


def test_orders_are_brought_in_of_everybody_and_views_only_of_who_allows_them(anna, boris):
    officer = member("Privacy officer")
    said = EVENTS + (
        "boris,ordered,2024-05-31T10:00:00Z,rose,2,25.00,o1,m1\n"
        "boris,viewed,2024-05-31T09:00:00Z,rose,,,,m2\n"
        "anna,viewed,2024-05-31T09:00:00Z,rose,,,,m3\n"
        "newcomer,refunded,2024-06-01T10:00:00Z,mug,1,8.00,o2,m4\n"
    )
    answer = look(officer, "events", said)
    trial = answer.context["trial"]
    assert (trial.rows, trial.new, trial.unchanged, Event.objects.count()) == (4, 3, 0, 0)
    assert "1 row is left out: its person does not allow “Remember what I look at" in answer.content.decode()
    take(officer, "events", sealed(answer))
    kept = Event.objects.order_by("message_id").values_list("customer__external_id", "message_id", "basis")
    assert [*kept] == [
        ("boris", "m1", "contract"),
        ("anna", "m3", "consent"),
        ("newcomer", "m4", "contract"),
    ]
    newcomer = Customer.objects.get(external_id="newcomer")
    assert not consent.verdicts([newcomer.pk], "marketing_email")[newcomer.pk].allowed
    again = look(officer, "events", said)
    assert (again.context["trial"].new, again.context["trial"].unchanged) == (0, 3)
    page = officer.get(reverse("admin:customers_importrun_changelist")).content.decode()
    assert "left out, not allowed 1" in page


def test_an_order_that_cannot_be_read_keeps_all_of_them_out(db):
    said = EVENTS + "anna,ordered,2024-05-31,rose,1,25.00,o1,m1\nanna,bought,2024-05-31,rose,1,,o1,m2\n"
    answer = look(member("Privacy officer"), "events", said + "anna,ordered,31.05.2024,rose,1,,o1,m3\n")
    told = answer.content.decode()
    assert answer.context["trial"].sealed == ""
    assert "Line 3: there is no such kind of event" in told
    assert "Line 4: the time cannot be read: write 2024-05-31" in told
    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Viewer", set()),
        ("Marketer", {"products", "reviews"}),
        ("Approver", set()),
        ("Privacy officer", {"customers", "suppressions", "consents", "events"}),
        ("Administrator", {*KINDS}),
    ],
)
def test_s5_who_may_bring_what_in(db, role, may):
    client = member(role)
    for kind in KINDS:
        answer = look(client, kind, "sku,title\n1,a\n")
        assert (answer.status_code == 200) is (kind in may), kind
        assert (client.get(reverse("admin:bring_in", args=[kind])).status_code == 200) is (kind in may)


def test_what_waited_too_long_or_is_anothers_is_not_taken_in(db, monkeypatch):
    mine, anothers = member("Marketer"), member("Marketer", "max")
    value = sealed(look(mine, "products", "sku,title\n1,a\n"))
    for client, given in ((anothers, value), (mine, value[:-2] + "xx"), (mine, "nonsense")):
        assert "Choose it again" in take(client, "products", given).content.decode()
    monkeypatch.setattr("catalog.tables.WAITS_S", -1)
    assert "Choose it again" in take(mine, "products", value).content.decode()
    assert Product.objects.count() == 0


def test_products_go_out_as_they_come_in_and_no_cell_is_a_formula(products):
    max_ = member("Marketer")
    Product.objects.filter(sku="rose").update(title="=1+1")
    answer = max_.get(reverse("admin:catalog_product_file") + "?q=rose")
    content = b"".join(answer)
    assert content.decode("utf-8-sig").splitlines()[1].startswith("rose,'=1+1,")
    again = look(max_, "products", content)
    assert (again.context["trial"].rows, again.context["trial"].unchanged) == (1, 1)
    every = b"".join(max_.get(reverse("admin:catalog_product_file"))).decode()
    assert len(every.splitlines()) == 7


def test_products_are_unlisted_after_a_look_at_which(products):
    max_ = member("Marketer")
    picked = [str(products[sku].pk) for sku in ("rose", "mug")]
    listed = reverse("admin:catalog_product_changelist")
    said = {"action": "unlist", "_selected_action": picked}
    told = max_.post(listed, said).content.decode()
    assert "Unlist 2 products?" in told
    assert "Red rose bush (rose)" in told
    assert Product.objects.filter(is_listed=False).count() == 0
    max_.post(listed, said | {"confirmed": "yes"})
    assert {*Product.objects.filter(is_listed=False).values_list("sku", flat=True)} == {"rose", "mug"}
    assert Change.objects.filter(words="Unlisted.").count() == 2
    viewer = member("Viewer", "vera")
    viewer.post(listed, said | {"action": "list_again", "confirmed": "yes"})
    assert Product.objects.filter(is_listed=False).count() == 2


def test_the_page_of_imports_offers_what_one_may_bring_in(db):
    told = member("Privacy officer").get(reverse("admin:customers_importrun_changelist")).content.decode()
    assert re.findall(r"bring-in/(\w+)", told) == ["customers", "suppressions", "consents", "events"]


def test_d2_nothing_of_a_file_stays_that_was_only_looked_at(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    person("canary")
    look(member("Privacy officer"), "customers", "id,email\ncanary,canary-2@mail.example\n")
    assert not [*tmp_path.rglob("*.csv")]
    assert "canary-2" not in str([*ImportRun.objects.values(), *Change.objects.values()])
