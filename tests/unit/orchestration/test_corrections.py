"""What an operator may replace of a request."""

import pytest

from commerce.kernel.errors import InvalidInput
from orchestration.domain.corrections import whole_address

HOME = {"name": "Ada Aubry", "line1": "1 rue Haute", "postcode": "75011", "city": "Paris"}


def test_an_address_needs_no_second_line_and_no_phone() -> None:
    assert whole_address(HOME | {"line2": ""}) == HOME | {"line2": ""}


@pytest.mark.parametrize("name", ["name", "line1", "postcode", "city"])
def test_an_address_of_which_a_part_is_missing_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        whole_address(HOME | {name: ""})
    assert (refused.value.code, refused.value.detail["field"]) == ("value_missing", name)
