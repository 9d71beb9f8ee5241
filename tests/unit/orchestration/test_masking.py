"""Operators see requests and answers, never the keys in them."""

from orchestration.domain.masking import masked


def test_secrets_are_hidden_at_every_depth_and_the_rest_stays() -> None:
    request = {
        "msisdn": "0639981234",
        "rio": "02PA1B2C3RE+",
        "deliver_to": {"name": "Ada Martin", "phone": "+33639981234"},
        "lines": [{"sku": "x", "lpa": "LPA:1$a$b"}],
    }
    assert masked(request) == {
        "msisdn": "0639981234",
        "rio": "•••",
        "deliver_to": {"name": "Ada Martin", "phone": "•••"},
        "lines": [{"sku": "x", "lpa": "•••"}],
    }


def test_an_empty_secret_is_shown_as_empty() -> None:
    assert masked({"eid": ""}) == {"eid": ""}
