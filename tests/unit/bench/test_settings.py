"""The bench's settings are production's, but for what a stack on loopback needs."""

import os
import subprocess
import sys

import pytest

from commerce.local.place import ROOT
from tests.unit.settings.test_production import GOOD


@pytest.mark.parametrize(("command", "told"), [("load_demo", "True True"), ("pump", "False False")])
def test_only_the_command_that_loads_demo_parties_may_name_loopback(
    command: str, told: str
) -> None:
    said = subprocess.run(
        (
            *(sys.executable, "-c"),
            f"import sys; sys.argv = ['manage.py', '{command}']\n"
            "from tests.bench import settings\n"
            "print(settings.VIRTUAL_CLOCK, settings.WEBHOOKS_STAY_HOME)",
        ),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, "PUBLIC_URL": "http://127.0.0.1:8000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.strip() == told, said.stderr
