"""A firm finds the offer, orders a fleet from a table, has it approved, and sees its bill."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]
HEADING = "user_name;user_email;plan;handset;sim;term;site;cost_centre;number;rio"
PHONE = "halvik-bureau-128-graphite"
LONG = 120_000


def table(count: int = 25, *, mark: str = "a", phone: str = PHONE) -> list[str]:
    """Named users at the firm's two sites, a phone each."""
    rows = [HEADING]
    for index in range(1, count + 1):
        site = "Atelier" if index % 2 else "Entrepôt"
        mail = f"{mark}{index:02}@rivoire.example"
        rows.append(f"Personne {index:02};{mail};flotte-50;{phone};carte-sim;24;{site};EM-01;;")
    return rows


def spoiled(rows: list[str]) -> list[str]:
    """Four rows with a mistake each: plan, commitment, e-mail, site."""
    wrong = list(rows)
    wrong[3] = wrong[3].replace("flotte-50", "flotte-51")
    wrong[7] = wrong[7].replace(";24;", ";two;")
    wrong[9] = re.sub(r"\w+@rivoire\.example", "nobody", wrong[9])
    wrong[12] = wrong[12].replace("Entrepôt", "Lyon")
    return wrong


def upload(page: Page, rows: list[str]) -> None:
    page.set_input_files(
        "#id_file",
        files={"name": "flotte.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()},
    )
    page.locator("button[value=check]").click()


def order_lines(page: Page, *, purchase_order: str) -> str:
    """Order what is priced on the page; the order's number."""
    page.fill("#id_purchase_order", purchase_order)
    page.check("#id_terms")
    page.locator(".promise .button-main").click()
    page.wait_for_url(re.compile(r"/portal/orders/F-"))
    return page.url.rstrip("/").rsplit("/", 1)[-1]


@pytest.mark.parametrize(
    ("width", "language", "dark"), [(1280, "fr", False), (390, "en", True), (390, "fr", False)]
)
def test_a_firm_sees_an_honest_example_in_prices_without_tax(
    chromium: Browser, stack: Stack, width: int, language: str, dark: bool
) -> None:
    with watched(chromium, stack, width=width, language=language, dark=dark) as page:
        page.goto(f"{stack.info.web_url}/business/")
        nothing_wrong(page)
        saving = page.locator(".promise-card-total").last
        assert ("10 %" if language == "fr" else "10 % off from 20 lines") in saving.inner_text()
        assert page.locator(".promise-bars .bar").count() == 24
        assert page.locator(".fleet-hero svg").count() == 3
        page.locator("main .button-main").click()
        page.wait_for_url(re.compile("/account/login/"))


def test_a_fleet_of_25_is_mended_ordered_approved_and_goes_live(
    chromium: Browser, stack: Stack
) -> None:
    web = stack.info.web_url
    rows = table()
    with watched(chromium, stack) as page:
        log_in(page, stack, role="buyer")
        page.goto(f"{web}/portal/new/")
        nothing_wrong(page)
        upload(page, spoiled(rows))
        expect(page.locator(".alert-title")).to_have_text("4 lignes à corriger")
        assert page.locator(".row-wrong td.number").all_inner_texts() == ["3", "7", "9", "12"]
        assert page.locator(".row-errors b").all_inner_texts() == [
            *("Forfait", "Engagement", "E-mail", "Site")
        ]
        assert page.locator(".promise").count() == 0
        nothing_wrong(page)

        page.fill("#id_table", "\n".join(rows))
        page.locator("button[value=check]").click()
        expect(page.locator(".alert-title")).to_have_text("Les 25 lignes conviennent")
        assert "× 25" in page.locator(".promise-lines").inner_text()
        page.locator(".promise .button-main").click()
        expect(page.locator("#id_purchase_order_error")).to_be_visible()
        nothing_wrong(page)
        number = order_lines(page, purchase_order="BC-2026-117")
        expect(page.locator("main dl").first).to_contain_text("Claire Rivoire")
        assert page.locator("#lines tbody tr").count() == 25
        nothing_wrong(page)

        with watched(chromium, stack, width=390, language="en") as approver:
            log_in(approver, stack, role="approver")
            approver.goto(f"{web}/portal/approvals/")
            nothing_wrong(approver)
            approver.get_by_role("link", name=number).click()
            expect(approver.locator("main h1")).to_contain_text(number)
            nothing_wrong(approver)
            approver.locator("button[value=reject]").click()
            expect(approver.locator(".toast")).to_contain_text("Say why you reject")
            approver.locator("button[value=approve]").click()
            expect(approver.locator(".toast")).to_contain_text("approved")

        page.reload()
        expect(page.locator("#lines")).to_contain_text("25 sur 25 actives", timeout=LONG)
        expect(page.locator("#lines .row .status")).to_have_text("terminée", timeout=LONG)
        line = page.locator("#lines tbody tr").first.inner_text()
        assert re.search(r"0[67]( \d\d){4}", line.replace("\u00a0", " "))
        assert "893315" in line
        assert "CB0" in line
        nothing_wrong(page)

        page.goto(f"{web}/portal/bills/")
        nothing_wrong(page)
        row = page.locator("tbody tr", has_text="BC-2026-117").first
        row.get_by_role("link").click()
        sheet = page.locator(".bill")
        expect(sheet).to_contain_text("SIREN")
        expect(sheet).to_contain_text("TVA à 20")
        expect(sheet).to_contain_text("Carte SIM × 25")
        expect(sheet).to_contain_text("indemnité forfaitaire de 40")
        expect(sheet).to_contain_text("BC-2026-117")
        expect(sheet.locator(".badge-mint")).to_be_visible()
        nothing_wrong(page)


def test_an_order_within_the_limit_starts_at_once_and_one_above_is_rejected_with_a_reason(
    chromium: Browser, stack: Stack
) -> None:
    web = stack.info.web_url
    with watched(chromium, stack, width=390, language="en") as page:
        log_in(page, stack, role="buyer")
        page.goto(f"{web}/portal/new/")
        page.fill("#id_table", "\n".join(table(1, mark="b", phone="")))
        page.locator("button[value=check]").click()
        expect(page.locator(".alert-title")).to_have_text("1 row fits")
        nothing_wrong(page)
        order_lines(page, purchase_order="PO-1")
        expect(page.locator("#lines")).to_contain_text("1 of 1 active", timeout=LONG)

        page.goto(f"{web}/portal/new/")
        page.fill("#id_table", "\n".join(table(25, mark="c")))
        page.locator("button[value=check]").click()
        number = order_lines(page, purchase_order="PO-2")
        with watched(chromium, stack) as approver:
            log_in(approver, stack, role="approver")
            approver.goto(f"{web}/portal/orders/{number}/")
            approver.fill("#note", "Pas cette année")
            approver.locator("button[value=reject]").click()
            expect(approver.locator("main dl").first).to_contain_text("Refusée par Claire Rivoire")
        page.reload()
        expect(page.locator("main dl").first).to_contain_text("Pas cette année")
        nothing_wrong(page)


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (390, "fr")])
def test_a_firm_orders_a_special_number_and_sees_it_with_its_sign(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    web = stack.info.web_url
    with watched(chromium, stack, width=width, language=language, dark=width == 390) as page:
        log_in(page, stack, role="buyer")
        page.goto(f"{web}/portal/numbers/")
        assert page.locator(".number-offers .price-sign").count() == 5
        nothing_wrong(page)
        page.locator("a[href$='numero-majore-0823/']").click()
        page.wait_for_load_state("networkidle")
        nothing_wrong(page)
        page.fill("#id_route_to", "01 99 00 12 34")
        page.check("input[name=purpose][value=complaints]")
        page.locator("#number .button-main").click()
        expect(page.locator("#id_purpose_error")).to_contain_text("L121-16")
        nothing_wrong(page)
        page.check("input[name=purpose][value=service]")
        page.locator("#figures").press_sequentially("*4")
        others = page.locator("#numbers label").filter(has_not_text=re.compile("4$"))
        expect(others).to_have_count(0)
        chosen = page.locator("#numbers label").first.inner_text().strip()
        page.locator("#number .button-main").click()
        page.wait_for_url(re.compile("/portal/numbers/cart/"))
        expect(page.locator("main .price-sign b")).to_have_text(chosen)
        nothing_wrong(page)
        order_lines(page, purchase_order=f"PO-{language}")
        expect(page.locator("#lines .price-sign")).to_contain_text(chosen)
        done = "1 sur 1 active" if language == "fr" else "1 of 1 active"
        expect(page.locator("#lines")).to_contain_text(done, timeout=LONG)
        nothing_wrong(page)
        page.goto(f"{web}/portal/numbers/")
        row = page.locator("tbody tr", has_text=chosen)
        expect(row).to_contain_text("01 99 00 12 34")
        expect(row).to_contain_text("en service" if language == "fr" else "in service")
        nothing_wrong(page)


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (390, "fr")])
def test_every_page_of_the_portal_is_accessible_and_ends_with_logging_out(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    with watched(chromium, stack, width=width, language=language, dark=width == 390) as page:
        log_in(page, stack, role="approver")
        for path in ("", "new/", "numbers/", "orders/", "approvals/", "bills/", "people/"):
            page.goto(f"{stack.info.web_url}/portal/{path}")
            assert page.locator("h1").count() == 1
            nothing_wrong(page)
        page.locator("header form[action='/account/logout/'] button").click()
        page.wait_for_url(re.compile("/account/login/"))


def test_a_firm_adds_a_webhook_sees_its_secret_once_and_the_answer_to_a_test(
    chromium: Browser, stack: Stack
) -> None:
    with watched(chromium, stack, width=390, language="fr", dark=True) as page:
        log_in(page, stack, role="buyer")
        page.goto(f"{stack.info.web_url}/portal/webhooks/")
        page.locator("main .button-main").click()
        expect(page.locator("#id_url_error")).to_be_visible()
        nothing_wrong(page)
        page.fill("#id_url", f"{stack.info.web_url}/healthz")
        page.fill("#id_name", "ERP")
        page.locator("main .button-main").click()
        expect(page.locator(".card .code")).to_contain_text("whsec_")
        nothing_wrong(page)
        page.locator("button[value=test]").click()
        expect(page.locator("#log tbody tr")).to_contain_text("webhook.test")
        expect(page.locator("#log .webhook-try").first).to_be_visible(timeout=LONG)
        assert "whsec_" not in page.content()
        nothing_wrong(page)
        page.locator("summary", has_text="Supprimer").click()
        page.locator("button[value=remove]").click()
        page.wait_for_url(re.compile("/portal/webhooks/$"))
        nothing_wrong(page)
