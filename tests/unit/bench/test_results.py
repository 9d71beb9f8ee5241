"""The result file has the promised shape, and its numbers are what they are called."""

import json
from pathlib import Path

import pytest

from tests.bench.results import commit_here, machine_here, metric, percentile, report, write


def test_the_file_holds_commit_machine_and_each_metric_in_the_promised_shape(
    tmp_path: Path,
) -> None:
    noop = metric("noop_rps", [990.0, 1000.0, 1010.0], unit="requests/s", n=3000)
    listing = metric("catalogue_list", [400.0], unit="requests/s", reference=noop.median)
    target = tmp_path / "results" / "latest.json"

    write(report([noop, listing], commit="abc", machine="a machine"), to=target)

    assert json.loads(target.read_text()) == {
        "commit": "abc",
        "machine": "a machine",
        "metrics": {
            "noop_rps": {
                "median": 1000.0,
                "p95": 1009.0,
                "n": 3000,
                "unit": "requests/s",
                "reference_ratio": None,
            },
            "catalogue_list": {
                "median": 400.0,
                "p95": 400.0,
                "n": 1,
                "unit": "requests/s",
                "reference_ratio": 0.4,
            },
        },
    }


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [([7.0], 95, 7.0), ([1.0, 2.0, 3.0], 50, 2.0), ([4.0, 0.0], 25, 1.0)],
)
def test_percentiles_lie_between_the_nearest_samples(
    samples: list[float], percent: float, expected: float
) -> None:
    assert percentile(samples, percent) == expected


def test_numbers_are_told_with_four_digits() -> None:
    told = metric("quote_bundle_ms", [0.912345678], unit="ms", reference=0.3).to_json()

    assert (told["median"], told["reference_ratio"]) == (0.9123, 3.041)


def test_a_measurement_without_samples_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="catalogue_list has no samples"):
        metric("catalogue_list", [], unit="requests/s")


def test_commit_and_machine_are_named() -> None:
    assert isinstance(commit_here(), str)
    assert "cores" in machine_here()
