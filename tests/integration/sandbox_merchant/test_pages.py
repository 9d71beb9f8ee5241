"""The merchant's own HTTP: his shop, his desk, and an operator who gives no answer."""

from pathlib import Path

from starlette.testclient import TestClient

from commerce.sandbox.common.settings import SandboxSettings
from commerce.sandbox.merchant.app import build
from commerce.sandbox.merchant.settings import MerchantSettings

EVENT = {"type": "org.camaraproject.carrier-billing.v0.payment-completed"}


def test_the_shop_stands_and_says_when_the_operator_is_silent(tmp_path: Path) -> None:
    settings = MerchantSettings(
        SandboxSettings(0, tmp_path / "merchant.sqlite3", "http://127.0.0.1:9"),
        "http://127.0.0.1:9",
        tmp_path / "none.json",
    )
    with TestClient(build(settings)) as browser:
        assert browser.get("/healthz").json() == {"status": "ok"}
        assert browser.get("/").text.count("on my telephone bill</button>") == 3
        bought = {"product": "lune-42", "number": "06 39 98 00 01"}
        assert "Your operator gives no answer." in browser.post("/buy", data=bought).text
        assert browser.post("/buy", data={"product": "lune-42", "number": "x"}).status_code == 422
        assert browser.get("/sales/none").status_code == 404
        assert browser.get("/_control/comparison").status_code == 503
        told = browser.get("/_control/ledger").json()
        assert [(each["number"], each["state"]) for each in told["sales"]] == [
            ("+33639980001", "asked")
        ]
        assert "token" not in told["sales"][0]
        wrong = browser.post("/events", json=EVENT)
        assert (wrong.status_code, wrong.json()["error"][:7]) == (400, "without")
        browser.post("/_control/faults", json={"kind": "deaf", "route": "completed"})
        assert [browser.post("/events", json=EVENT).status_code for _ in range(2)] == [503, 400]
