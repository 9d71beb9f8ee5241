"""The life that running services share: active, suspended, ended."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers.protocol import Answer, Call, Operation, Refusal, Verdict
from commerce.sandbox.providers.world import World

PAGE = 500
RESULT = {"suspend": "suspended", "restrict": "restricted", "resume": "active", "end": "ended"}
USUAL = ("suspend", "resume", "end")


@dataclass(frozen=True, slots=True)
class ServiceLife:
    """`effect_suffix` tells apart the effects of one kind: `end` + `_entitlement`. `verbs` are what
    may be asked of it."""

    kind: str
    effect_suffix: str
    verbs: tuple[str, ...] = USUAL

    def operations(self, path: str) -> tuple[Operation, ...]:
        """Show, and what may be asked, below `path`."""
        verbs: dict[str, Callable[[World, Call], Answer]] = {
            verb: partial(self._move, verb=verb) for verb in self.verbs
        }
        return (
            *(Operation("POST", f"{path}/<id>/{verb}", verbs[verb]) for verb in self.verbs),
            Operation("GET", f"{path}/<id>", self._show),
            Operation("GET", f"{path}/after/<place>", self._held),
        )

    def _show(self, world: World, call: Call) -> Answer:
        thing = world.find(call.provider, kind=self.kind, thing_id=call.path["id"])
        return Answer(200, thing.shown())

    def _held(self, world: World, call: Call) -> Answer:
        """What has not ended, a page at a time; `next` is the place to go on after, or null."""
        place = call.path["place"]
        if not place.isdecimal() or len(place) > 12:
            raise Refusal("invalid_request", f"{place} is no place in the list")
        rows = world.database.rows(
            "SELECT rowid AS place, id FROM thing"
            " WHERE kind = ? AND state <> 'ended' AND rowid > ? ORDER BY rowid LIMIT ?",
            (self.kind, int(place), PAGE),
        )
        found = [world.find(call.provider, kind=self.kind, thing_id=row["id"]) for row in rows]
        more = rows[-1]["place"] if len(rows) == PAGE else None
        return Answer(200, {"held": [thing.shown() for thing in found], "next": more})

    def _move(self, world: World, call: Call, *, verb: str) -> Answer:
        """What is already so is done; what has ended stays ended."""
        thing = world.find(call.provider, kind=self.kind, thing_id=call.path["id"])
        target = RESULT[verb]
        if thing.state == "ended" and verb != "end":
            raise Refusal("wrong_state", f"{thing.id} is ended", status=409)
        if thing.state == "activating":
            world.drop_steps(thing)
            world.settle(thing, Verdict.DONE)
        world.effect(call, f"{verb}{self.effect_suffix}", thing.id, call.key)
        thing = world.change(thing, state=target, **{f"{target}_at": iso(world.now)})
        body = {f"{self.kind}_id": thing.id, "state": thing.state}
        return Answer(200, body, thing_id=thing.id)
