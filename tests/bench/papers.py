"""Invoices on paper, each with its XML inside: how many of them a core makes in a second."""

import json

from commerce.local.stack import Stack
from tests.bench.results import Metric, metric

MADE = "from tests.bench.papermaking import rates; print(rates())"
"""In a process of its own: the harness knows no settings."""


def measure(stack: Stack) -> list[Metric]:
    """A consumer's invoice of four lines (`pdf`) and a fleet's of a hundred (`pdf_fleet`), in
    processor time."""
    rates = json.loads(stack.manage("shell", "--no-imports", "-c", MADE))
    return [metric(name, made, unit="/s and core") for name, made in rates.items()]
