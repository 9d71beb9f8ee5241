"""An operator watches a plan, decides what fell out, what was held and what was parked."""

import re

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of
from tests.browser.pages import log_in, nothing_wrong, watched
from tests.browser.test_business import HEADING, LONG, order_lines, table
from tests.integration.test_three_orders import shopper

pytestmark = [pytest.mark.stack, pytest.mark.browser]
KEPT = "0639987711"
REFERENCE = "A1B2C3"


def ordered(
    chromium: Browser, stack: Stack, rows: list[str], *, purchase_order: str, role: str = "buyer"
) -> str:
    with watched(chromium, stack, language="en") as page:
        log_in(page, stack, role=role)
        page.goto(f"{stack.info.web_url}/portal/new/")
        page.fill("#id_table", "\n".join(rows))
        page.locator("button[value=check]").click()
        return order_lines(page, purchase_order=purchase_order)


def planted(stack: Stack, **fault: object) -> None:
    answer = httpx.post(f"{stack.info.providers_url}/_control/faults", json=fault)
    assert answer.status_code == 201


def operator_at(page: Page, stack: Stack, path: str) -> None:
    log_in(page, stack, role="operator")
    page.goto(f"{stack.info.web_url}/ops/{path}")


def until_stuck(page: Page, *, count: int) -> None:
    """The page tells by itself that tasks fell out; then it is loaded with their remedies."""
    words = re.compile(rf"^{count} (tâche|task)")
    expect(page.locator("#plans .status-failed").first).to_have_text(words, timeout=LONG)
    page.get_by_role("link", name=re.compile("Voir les tâches|See the tasks")).click()
    page.wait_for_load_state("networkidle")


def test_what_a_provider_refuses_is_tried_again_done_by_hand_or_left_out(
    chromium: Browser, stack: Stack
) -> None:
    planted(stack, provider="network", operation="lines$", kind="refuse", times=3)
    number = ordered(chromium, stack, table(3, mark="o", phone=""), purchase_order="PO-O")
    with watched(chromium, stack, dark=True) as page:
        operator_at(page, stack, f"orders/{number}/")
        until_stuck(page, count=3)
        assert page.locator(".graph-failed").count() == 3
        assert page.locator(".task-failed").count() == 3
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/ops/fallout/")
        expect(page.locator("main")).to_contain_text("Refus du prestataire")
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/ops/orders/{number}/")

        page.locator(".task-failed button[value=skip]").first.click()
        expect(page.locator(".toast")).to_contain_text("Écrivez pourquoi")
        assert page.locator(".task-failed").count() == 3
        page.locator(".task-failed button[value=retry]").first.click()
        expect(page.locator(".task-failed")).to_have_count(2)
        page.locator(".task-failed input[name=note]").first.fill("Par téléphone avec le réseau")
        page.locator(".task-failed button[value=complete]").first.click()
        expect(page.locator(".task-failed")).to_have_count(1)
        page.goto(f"{stack.info.web_url}/ops/fallout/?cause=refused")
        page.select_option("#bulk-remedy", "skip")
        page.locator("form[action$='/fallout/decide/'] button").click()
        expect(page.locator("tbody tr", has_text=number)).to_contain_text("Le plan continue")
        nothing_wrong(page)
        page.fill("#bulk-note", "Ligne de secours en place")
        page.locator("main .button-main").click()
        expect(page.locator(".toast")).to_contain_text("1 tâche est décidée.")
        page.goto(f"{stack.info.web_url}/ops/providers/")
        expect(page.locator("tbody tr", has_text="Réseau")).to_contain_text("répond")
        nothing_wrong(page)
        for board in ("jeopardy", "manual", "portings", "settlements"):
            page.goto(f"{stack.info.web_url}/ops/{board}/")
            nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/ops/orders/{number}/")
        expect(page.locator(".task-failed")).to_have_count(0)
        expect(page.locator("#plans > .row .status-done")).to_have_text("terminée", timeout=LONG)
        page.reload()
        tasks = page.locator("#tasks")
        expect(tasks).to_contain_text("Par téléphone avec le réseau")
        expect(tasks).to_contain_text("Hugo Lefort")
        nothing_wrong(page)


def test_a_customer_cancels_an_order_that_is_under_way(chromium: Browser, stack: Stack) -> None:
    planted(stack, provider="warehouse", operation="shipments$", kind="refuse", times=1)
    planted(stack, provider="smdp", operation="confirmOrder$", kind="refuse", times=1)
    number = shopper(stack, number="06 39 98 77 12").order().number
    with watched(chromium, stack, language="en") as page:
        operator_at(page, stack, f"orders/{number}/")
        until_stuck(page, count=2)
    with watched(chromium, stack, width=390, language="en") as page:
        log_in(page, stack, role="shopper")
        page.goto(f"{stack.info.web_url}/orders/{number}/")
        page.get_by_role("link", name="Cancel the order").click()
        expect(page.locator("main li", has_text="The eSIM is withdrawn")).to_be_visible()
        expect(page.locator("main dl")).to_contain_text("Paid back to your card")
        nothing_wrong(page)
        page.get_by_role("button", name="Cancel it").click()
        expect(page.locator("#progress .status-failed")).to_have_text("cancelled", timeout=LONG)
        expect(page.locator("#progress")).to_contain_text("Taken back")
        nothing_wrong(page)
    with watched(chromium, stack, language="en") as page:
        operator_at(page, stack, f"orders/{number}/")
        expect(page.locator(".task", has_text="Withdraw the eSIM profile")).to_contain_text("Done")
        expect(page.locator(".task", has_text="Credit what was billed")).to_contain_text("Done")
        nothing_wrong(page)


def test_a_plan_is_drawn_while_it_runs_and_its_secrets_are_dots(
    chromium: Browser, stack: Stack
) -> None:
    key = key_of(operator="02", quality="P", reference=REFERENCE, number=KEPT)
    rio = f"02P{REFERENCE}{key}"
    row = f"Ada Martin;ada.port@rivoire.example;flotte-50;;carte-sim;24;Atelier;;{KEPT};{rio}"
    number = ordered(chromium, stack, [HEADING, row], purchase_order="PO-P")
    with watched(chromium, stack, width=390, language="en") as page:
        operator_at(page, stack, "orders/")
        nothing_wrong(page)
        page.fill("[data-search]", number)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text(number)
        expect(page.locator(".graph-done").first).to_be_visible(timeout=LONG)
        nothing_wrong(page)
        port = page.locator(".task", has_text="Bring the number over")
        expect(async_request := port.locator("pre").first).not_to_have_count(0, timeout=LONG)
        page.reload()
        port.locator("summary").click()
        asked = async_request.inner_text()
        assert KEPT[1:] in asked
        assert rio not in page.content()
        assert "•••" in asked


def test_a_bill_that_breaks_its_promise_is_held_and_released(
    chromium: Browser, stack: Stack
) -> None:
    number = ordered(chromium, stack, table(25, mark="h"), purchase_order="PO-H")
    with psycopg.connect(stack.info.database_url) as database:
        database.execute(
            "UPDATE subscriptions_promiseline SET amount = amount + 1 WHERE id = (SELECT min(l.id)"
            " FROM subscriptions_promiseline l JOIN subscriptions_promise p ON p.id = l.promise_id"
            " WHERE p.order_number = %s AND l.period = 0 AND l.amount > 0)",
            [number],
        )
    with watched(chromium, stack) as approver:
        log_in(approver, stack, role="approver")
        approver.goto(f"{stack.info.web_url}/portal/orders/{number}/")
        approver.locator("button[value=approve]").click()
        expect(approver.locator(".toast")).to_contain_text("approuvée")
    with watched(chromium, stack, language="en") as page:
        operator_at(page, stack, "billing/")
        for _ in range(40):
            if page.locator("button[value=issue]").count():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(page.locator("main")).to_contain_text("Another price than promised")
        nothing_wrong(page)
        page.locator("button[value=redraft]").click()
        expect(page.locator(".alert-error")).to_contain_text("bill of an order")
        page.locator("button[value=issue]").click()
        expect(page.locator(".toast")).to_contain_text("billed again")
        expect(page.locator("main")).to_contain_text("No bill is held")
        nothing_wrong(page)


def test_parked_work_is_seen_and_tried_again(chromium: Browser, stack: Stack) -> None:
    with psycopg.connect(stack.info.database_url) as database:
        database.execute(
            "UPDATE events_delivery SET state = 'parked', attempts = 8,"
            " last_error = 'ConnectionError: no route to the carrier'"
            " WHERE id = (SELECT max(id) FROM events_delivery WHERE state = 'done')"
        )
    with watched(chromium, stack, width=390, dark=True) as page:
        operator_at(page, stack, "work/")
        row = page.locator("tbody tr", has_text="no route to the carrier")
        expect(row).to_have_count(1)
        nothing_wrong(page)
        row.get_by_role("button").click()
        expect(page.locator(".toast")).to_contain_text("relancé")
        expect(page.locator("tbody tr", has_text="no route to the carrier")).to_have_count(0)


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_every_operators_page_is_accessible(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    with watched(chromium, stack, width=width, language=language) as page:
        operator_at(page, stack, "")
        for path in ("", "orders/", "fallout/", "billing/", "work/"):
            page.goto(f"{stack.info.web_url}/ops/{path}")
            assert page.locator("h1").count() == 1
            nothing_wrong(page)
        page.locator("header form[action='/account/logout/'] button").click()
        page.wait_for_url(re.compile("/account/login/"))


def test_money_that_could_not_be_taken_is_decided(chromium: Browser, stack: Stack) -> None:
    fault = {"route": "POST .*/capture$", "kind": "error", "status": 402, "times": 1}
    httpx.post(f"{stack.info.payments_url}/_control/faults", json=fault).raise_for_status()
    number = shopper(stack, number="06 39 98 77 03").order().number
    with watched(chromium, stack, width=390) as page:
        operator_at(page, stack, "payments/")
        expect(until(page, f"section:has-text('{number}')")).to_contain_text("La banque a refusé")
        nothing_wrong(page)
    with watched(chromium, stack, language="en") as page:
        operator_at(page, stack, "")
        expect(page.get_by_role("main")).to_contain_text("Refused payments")
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/ops/payments/")
        section = page.locator(f"section:has-text('{number}')")
        expect(section).to_contain_text("The bank refused")
        nothing_wrong(page)
        section.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("main")).to_contain_text("No payment waits for you")
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/ops/orders/{number}/")
        expect(page.get_by_role("main")).to_contain_text("the payment is tried again")


def until(page: Page, selector: str) -> Locator:
    """What the page shows after some reload."""
    for _ in range(30):
        found = page.locator(selector)
        if found.count():
            return found
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{page.url} never showed {selector}")
