"""What pydantic found in the shape of a catalogue, in our own words."""

from collections.abc import Mapping
from typing import Any

from commerce.kernel.sentences import Sentence

_PATTERNS: Mapping[str, Sentence] = {
    "missing": Sentence("This is required."),
    "extra_forbidden": Sentence("Nothing is known by this name; it is not permitted."),
    "string_type": Sentence("A text is expected."),
    "bool_type": Sentence("Say true or false."),
    "bool_parsing": Sentence("Say true or false."),
    "int_type": Sentence("A whole number is expected."),
    "int_parsing": Sentence("A whole number is expected."),
    "int_from_float": Sentence("A whole number is expected."),
    "decimal_type": Sentence("A valid decimal number is expected."),
    "decimal_parsing": Sentence("A valid decimal number is expected."),
    "dict_type": Sentence("A mapping is expected."),
    "model_type": Sentence("A mapping is expected."),
    "model_attributes_type": Sentence("A mapping is expected."),
    "tuple_type": Sentence("A list is expected."),
}


def sentence_of(detail: Mapping[str, Any]) -> str:
    """One sentence for an error of pydantic; its own English where we have no other."""
    said, plain = detail.get("ctx", {}), _PATTERNS.get(detail["type"])
    if plain is not None:
        return plain
    match detail["type"]:
        case "value_error":
            error = said["error"]
            return error.args[0] if error.args else str(detail["msg"])
        case "string_too_short":
            return Sentence(
                "This is too short: at least %(least)s is expected.", least=said["min_length"]
            )
        case "string_pattern_mismatch":
            return Sentence("This is not written like %(pattern)s.", pattern=said["pattern"])
        case "enum" | "literal_error":
            known = str(said["expected"]).replace(" or ", ", ")
            return Sentence("One of these is expected: %(known)s.", known=known)
        case "greater_than_equal":
            return Sentence("At least %(least)s is expected.", least=said["ge"])
        case "less_than_equal":
            return Sentence("At most %(most)s is expected.", most=said["le"])
        case "too_short":
            return Sentence("A list of at least %(least)s is expected.", least=said["min_length"])
        case "too_long":
            return Sentence("A list of at most %(most)s is expected.", most=said["max_length"])
    return str(detail["msg"])
