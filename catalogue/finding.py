"""What words find: full text by the stems of both languages, typos mended by trigrams."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import connection

from catalogue.domain.model import Kind, Offering, Snapshot
from catalogue.domain.search import words_typed
from catalogue.services.search_index import ensure_index

_SHORTEST_MENDED = 4

# A word is taken as it is, else as the beginning of one, else as the word that looks most like it.
_READ = """
WITH typed AS MATERIALIZED (
    SELECT place, word,
           plainto_tsquery('search_fr', word) AS fr, plainto_tsquery('search_en', word) AS en,
           plainto_tsquery('search_plain', word) AS plain
    FROM unnest(%(words)s::text[]) WITH ORDINALITY AS typed(word, place)
), exactly AS MATERIALIZED (
    SELECT *, EXISTS (SELECT FROM offering_searchentry
                      WHERE index_id = %(index)s AND words @@ (fr || en || plain)) AS there
    FROM (SELECT *, numnode(fr) = 0 OR numnode(en) = 0 AS filler FROM typed) AS typed
), beginning AS MATERIALIZED (
    SELECT *, CASE WHEN (NOT there AND NOT filler OR place = %(open)s)
                    AND word ~ '^[a-z0-9]{2,}$' THEN
                  EXISTS (SELECT FROM offering_searchentry WHERE index_id = %(index)s
                          AND words @@ to_tsquery('search_plain', word || ':*'))
              ELSE false END AS begins
    FROM exactly
)
SELECT word, filler, there, begins,
       CASE WHEN NOT there AND NOT begins AND length(word) >= %(shortest)s AND word !~ '[0-9]' THEN
           (SELECT known.word FROM offering_searchword AS known
            WHERE known.index_id = %(index)s AND known.word %% typed.word
            ORDER BY similarity(known.word, typed.word) DESC, entries DESC, known.word LIMIT 1)
       END
FROM beginning AS typed ORDER BY place
"""

# All that says the words in its name ranks alike (0.6), so that the shop's order decides there.
_FIND = """
SELECT array_agg(place)
FROM offering_searchentry, (SELECT %s AS asked) AS query
WHERE index_id = %s AND words @@ asked
GROUP BY least(round(ts_rank(words, asked)::numeric, 1), 0.6)
ORDER BY least(round(ts_rank(words, asked)::numeric, 1), 0.6) DESC
"""


class Reading(StrEnum):
    """How a typed word was taken."""

    WORD = "word"
    BEGINNING = "beginning"
    MENDED = "mended"
    FILLER = "filler"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was typed and as it was searched for (`used`)."""

    typed: str
    used: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Matches:
    """`ranks` are places of offerings in the snapshot: those that are equally near, the nearest
    first. None: nothing was asked for, so all match.
    """

    words: tuple[Word, ...]
    ranks: tuple[list[int], ...] | None

    @property
    def mended(self) -> str:
        """The text that was searched for, if it is not the one that was typed."""
        if not any(word.reading is Reading.MENDED for word in self.words):
            return ""
        return " ".join(word.used for word in self.words)


def matches(snapshot: Snapshot, text: str, *, typing: bool = False) -> Matches:
    """What has all words of `text`, in any language; at most three queries.

    While `typing`, the last word may be the beginning of another.
    """
    typed = words_typed(text)
    if not typed or not snapshot.offerings:
        return Matches((), None)
    index = _index_of(snapshot)
    words = _read(index, typed, typing=typing)
    asked = [word for word in words if word.reading is not Reading.FILLER]
    if any(word.reading is Reading.UNKNOWN for word in asked):
        return Matches(words, ())
    if not asked:
        return Matches(words, None)
    return Matches(words, _found(index, asked))


def _index_of(snapshot: Snapshot) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM offering_searchindex WHERE digest = %s", [snapshot.digest])
        found = cursor.fetchone()
    return int(found[0]) if found else ensure_index(snapshot)


def _read(index: int, typed: Sequence[str], *, typing: bool) -> tuple[Word, ...]:
    values: dict[str, list[str] | int] = {
        "words": list(typed),
        "index": index,
        "open": len(typed) if typing else 0,
        "shortest": _SHORTEST_MENDED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_READ, values)
        return tuple(_word(*row) for row in cursor.fetchall())


def _word(typed: str, filler: bool, there: bool, begins: bool, near: str | None) -> Word:
    if begins:
        return Word(typed, typed, Reading.BEGINNING)
    if filler:
        return Word(typed, typed, Reading.FILLER)
    if there:
        return Word(typed, typed, Reading.WORD)
    if near:
        return Word(typed, near, Reading.MENDED)
    return Word(typed, typed, Reading.UNKNOWN)


def _found(index: int, words: Sequence[Word]) -> tuple[list[int], ...]:
    parts, values = [], []
    for word in words:
        readers = [f"plainto_tsquery('search_{reader}', %s)" for reader in ("fr", "en", "plain")]
        values += [word.used] * len(readers)
        if word.reading is Reading.BEGINNING:
            readers.append("to_tsquery('search_plain', %s)")
            values.append(f"{word.used}:*")
        parts.append(f"({' || '.join(readers)})")
    with connection.cursor() as cursor:
        cursor.execute(_FIND % (" && ".join(parts), "%s"), [*values, index])
        return tuple(places for (places,) in cursor.fetchall())


def refurbished_of(snapshot: Snapshot, code: str) -> Offering | None:
    """The offering that sells the phone `code` refurbished: same maker, memory and colour, and a
    model that is called after it. None if there is none, or if it is refurbished itself."""
    new = snapshot.offerings.get(code)
    if new is None or new.kind is not Kind.HANDSET:
        return None
    alike = ("brand", "storage_gb", "colour")
    facts = new.characteristics
    for other in snapshot.offerings.values():
        told = other.characteristics
        if (
            other.kind is Kind.HANDSET
            and told.get("refurbished") is True
            and facts.get("refurbished") is not True
            and all(told.get(name) == facts.get(name) for name in alike)
            and str(told.get("model", "")).startswith(f"{facts.get('model')} ")
        ):
            return other
    return None
