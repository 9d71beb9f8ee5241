"""The catalogue manager's pages, from the first change to the shop that shows it."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalogue.models import CatalogueAct, Draft, DraftPart, Release
from catalogue.selectors import forget_snapshots
from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import StaffRole, User
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Cart, Order
from frontend.views import backoffice

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ON_SALE = AT - timedelta(days=1)
MUSIC = "parts/offerings/ondine-musique/"
PAGES = ("", "findings/", "changes/", "prices/", "publish/", "new/rules/", MUSIC,
         "parts/families/ardoval-x2/", "parts/categories/audio/",
         "parts/release/release/")  # fmt: skip


@pytest.fixture(autouse=True)
def shop(demo_catalogue: None, db: None) -> Iterator[None]:
    with business_time_fixed(AT):
        forget_snapshots()
        yield
        forget_snapshots()


def staff(kind: StaffKind = StaffKind.CATALOGUE_MANAGER) -> Client:
    user = User.objects.create_user(
        f"{kind.value}@faisceau.example", "x", first_name="Inès", last_name="C"
    )
    StaffRole.objects.create(user=user, kind=kind)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ines() -> Client:
    return staff()


@pytest.fixture
def draft(ines: Client) -> str:
    answer = ines.post("/backoffice/drafts/", {"name": "Autumn"})
    assert answer.status_code == 302
    return str(answer["Location"])


def keep(client: Client, draft: str, **fields: str) -> int:
    part = DraftPart.objects.get(section="offerings", key="ondine-musique")
    posted = {"act": "fields", "revision": str(part.revision), **fields}
    return client.post(draft + MUSIC, posted).status_code


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def publish(client: Client, draft: str, **fields: str) -> int:
    version = str(Draft.objects.get().version)
    return client.post(f"{draft}publish/", {"version": version, **fields}).status_code


def test_every_page_of_a_draft_shows(ines: Client, draft: str) -> None:
    for path in PAGES:
        assert "Autumn" in text_of(ines, draft + path)
    for path in ("", "releases/", "releases/1/", "acts/"):
        assert "Inès" in text_of(ines, f"/backoffice/{path}")


@pytest.mark.parametrize("kind", [StaffKind.AGENT, StaffKind.OPERATOR])
def test_the_pages_are_the_catalogue_managers_alone(
    ines: Client, draft: str, kind: StaffKind
) -> None:
    other = staff(kind)
    for path in (draft, f"{draft}publish/", "/backoffice/", "/backoffice/releases/1/files/"):
        assert other.get(path).status_code == 403
    assert Client().get("/backoffice/").status_code == 302
    assert other.post(f"{draft}publish/", {"version": "1"}).status_code == 403
    assert Release.objects.count() == 1


def test_a_list_shows_one_page_and_finds(ines: Client, draft: str) -> None:
    text = text_of(ines, f"{draft}?section=families&q=ardoval")
    assert "ardoval-x2-grand" in text
    assert "noctile" not in text
    assert text.count("/parts/families/") == 4


def test_from_a_change_to_the_shop(ines: Client, draft: str) -> None:
    shop = Client(headers={"accept-language": "en"})
    assert keep(ines, draft, **{"name-en": "Ondine tunes", "charges-0-consumer": "10,99"}) == 302
    assert "Ondine tunes" not in text_of(shop, "/content/ondine-musique/")
    changes = text_of(ines, f"{draft}changes/")
    assert "price monthly consumer" in changes
    assert "9.99" in changes
    assert "10.99" in changes
    assert publish(ines, draft) == 302
    assert "Ondine tunes" in text_of(shop, "/content/ondine-musique/")
    assert "price monthly consumer" in text_of(ines, "/backoffice/releases/2/")
    assert list(CatalogueAct.objects.order_by("id").values_list("code", flat=True)) == [
        "published", "draft_opened", "part_changed", "published",
    ]  # fmt: skip


def test_a_wrong_amount_stands_beside_its_field_and_changes_nothing(
    ines: Client, draft: str
) -> None:
    assert keep(ines, draft, **{"charges-0-consumer": "ten"}) == 422
    assert Draft.objects.get().version == 1


def test_a_finding_is_told_at_its_line_and_keeps_the_draft_from_being_published(
    ines: Client, draft: str
) -> None:
    text = "code: ondine-musique\nkind: content\nname: {fr: Ondine}\n"
    answer = ines.post(draft + MUSIC, {"act": "text", "revision": "1", "text": text})
    assert answer.status_code == 302
    page = text_of(ines, draft + MUSIC)
    assert 'id="line-3" class="line-wrong"' in page
    assert "offerings" in text_of(ines, f"{draft}findings/").lower()
    for address in (draft + MUSIC, f"{draft}findings/"):
        assert "This is required." in text_of(ines, address)
        in_french = ines.get(address, headers={"accept-language": "fr"}).content.decode()
        assert "C’est obligatoire." in in_french
        assert "This is required." not in in_french
    assert publish(ines, draft) == 200
    assert (
        ines.post(f"{draft}preview/", {"segment": "consumer", "channel": "web"}).status_code == 302
    )
    assert "preview" not in ines.session
    assert Release.objects.count() == 1


def test_text_that_is_not_yaml_comes_back_with_its_line(ines: Client, draft: str) -> None:
    posted = {"act": "text", "revision": "1", "text": "code: x\nname: {fr: [}\n"}
    answer = ines.post(draft + MUSIC, posted)
    assert answer.status_code == 422
    assert "Line 2" in answer.content.decode()
    assert "fr: [}" in answer.content.decode()


def test_a_part_is_added_like_another_and_removed(ines: Client, draft: str) -> None:
    text = text_of(ines, f"{draft}new/offerings/?like=ondine-musique")
    assert "ondine-musique" in text
    made = ines.post(f"{draft}new/categories/", {"key": "soldes", "text": "{fr: S, en: Sale}"})
    assert made.status_code == 302
    path = f"{draft}parts/categories/soldes/"
    assert "Sale" in text_of(ines, path)
    assert ines.post(path, {"act": "remove", "revision": "1"}).status_code == 302
    assert ines.get(path).status_code == 404


def test_the_preview_is_the_managers_alone_and_nothing_in_it_is_ordered(
    ines: Client, draft: str
) -> None:
    keep(ines, draft, **{"name-en": "Ondine tunes"})
    ines.post(f"{draft}preview/", {"segment": "consumer", "channel": "web"})
    page = text_of(ines, "/content/ondine-musique/")
    assert "Preview of the draft" in page
    assert "Ondine tunes" in page
    stranger = Client(headers={"accept-language": "en"})
    assert "Ondine tunes" not in text_of(stranger, "/content/ondine-musique/")
    assert "Preview" not in text_of(ines, "/backoffice/")
    listed = ines.get("/api/v1/offerings?kind=content&limit=24").json()
    assert "Ondine tunes" in str(listed)

    started = ines.post("/build/start/", {"plan": "horizon-130", "bundle": "plan-only"})
    assert started.status_code == 302
    cart = Cart.objects.get()
    assert (cart.visitor_key[:8], cart.channel) == ("preview-", "web")
    assert ines.get(started["Location"]).status_code == 200
    ines.get("/cart/summary/")
    assert Cart.objects.get().held_release is None
    assert Order.objects.count() == 0

    assert ines.post("/backoffice/preview/end/", {"draft": "1"}).status_code == 302
    assert "Ondine tunes" not in text_of(ines, "/content/ondine-musique/")
    assert "cart_code" not in ines.session


def test_a_preview_is_as_such_a_customer(ines: Client, draft: str) -> None:
    ines.post(f"{draft}preview/", {"segment": "business", "channel": "portal"})
    page = text_of(ines, "/plans/")
    assert "Flotte 50" in page
    assert "Horizon 130" not in page


def test_who_is_no_manager_any_more_sees_no_preview(ines: Client, draft: str) -> None:
    keep(ines, draft, **{"name-en": "Ondine tunes"})
    ines.post(f"{draft}preview/", {"segment": "consumer", "channel": "web"})
    StaffRole.objects.all().delete()
    assert "Ondine tunes" not in text_of(ines, "/content/ondine-musique/")
    assert "preview" not in ines.session


def test_published_on_a_day_taken_back_and_gone_back_to(ines: Client, draft: str) -> None:
    keep(ines, draft, **{"name-en": "Ondine tunes"})
    assert publish(ines, draft, at="2026-12-24T18:00") == 302
    assert Release.objects.get(number=2).published_at == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert "Take it back" in text_of(ines, "/backoffice/releases/2/")
    assert ines.post("/backoffice/releases/2/act/", {"act": "withdraw"}).status_code == 302
    assert "taken back" in text_of(ines, "/backoffice/releases/")
    assert ines.post("/backoffice/releases/1/act/", {"act": "rollback"}).status_code == 302
    assert Release.objects.get(number=3).note == "Back to release 1"


def test_a_price_list_goes_out_and_comes_back(ines: Client, draft: str) -> None:
    answer = ines.get(f"{draft}prices/?csv=1")
    text = answer.content.decode("utf-8-sig")
    assert "ondine-musique;monthly;;;;;;9.99;\r\n" in text
    changed = text.replace("ondine-musique;monthly;;;;;;9.99;", "ondine-musique;monthly;;;;;;8,49;")
    sent = SimpleUploadedFile("prices.csv", changed.encode())
    assert ines.post(f"{draft}prices/", {"file": sent}).status_code == 302
    assert "8.49" in text_of(ines, f"{draft}changes/")
    wrong = SimpleUploadedFile("prices.csv", changed.replace("8,49", "eight").encode())
    answer = ines.post(f"{draft}prices/", {"file": wrong})
    assert answer.status_code == 422
    assert "eight is not an amount" in answer.content.decode()
    assert Draft.objects.get().version == 2


def test_the_files_of_a_release_in_one_archive(ines: Client) -> None:
    answer = ines.get("/backoffice/releases/1/files/")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert "release-1/offerings.yaml" in names
    assert ines.get("/backoffice/releases/1/files/").content == answer.content


def test_a_draft_that_is_behind_says_so_and_catches_up(ines: Client, draft: str) -> None:
    ines.post("/backoffice/releases/1/act/", {"act": "rollback"})
    assert "up to date" in text_of(ines, f"{draft}publish/")
    assert publish(ines, draft) == 200
    assert ines.post(f"{draft}act/", {"act": "catch-up"}).status_code == 302
    assert publish(ines, draft) == 302


def test_a_discarded_draft_can_be_read_but_not_changed(ines: Client, draft: str) -> None:
    assert ines.post(f"{draft}act/", {"act": "discard"}).status_code == 302
    assert "discarded" in text_of(ines, f"{draft}publish/")
    assert "Keep the text" not in text_of(ines, draft + MUSIC)
    assert keep(ines, draft, **{"name-en": "Ondine tunes"}) in (302, 409)
    assert Draft.objects.get().version == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("charges:", "charges: 12\nwas:"),
        ("charges:", "charges: [12, {code: monthly, terms: 24, channels: web}]\nwas:"),
        ("charges:", "variants: 7\ncharges:"),
        ("charges:", "channels: 7\ncharges:"),
        ("charges:", "valid_from: [1]\ncharges:"),
    ],
)
def test_a_part_of_any_shape_can_be_looked_at_and_has_findings(
    ines: Client, draft: str, old: str, new: str
) -> None:
    place = f"{draft}parts/offerings/ondine-musique/"
    text = ines.get(place).context["text"]
    assert old in text
    told = {"act": "text", "text": text.replace(old, new, 1), "revision": "1"}
    assert ines.post(place, told).status_code == 302
    for page in (place, f"{draft}findings/", f"{draft}changes/", f"{draft}prices/",
                 f"{draft}prices/?csv=1", f"{draft}publish/", draft):  # fmt: skip
        assert ines.get(page).status_code == 200, page
    sent = SimpleUploadedFile("prices.csv", ines.get(f"{draft}prices/?csv=1").content)
    assert ines.post(f"{draft}prices/", {"file": sent}).status_code == 302


def test_a_price_list_that_is_too_long_is_not_cut_off(
    ines: Client, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ines.get(f"{draft}prices/?csv=1").content
    monkeypatch.setattr(backoffice, "MOST_BYTES", len(listed) - 20)
    sent = SimpleUploadedFile("prices.csv", listed.replace(b"9.99", b"8.49"))
    answer = ines.post(f"{draft}prices/", {"file": sent})
    assert answer.status_code == 422
    assert "8.49" not in ines.get(f"{draft}prices/?csv=1").content.decode()
