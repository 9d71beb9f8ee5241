"""A catalogue manager's work: drafts, findings, releases now and on a day, and the way back."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from catalogue.importer.sources import CatalogueInvalid
from catalogue.importer.writing import restored, text_of
from catalogue.models import CatalogueAct, Draft, DraftPart, Preview, Release
from catalogue.selectors import (
    current_release,
    current_snapshot,
    document_of,
    previewing,
    releases,
    snapshot_of,
    source_of,
)
from catalogue.services import drafts, publishing
from catalogue.services.imports import import_catalogue
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role, StaffKind
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, Forbidden, IllegalTransition, InvalidInput, NotFound
from commerce.kernel.money import Money
from tests.integration.catalogue.conftest import AT

pytestmark = pytest.mark.django_db
__all__ = ["AT"]
DAY = timedelta(days=1)
INES = AccountContext(
    actor=Actor(ActorKind.AGENT, 7, "Inès"),
    party_id=None,
    role=Role.AGENT,
    channel=Channel.CALL_CENTRE,
    staff=frozenset({StaffKind.CATALOGUE_MANAGER.value}),
)
HUGO = AccountContext(
    actor=Actor(ActorKind.AGENT, 8, "Hugo"),
    party_id=None,
    role=Role.OPERATOR,
    channel=Channel.CALL_CENTRE,
    staff=frozenset({StaffKind.OPERATOR.value}),
)
MUSIC = {"section": "offerings", "key": "ondine-musique"}


def begun(name: str = "Autumn") -> int:
    return drafts.open_draft(INES, name=name)


def part(draft: int, *, section: str = "offerings", key: str = "ondine-musique") -> DraftPart:
    return DraftPart.objects.get(draft=draft, section=section, key=key)


def priced(draft: int, old: str, new: str) -> None:
    found = part(draft)
    text = text_of(restored(found.data))
    assert old in text
    drafts.write_part(
        INES, draft_id=draft, **MUSIC, text=text.replace(old, new), revision=found.revision
    )


def version(draft: int) -> int:
    return Draft.objects.get(pk=draft).version


def published(draft: int, *, at: datetime | None = None) -> int:
    return publishing.publish_draft(INES, draft_id=draft, version=version(draft), at=at)


def music(release: int | None = None) -> Money:
    snapshot = current_snapshot() if release is None else snapshot_of(release)
    return snapshot.offering("ondine-musique").charges[0].amount


def acts() -> list[tuple[str, str]]:
    return list(CatalogueAct.objects.order_by("id").values_list("code", "actor_name"))


def test_a_draft_begins_with_what_is_sold_and_changes_nothing_by_itself(shop: datetime) -> None:
    draft = begun()
    assert drafts.findings(draft) == ()
    assert DraftPart.objects.filter(draft=draft, section="families").count() == 25
    assert (version(draft), current_snapshot().release) == (1, 1)
    priced(draft, "9.99", "10.99")
    assert version(draft) == 2
    assert music() == Money.of("9.99")


def test_edit_finding_mend_publish(shop: datetime) -> None:
    draft = begun()
    priced(draft, "consumer: 9.99", "consumer: dear")
    (finding,) = drafts.findings(draft)
    assert (finding.section, finding.key, finding.field) == (
        "offerings",
        "ondine-musique",
        "charges[0].consumer",
    )
    with pytest.raises(CatalogueInvalid):
        published(draft)
    assert Release.objects.count() == 1
    priced(draft, "consumer: dear", "consumer: 10.99")
    assert drafts.findings(draft) == ()
    assert published(draft) == 2
    assert (music(), music(1)) == (Money.of("10.99"), Money.of("9.99"))
    row = Draft.objects.get(pk=draft)
    assert (row.state, row.release and row.release.number) == ("published", 2)
    assert acts() == [
        ("published", "system"),
        ("draft_opened", "Inès"),
        ("part_changed", "Inès"),
        ("part_changed", "Inès"),
        ("published", "Inès"),
    ]
    last = CatalogueAct.objects.filter(code="part_changed").latest("id")
    assert last.values["after"]["charges"][0]["consumer"] == {"decimal": "10.99"}


def test_text_that_can_not_be_read_is_refused_with_its_line_and_changes_nothing(
    shop: datetime,
) -> None:
    draft = begun()
    with pytest.raises(CatalogueInvalid) as refused:
        drafts.write_part(INES, draft_id=draft, **MUSIC, text="code: x\nname: {fr: [}", revision=1)
    assert refused.value.problems[0].line == 2
    assert version(draft) == 1


def test_the_same_text_again_is_no_change(shop: datetime) -> None:
    draft = begun()
    text = text_of(restored(part(draft).data))
    drafts.write_part(INES, draft_id=draft, **MUSIC, text=text, revision=1)
    assert (version(draft), part(draft).revision) == (1, 1)


def test_who_looked_before_another_wrote_is_told(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "10.99")
    with pytest.raises(Conflict) as refused:
        drafts.write_part(INES, draft_id=draft, **MUSIC, text="code: ondine-musique", revision=1)
    assert refused.value.code == "part_changed"
    with pytest.raises(Conflict) as stale:
        publishing.publish_draft(INES, draft_id=draft, version=1)
    assert stale.value.code == "draft_changed"
    assert Release.objects.count() == 1


def test_a_part_is_added_renamed_and_removed(shop: datetime) -> None:
    draft = begun()
    words = {"fr": "Une", "en": "One"}
    data: Mapping[str, Any] = {"code": "une", "name": words}
    add = {"draft_id": draft, "section": "rules", "key": ""}
    assert drafts.set_part(INES, **add, data=data) == "une"  # type: ignore[arg-type]
    with pytest.raises(Conflict) as refused:
        drafts.set_part(INES, **add, data=data)  # type: ignore[arg-type]
    assert refused.value.code == "part_is_there"
    renamed = drafts.set_part(
        INES, draft_id=draft, section="rules", key="une", data={**data, "code": "deux"}, revision=1
    )
    assert (renamed, part(draft, section="rules", key="deux").title) == ("deux", "Une / One")
    with pytest.raises(InvalidInput):
        drafts.set_part(INES, draft_id=draft, section="categories", key="", data=words)
    new = drafts.set_part(
        INES, draft_id=draft, section="categories", key="", data=words, new_key="soldes"
    )
    assert new == "soldes"
    for unusable in ("x" * 121, "two\nlines"):
        with pytest.raises(InvalidInput):
            drafts.set_part(INES, **add, data={**data, "code": unusable})  # type: ignore[arg-type]
    drafts.remove_part(INES, draft_id=draft, section="rules", key="deux", revision=2)
    assert drafts.findings(draft) == ()
    with pytest.raises(NotFound):
        drafts.set_part(INES, draft_id=draft, section="nonsense", key="", data=data)


def test_a_release_becomes_current_at_its_instant(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "12.99")
    day = shop + 10 * DAY
    assert published(draft, at=day) == 2
    assert current_snapshot(day - timedelta(microseconds=1)).release == 1
    assert current_snapshot(day).release == 2
    timer = Timer.objects.get(key="catalogue.release:2")
    assert (timer.due_at, timer.clock) == (day, "business")
    with business_time_fixed(day):
        publishing.on_release_due(timer.payload)
    assert acts()[-1] == ("in_force", "system")
    assert OutboxEvent.objects.filter(name="ReleaseInForce").count() == 1
    with pytest.raises(Conflict) as refused, business_time_fixed(day):
        publishing.withdraw(INES, number=2)
    assert refused.value.code == "release_in_force"


def test_a_release_can_be_taken_back_before_its_day(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "12.99")
    published(draft, at=shop + DAY)
    for _ in range(2):
        publishing.withdraw(INES, number=2)
    assert current_snapshot(shop + 2 * DAY).release == 1
    assert not Timer.objects.filter(key="catalogue.release:2").exists()
    assert [(r.number, r.withdrawn) for r in releases(limit=5)] == [(2, True), (1, False)]
    publishing.on_release_due({"release": 2})
    assert [code for code, _ in acts()].count("withdrawn") == 1
    assert "in_force" not in dict(acts())


def test_nobody_publishes_into_the_past(shop: datetime) -> None:
    draft = begun()
    with pytest.raises(InvalidInput) as refused:
        published(draft, at=shop - timedelta(seconds=1))
    assert refused.value.code == "publication_in_the_past"


def test_a_draft_that_is_behind_catches_up_first(shop: datetime) -> None:
    mine, theirs = begun("mine"), begun("theirs")
    priced(mine, "9.99", "10.99")
    changed = part(theirs, section="categories", key="audio")
    drafts.set_part(
        INES, draft_id=theirs, section="categories", key="audio", revision=changed.revision,
        data={"fr": "Son", "en": "Sound"},
    )  # fmt: skip
    priced(theirs, "9.99", "8.99")
    assert published(theirs) == 2
    with pytest.raises(Conflict) as refused:
        published(mine)
    assert refused.value.code == "draft_is_behind"
    assert drafts.catch_up(INES, draft_id=mine) == ("offerings/ondine-musique",)
    assert drafts.catch_up(INES, draft_id=mine) == ()
    assert published(mine) == 3
    now = current_snapshot()
    assert now.categories["audio"].in_("en") == "Sound"
    assert music() == Money.of("10.99")


def test_going_back_is_a_release_like_the_old_one(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "12.99")
    published(draft)
    assert publishing.roll_back(to=1, at=shop, context=INES) == 3
    assert music() == Money.of("9.99")
    assert document_of(3) == document_of(1)
    assert source_of(3)[1] == source_of(1)[1]
    assert [release.number for release in releases(limit=9)] == [3, 2, 1]
    with pytest.raises(NotFound):
        publishing.roll_back(to=9, at=shop, context=INES)


def test_one_goes_back_only_to_what_was_sold(shop: datetime) -> None:
    tomorrow = shop + timedelta(days=1)
    publishing.roll_back(to=1, at=tomorrow, context=INES)
    with pytest.raises(Conflict) as refused:
        publishing.roll_back(to=2, at=shop, context=INES)
    assert refused.value.code == "release_never_sold"
    publishing.withdraw(INES, number=2)
    with business_time_fixed(tomorrow + timedelta(days=1)), pytest.raises(Conflict):
        publishing.roll_back(to=2, at=shop, context=INES)


def test_a_discarded_draft_is_closed(shop: datetime) -> None:
    draft = begun()
    drafts.discard(INES, draft_id=draft)
    for late in (drafts.discard, drafts.preview):
        with pytest.raises((Conflict, IllegalTransition)):
            late(INES, draft_id=draft)


def test_a_preview_is_the_draft_as_it_was_and_only_inside_its_block(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "10.99")
    shown = drafts.preview(INES, draft_id=draft)
    assert drafts.preview(INES, draft_id=draft) == shown
    priced(draft, "10.99", "11.99")
    with previewing(shown):
        assert (current_snapshot().release, music()) == (shown, Money.of("10.99"))
        release = current_release()
        assert release is not None
        assert release.note == "Autumn"
    assert music() == Money.of("9.99")
    assert drafts.preview(INES, draft_id=draft) != shown
    assert Preview.objects.count() == 2
    with pytest.raises(NotFound), previewing(-999):
        pass


Act = Callable[[int, datetime], object]
ACTS: dict[str, Act] = {
    "open": lambda draft, at: drafts.open_draft(HUGO, name="x"),
    "write": lambda draft, at: drafts.write_part(
        HUGO, draft_id=draft, **MUSIC, text="code: x", revision=1
    ),
    "preview": lambda draft, at: drafts.preview(HUGO, draft_id=draft),
    "publish": lambda draft, at: publishing.publish_draft(HUGO, draft_id=draft, version=1),
    "back": lambda draft, at: publishing.roll_back(to=1, at=at, context=HUGO),
    "withdraw": lambda draft, at: publishing.withdraw(HUGO, number=1),
}


@pytest.mark.parametrize("act", ACTS)
def test_only_a_catalogue_manager_may(shop: datetime, act: str) -> None:
    draft = begun()
    before = CatalogueAct.objects.count()
    with pytest.raises(Forbidden):
        ACTS[act](draft, shop)
    assert CatalogueAct.objects.count() == before
    assert Release.objects.count() == 1


def test_what_was_done_stays_written_down(shop: datetime) -> None:
    begun()
    with pytest.raises(DatabaseError, match="stays written down"), transaction.atomic():
        CatalogueAct.objects.update(code="x")
    with pytest.raises(DatabaseError, match="stays written down"), transaction.atomic():
        CatalogueAct.objects.order_by("id")[:1].get().delete()


def test_export_and_import_of_a_release_by_command(shop: datetime, tmp_path: Path) -> None:
    out = StringIO()
    call_command("export_catalogue", str(tmp_path / "a"), stdout=out)
    assert "Release 1: 12 files" in out.getvalue()
    again = import_catalogue(tmp_path / "a", at=shop)
    assert (again.created, again.release) == (False, 1)
    call_command("export_catalogue", str(tmp_path / "b"), release=1, stdout=out)
    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert first == second
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_catalogue", str(tmp_path / "a"))
    with pytest.raises(CommandError, match="no such release"):
        call_command("export_catalogue", str(tmp_path / "c"), release=9)


def test_releases_by_command(shop: datetime) -> None:
    draft = begun()
    priced(draft, "9.99", "12.99")
    published(draft, at=shop + DAY)
    out = StringIO()
    call_command("catalogue_releases", "list", stdout=out)
    call_command("catalogue_releases", "compare", "1", "2", stdout=out)
    call_command("catalogue_releases", "withdraw", "2", stdout=out)
    call_command("catalogue_releases", "rollback", "1", "--at", "2027-01-01", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["2", "1"]
    assert "now" in lines[1]
    assert lines[2:] == [
        "~ offerings/ondine-musique price monthly consumer: 9.99 -> 12.99",
        "1 differences.",
        "Release 2 will not be sold.",
        "Release 3 sells what release 1 sold.",
    ]
    with pytest.raises(CommandError, match="neither a day"):
        call_command("catalogue_releases", "rollback", "1", "--at", "soon")
    with pytest.raises(CommandError, match="no release 9"):
        call_command("catalogue_releases", "rollback", "9")


def test_a_price_list_by_command(shop: datetime, tmp_path: Path) -> None:
    out, file = StringIO(), tmp_path / "autumn.csv"
    call_command("price_list", "export", str(file), stdout=out)
    row = "ondine-musique;monthly;;;;;;9.99;"
    text = file.read_text("utf-8-sig")
    assert row in text
    file.write_text(text.replace(row, row.replace("9.99", "9,49")), encoding="utf-8")
    call_command("price_list", "import", str(file), stdout=out)
    assert "1 parts have other prices" in out.getvalue()
    draft = Draft.objects.get(name="autumn")
    assert published(draft.pk) == 2
    assert music() == Money.of("9.49")
    file.write_text(text.replace(row, row.replace("9.99", "cheap")), encoding="utf-8")
    with pytest.raises(CommandError, match=r"autumn\.csv:\d+: consumer: cheap is not an amount"):
        call_command("price_list", "import", str(file))
    assert Draft.objects.count() == 1


def test_a_catalogue_of_others_becomes_a_draft_that_can_be_sold_once_it_has_stock(
    shop: datetime,
) -> None:
    out = StringIO()
    file = Path(__file__).resolve().parents[2] / "fixtures" / "tmf620.json"
    call_command("import_tmf620", str(file), name="Theirs", stdout=out)
    assert "left: category[c1].parentId: has no counterpart here" in out.getvalue()
    draft = Draft.objects.get(name="Theirs")
    found = drafts.findings(draft.pk)
    assert {(each.section, each.key) for each in found} >= {("offerings", "zed-256")}
    assert all(each.key in {"zed-256", "plan-tide"} for each in found)
    with pytest.raises(CommandError, match="not JSON"):
        call_command("import_tmf620", str(Path(__file__)), stdout=out)
