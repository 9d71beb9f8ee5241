"""What is wrong is said in English and in French, with its values."""

from pathlib import Path

import pytest
from django.utils.translation import gettext, override

from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid
from commerce.kernel.sentences import Sentence, in_words
from tests.unit.catalogue.catalogues import SMALL, written
from tests.unit.catalogue.faults import FAULTS
from tests.unit.catalogue.test_importer import DAY


def test_a_sentence_is_its_english_text_and_can_be_said_otherwise() -> None:
    inner = Sentence("from %(day)s on", day="Monday")
    whole = Sentence("Closed %(gap)s, 100 %% sure.", gap=inner)
    assert whole == "Closed from Monday on, 100 % sure."
    french = {"from %(day)s on": "dès %(day)s", "Closed %(gap)s, 100 %% sure.": "Fermé %(gap)s."}
    assert whole.in_(lambda text: french.get(text, text)) == "Fermé dès Monday."
    assert Sentence("100 %").in_(str.upper) == "100 %"
    assert in_words("as it is", str.upper) == "as it is"


@pytest.mark.parametrize(("what", "good", "bad"), [fault[:3] for fault in FAULTS])
def test_every_finding_has_its_french(tmp_path: Path, what: str, good: str, bad: str) -> None:
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, SMALL.replace(good, bad, 1)), on=DAY)
    for problem in refused.value.problems:
        assert isinstance(problem.message, Sentence), problem
        with override("fr"):
            assert problem.message.in_(gettext) != problem.message
        with override("en"):
            assert problem.message.in_(gettext) == problem.message
