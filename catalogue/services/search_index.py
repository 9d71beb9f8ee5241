"""The search index of a catalogue, written set by set from what its offerings say."""

from collections.abc import Sequence

from django.db import connection, transaction

from catalogue.domain.model import Offering, Snapshot
from catalogue.domain.search import Spoken, spoken
from catalogue.models import Release, SearchIndex

LANGUAGES = ("fr", "en")
_LOCK = 7_401_002
_AT_ONCE = 2_000
_KEPT = 12
"""Releases whose index stays; an older one is made again when somebody looks there."""

_SYNONYMS = """
CREATE TEMPORARY TABLE search_synonyms ON COMMIT DROP AS
SELECT language, string_agg(word, ' ') AS words,
       string_agg('(' || phraseto_tsquery(reader, word)::text || ')', ' | ')::tsquery AS any_of
FROM unnest(%s::int[], %s::text[], %s::text[]) AS said(place, language, word),
     LATERAL (SELECT ('search_' || language)::regconfig AS reader) AS read
WHERE numnode(phraseto_tsquery(reader, word)) > 0
GROUP BY place, language
"""

# Names weigh A, category and make B, what is said of it C; synonyms of A and B, and the rest, D.
_ENTRIES = """
WITH said AS MATERIALIZED (
    SELECT place, summary_fr, summary_en, rest_fr, rest_en,
           setweight(to_tsvector('search_fr', name_fr) || to_tsvector('search_en', name_en)
                     || to_tsvector('search_plain', name_fr || ' ' || name_en), 'A')
           || setweight(to_tsvector('search_fr', sort_fr) || to_tsvector('search_en', sort_en)
                        || to_tsvector('search_plain', sort_fr || ' ' || sort_en), 'B') AS named
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::text[], %s::text[])
         AS said(place, name_fr, name_en, sort_fr, sort_en,
                 summary_fr, summary_en, rest_fr, rest_en)
), alike AS (
    SELECT place,
           string_agg(words, ' ') FILTER (WHERE language = 'fr') AS fr,
           string_agg(words, ' ') FILTER (WHERE language = 'en') AS en
    FROM said JOIN search_synonyms ON named @@ any_of
    GROUP BY place
)
INSERT INTO offering_searchentry (index_id, place, words)
SELECT %s, place, named
       || setweight(to_tsvector('search_fr', summary_fr) || to_tsvector('search_en', summary_en)
                    || to_tsvector('search_plain', summary_fr || ' ' || summary_en), 'C')
       || setweight(to_tsvector('search_fr', rest_fr || ' ' || coalesce(fr, ''))
                    || to_tsvector('search_en', rest_en || ' ' || coalesce(en, ''))
                    || to_tsvector('search_plain', coalesce(fr, '') || ' ' || coalesce(en, '')),
                    'D')
FROM said LEFT JOIN alike USING (place)
"""

_WORDS = """
INSERT INTO offering_searchword AS known (index_id, word, entries)
SELECT %s, word, count(*)
FROM unnest(%s::text[]) AS said(text),
     LATERAL unnest(tsvector_to_array(to_tsvector('search_plain', text))) AS word
WHERE word ~ '[a-z]' AND length(word) BETWEEN 2 AND 64
GROUP BY word
ON CONFLICT (index_id, word) DO UPDATE SET entries = known.entries + excluded.entries
"""


@transaction.atomic
def ensure_index(snapshot: Snapshot) -> int:
    """The id of the search index of this catalogue, which is made if it is not there yet.

    Publishing calls it; so does whoever misses it. May be repeated, and run by several at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    index, new = SearchIndex.objects.get_or_create(digest=snapshot.digest)
    if new:
        _fill(index.pk, snapshot)
        _forget_old(keep=index.pk)
    return index.pk


def _fill(index: int, snapshot: Snapshot) -> None:
    offerings = list(snapshot.offerings.values())
    with connection.cursor() as cursor:
        cursor.execute(_SYNONYMS, _synonyms(snapshot))
        for first in range(0, len(offerings), _AT_ONCE):
            part = offerings[first : first + _AT_ONCE]
            texts = _texts(snapshot, part)
            cursor.execute(
                _ENTRIES, [list(range(first, first + len(part))), *map(list, texts), index]
            )
            cursor.execute(_WORDS, [index, [" ".join(each) for each in zip(*texts, strict=True)]])
        words = [" ".join(group.words) for group in snapshot.synonyms]
        cursor.execute(_WORDS, [index, words])
        cursor.execute("DROP TABLE search_synonyms")
        cursor.execute("ANALYZE offering_searchentry, offering_searchword")


def _synonyms(snapshot: Snapshot) -> tuple[list[int], list[str], list[str]]:
    rows = [
        (place, group.language, word)
        for place, group in enumerate(snapshot.synonyms)
        for word in group.words
    ]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _texts(snapshot: Snapshot, offerings: Sequence[Offering]) -> list[tuple[str, ...]]:
    """Columns: name, sort, summary and rest, each in French and in English."""
    rows: list[list[str]] = []
    for offering in offerings:
        said: list[Spoken] = [spoken(snapshot, offering, language) for language in LANGUAGES]
        rows.append([text for part in zip(*said, strict=True) for text in part])
    return list(zip(*rows, strict=True))


def _forget_old(*, keep: int) -> None:
    """Only the latest releases keep their index."""
    latest = Release.objects.order_by("-number").values_list("digest", flat=True)[:_KEPT]
    SearchIndex.objects.exclude(digest__in=list(latest)).exclude(pk=keep).delete()
