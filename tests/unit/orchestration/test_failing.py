"""An item of a bundle fails for good: its bundle goes on, goes back, or somebody is asked."""

from pathlib import Path

import pytest
import yaml

from orchestration.domain.decompose import decompose
from orchestration.domain.failing import Verdict, verdict_on
from orchestration.domain.recipes import Failing, parse_recipes
from tests.integration.orchestration.test_cancelling import line

ALONE, BUNDLE, ASK = Failing.ALONE, Failing.BUNDLE, Failing.ASK
DEMO = Path(__file__).resolve().parents[3] / "catalogue" / "demo"
PHONE = {"phone": ASK, "plan": BUNDLE, "content": ALONE, "case": ALONE}


@pytest.mark.parametrize(
    ("failed", "policies", "verdict"),
    [
        (["content"], PHONE, Verdict(ALONE, ("content",))),
        (["content", "case"], PHONE, Verdict(ALONE, ("case", "content"))),
        (["phone", "case"], PHONE, Verdict(ASK)),  # one parcel of both
        (["plan"], PHONE, Verdict(BUNDLE)),
        (["phone", "plan"], PHONE, Verdict(BUNDLE)),
        (["content"], {"content": ALONE}, Verdict(BUNDLE)),  # nothing would be left
        (["unknown"], PHONE, Verdict(ASK)),
        ([], PHONE, Verdict(ASK)),
    ],
)
def test_the_policies_of_the_lines_decide_together(
    failed: list[str], policies: dict[str, Failing], verdict: Verdict
) -> None:
    assert verdict_on(failed, policies=policies) == verdict


def port_first(sim_waits: bool) -> dict[str, tuple[str, ...]]:
    """The phone leaves only once the port is accepted; the number moves once a card is there."""
    needs = ["sim.pack"] if sim_waits else []
    recipes = parse_recipes(
        {
            "mobile-line": {
                "tasks": [
                    {"key": "port", "kind": "callback", "until": "port.completed", "needs": needs},
                    {"key": "agreed", "kind": "milestone", "of": "port", "until": "port.eligible"},
                ]
            },
            "handset": {
                "fails": "bundle",
                "tasks": [
                    {"key": "pack", "kind": "call", "shared": True, "after": ["plan.agreed"]}
                ],
            },
            "physical-sim": {"tasks": [{"key": "pack", "kind": "call", "shared": True}]},
        }
    )
    assert recipes["handset"].fails is BUNDLE
    items = (
        line("1", "handset", "handset"),
        line("2", "plan", "mobile-line"),
        *([line("3", "sim", "physical-sim")] if sim_waits else []),
    )
    return {spec.key: spec.needs for spec in decompose(items, recipes=recipes)}


def test_a_phone_leaves_only_if_the_port_is_accepted() -> None:
    assert port_first(sim_waits=False) == {"2.port": (), "2.agreed": (), "pack": ("2.agreed",)}


def test_where_the_port_itself_waits_for_the_parcel_the_parcel_goes_first() -> None:
    assert port_first(sim_waits=True) == {"2.port": ("pack",), "2.agreed": (), "pack": ()}


def test_in_the_demonstration_a_case_may_fail_alone_but_not_in_one_parcel_with_its_phone() -> None:
    data = yaml.safe_load((DEMO / "recipes.yaml").read_text(encoding="utf-8"))
    recipes = parse_recipes(data["recipes"])
    policies = {"phone": recipes["handset"].fails, "case": recipes["accessory"].fails}
    assert verdict_on(["case"], policies=policies) == Verdict(ALONE, ("case",))
    assert verdict_on(["case", "phone"], policies=policies) == Verdict(ASK)
    (proof,) = [t for t in recipes["mobile-line.terminate"].tasks if t.kind == "manual"]
    assert (proof.hours, proof.working) == (72, True), "three working days, not a weekend of them"
