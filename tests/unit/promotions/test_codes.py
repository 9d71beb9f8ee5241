"""Single-use codes as text: readable, checked, and drawn from a secret."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.readable import ALPHABET, check_letter, is_checked
from promotions.domain.codes import code_of, codes_of, digest_of, normalise

SECRET = b"0123456789abcdef0123456789abcdef"
LETTERS = st.text(ALPHABET, min_size=2, max_size=20)


def test_codes_are_those_of_the_secret_and_all_different() -> None:
    codes = list(codes_of(SECRET, count=2000))

    assert codes == list(codes_of(SECRET, count=2000))
    assert len(set(codes)) == 2000
    assert codes[6] == code_of(SECRET, number=7)
    assert all(normalise(code) == code for code in codes)
    assert not set(codes) & set(codes_of(SECRET[::-1], count=2000))
    # Every letter comes about as often as another: 22,000 letters, 880 of each.
    counts = Counter(letter for code in codes for letter in code.replace("-", "")[:-1])
    assert set(counts) == set(ALPHABET)
    assert max(counts.values()) < 2 * min(counts.values())


def test_a_code_is_found_however_it_is_typed() -> None:
    code = code_of(SECRET, number=1)

    assert len(code) == 14
    assert normalise(f" {code.lower().replace('-', ' ')} ") == code
    assert digest_of(code.replace("-", "").lower(), key=b"k") == digest_of(code, key=b"k")
    assert digest_of(code, key=b"k") != digest_of(code, key=b"another")
    assert normalise(code[:-1]) is None
    assert normalise("RENTREE") is None


@given(letters=LETTERS, place=st.integers(0, 19), other=st.sampled_from(ALPHABET))
def test_one_wrong_letter_is_noticed(letters: str, place: int, other: str) -> None:
    whole = letters + check_letter(letters)
    place %= len(whole)
    wrong = whole[:place] + other + whole[place + 1 :]

    assert is_checked(whole)
    assert is_checked(wrong) == (wrong == whole)


@given(letters=LETTERS, place=st.integers(0, 19))
def test_two_letters_exchanged_are_noticed(letters: str, place: int) -> None:
    whole = letters + check_letter(letters)
    place %= len(whole) - 1
    wrong = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]

    assert is_checked(wrong) == (wrong == whole)
