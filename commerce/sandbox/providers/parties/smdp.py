"""The SM-DP+: prepares eSIM profiles (ES2+ functions of GSMA SGP.22)."""

import re
import secrets
from collections.abc import Callable

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers import numbers
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Json,
    Operation,
    Party,
    Refusal,
    Thing,
    Verdict,
)
from commerce.sandbox.providers.world import World

ADDRESS = "smdp.sandbox.invalid"
MATCHING_ID = re.compile(r"[A-Z0-9-]{1,64}", re.IGNORECASE)
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
DOWNLOADED, INSTALLED = 3, 4
"""Notification points of SGP.22: the bound profile package was downloaded, and installed."""
INSTALLED_AFTER, ENABLED_AFTER = 20.0, 40.0
"""Seconds that a device takes once it has the package."""


def refuse(refusal: Refusal) -> Answer:
    """Refusals of ES2+ are answers with status 200 and a failed execution status."""
    subject, _, reason = refusal.code.partition("/")
    known = bool(re.fullmatch(r"[0-9.]+", subject))
    status = {
        "status": "Failed",
        "statusCodeData": {
            "subjectCode": subject if known else "1.2",
            "reasonCode": reason if known else "4.2",
            "subjectIdentifier": "ES2+",
            "message": refusal.detail if known else f"{refusal.code}: {refusal.detail}",
        },
    }
    return Answer(200, {"header": {"functionExecutionStatus": status}}, Verdict.REFUSED)


def download_order(world: World, call: Call) -> Answer:
    fields = _fields(call)
    wished, eid = fields.text("iccid", optional=True), fields.text("eid", optional=True)
    profile_type = fields.text("profileType", optional=True) or "FA_STANDARD"
    fields.check()
    if eid and not _eid_holds(eid):
        raise Refusal("8.1.1/2.1", "the EID is not valid")
    if wished and not (len(wished) == 19 and numbers.luhn_holds(wished)):
        raise Refusal("8.2.1/2.1", "the ICCID is not valid")
    if wished and world.get(wished) is not None:
        raise Refusal("8.2.1/3.3", "the ICCID is already in use")
    iccid = wished or numbers.iccid(world.next_number("iccid.8"), family=8)
    profile = world.create(
        call,
        kind="profile",
        thing_id=iccid,
        reference=fields.text("reference", optional=True) or iccid,
        state="Linked" if eid else "Allocated",
        facts={"iccid": iccid, "eid": eid, "profileType": profile_type, "smdpAddress": ADDRESS},
    )
    world.effect(call, "esim", profile.reference, thing=profile)
    return _done({"iccid": iccid}, profile)


def confirm_order(world: World, call: Call) -> Answer:
    fields = _fields(call)
    release, matching_id = fields.flag("releaseFlag"), fields.text("matchingId", optional=True)
    eid, code = fields.text("eid", optional=True), fields.text("confirmationCode", optional=True)
    fields.check()
    profile = _profile(world, call, states=("Allocated", "Linked"))
    if matching_id and not MATCHING_ID.fullmatch(matching_id):
        raise Refusal("8.2.6/2.1", "the matching id is not valid")
    if eid and (not _eid_holds(eid) or profile.facts["eid"] not in ("", eid)):
        raise Refusal("8.1.1/3.10", "the EID is not that of the order")
    matching_id = matching_id or _new_matching_id()
    profile = world.change(
        profile,
        state="Released" if release else "Confirmed",
        matchingId=matching_id,
        eid=eid or profile.facts["eid"],
        confirmationCodeRequired=bool(code),
        activationCode=f"LPA:1${ADDRESS}${matching_id}" + ("$$1" if code else ""),
    )
    world.effect(call, "esim_confirm", profile.reference, thing=profile)
    if release:
        world.effect(call, "esim_release", profile.reference, thing=profile)
    answer: Json = {"matchingId": matching_id, "smdpAddress": ADDRESS}
    if profile.facts["eid"]:
        answer["eid"] = profile.facts["eid"]
    return _done(answer, profile)


def release_profile(world: World, call: Call) -> Answer:
    _fields(call).check()
    profile = world.change(_profile(world, call, states=("Confirmed",)), state="Released")
    world.effect(call, "esim_release", profile.reference, thing=profile)
    return _done({}, profile)


def cancel_order(world: World, call: Call) -> Answer:
    """Possible until the profile has been downloaded."""
    fields = _fields(call)
    final = fields.text("finalProfileStatusIndicator")
    if final not in ("Available", "Unavailable"):
        fields.reject("finalProfileStatusIndicator", "is not Available or Unavailable")
    fields.check()
    states = ("Allocated", "Linked", "Confirmed", "Released")
    profile = world.change(_profile(world, call, states=states), state=final)
    world.undo(profile, by="cancelOrder")
    return _done({}, profile)


def download(world: World, *, iccid: str, eid: str, fails: bool = False) -> Thing:
    """A device downloads the profile, and installs and enables it unless it `fails` to: the shop is
    told of each, by HandleDownloadProgressInfo as far as that goes. Raises Refusal."""
    profile = world.get(iccid)
    if profile is None or profile.kind != "profile":
        raise Refusal("not_found", f"there is no profile {iccid}", status=404)
    if profile.state != "Released":
        raise Refusal("wrong_state", f"{iccid} is {profile.state}, not Released", status=409)
    if eid and not _eid_holds(eid):
        raise Refusal("invalid_request", "the EID is not valid")
    device = eid or profile.facts["eid"] or numbers.eid(world.next_number("eid"))
    profile = world.change(profile, state="Downloaded", eid=device, downloaded_at=iso(world.now))
    world.tell(profile, "profile.downloaded", _progress(world, profile, point=DOWNLOADED))
    if fails:
        profile = world.change(profile, state="Error")
        told = _progress(world, profile, point=INSTALLED, status="Failed")
        world.tell(profile, "profile.failed", told)
        return profile
    world.later(profile, "installed", position=1, truly=world.now + INSTALLED_AFTER)
    world.later(profile, "enabled", position=2, truly=world.now + ENABLED_AFTER)
    return profile


def installed(world: World, profile: Thing) -> None:
    profile = world.change(profile, state="Installed", installed_at=iso(world.now))
    world.tell(profile, "profile.installed", _progress(world, profile, point=INSTALLED))


def enabled(world: World, profile: Thing) -> None:
    """The device's own notification (SGP.22 5.7): the operator's line shows on it."""
    profile = world.change(profile, state="Enabled", enabled_at=iso(world.now))
    told = {"iccid": profile.id, "eid": profile.facts["eid"], "timestamp": iso(world.now)}
    world.tell(profile, "profile.enabled", told)


def _progress(
    world: World, profile: Thing, *, point: int, status: str = "Executed-Success"
) -> Json:
    """The body of HandleDownloadProgressInfo."""
    return {
        "iccid": profile.id,
        "profileType": profile.facts["profileType"],
        "timestamp": iso(world.now),
        "notificationPointId": point,
        "notificationPointStatus": {"status": status},
        "eid": profile.facts["eid"],
    }


def _fields(call: Call) -> Fields:
    """The body, with its ES2+ header read."""
    fields = Fields(call.body)
    header = fields.inner("header")
    header.text("functionRequesterIdentifier")
    header.text("functionCallIdentifier")
    fields.adopt(header, under="header")
    return fields


def _profile(world: World, call: Call, *, states: tuple[str, ...]) -> Thing:
    iccid = str(call.body.get("iccid") or "")
    profile = world.get(iccid)
    if profile is None or profile.kind != "profile":
        raise Refusal("8.2.1/3.9", f"the ICCID {iccid} is unknown")
    if profile.state not in states:
        raise Refusal("8.2.1/3.3", f"the profile is {profile.state}")
    return profile


def _eid_holds(eid: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{32}", eid)) and int(eid) % 97 == 1


def _new_matching_id() -> str:
    groups = ["".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4)]
    return "-".join(groups)


def _done(body: Json, profile: Thing) -> Answer:
    header = {"functionExecutionStatus": {"status": "Executed-Success"}}
    return Answer(200, {"header": header, **body}, thing_id=profile.id)


def _function(name: str, handler: Callable[[World, Call], Answer]) -> Operation:
    return Operation("POST", f"gsma/rsp2/es2plus/{name}", handler)


SMDP = Party(
    code="smdp",
    title="SM-DP+ (eSIM profiles)",
    operations=(
        _function("downloadOrder", download_order),
        _function("confirmOrder", confirm_order),
        _function("releaseProfile", release_profile),
        _function("cancelOrder", cancel_order),
    ),
    steps={"installed": installed, "enabled": enabled},
    callbacks=("profile.downloaded", "profile.installed", "profile.enabled", "profile.failed"),
    refuse=refuse,
)
