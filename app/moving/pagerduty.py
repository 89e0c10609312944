"""PagerDuty's schedules of layers, as its REST API answers them.

What is known of that form: ``schedule_layers`` come from the highest to the lowest; a layer's turns
are counted from ``rotation_virtual_start`` and page from ``start`` to ``end``; turns of whole days
and restrictions are by the clock of ``time_zone``. ``final_schedule`` is there if the request had
``since`` and ``until``.
"""

from dataclasses import replace

from app.engine.layered.model import Layer, Override, Restriction
from app.engine.walltime import DAY, SECOND, WEEK, ZoneClock, clock_of
from app.formats.instants import iso
from app.moving.conversion import Conversion, RenderedShift
from app.moving.reading import Node, Source
from app.moving.times import time_of_day
from app.moving.together import PlacedLayer, with_own_names
from app.moving.turns import begun, is_in_range, plain_layer, turns_of_length
from app.moving.windows import WeekStretch, every_day, is_whole_minutes, restrictions_of

NOT_ABOUT_TURNS = (
    *("id", "type", "summary", "self", "html_url", "description", "color", "web_cal_url"),
    *(
        "http_cal_url",
        "personal_web_cal_url",
        "personal_http_cal_url",
        "today",
        "next_oncall_for_user",
    ),
    *("escalation_policies", "teams", "privilege", "rendered_coverage_percentage", "users"),
)
"""Members, of a schedule or a layer, that say nothing of who is on call."""
MAX_SECONDS = 10 * 366 * 86_400


def is_pagerduty(document: object) -> bool:
    """Return whether a document has PagerDuty's layers."""
    inner = document.get("schedule", document) if isinstance(document, dict) else None
    return isinstance(inner, dict) and "schedule_layers" in inner


def read_pagerduty(source: Source, read_at: int) -> Conversion:
    """Return the conversion of a schedule of layers."""
    root = source.root
    schedule = schedule_in(root)
    schedule_people(schedule)
    schedule.pass_over(*NOT_ABOUT_TURNS)
    zone = schedule.zone("time_zone")
    clock = clock_of(zone)
    placed = with_own_names(
        PlacedLayer(node.pointer, layer)
        for node in schedule.each("schedule_layers")
        if (layer := _layer(node, clock, read_at)) is not None
    )
    rendered = _rendered(schedule.node("final_schedule"))
    return Conversion(
        schedule.label("name"),
        zone,
        [each.layer for each in placed],
        _overrides(root, schedule),
        rendered=rendered,
    )


def schedule_in(root: Node) -> Node:
    """Return the schedule in an answer, where it may be the only one of a list."""
    root.pass_over("limit", "offset", "more", "total", "query")
    listed = root.each("schedules")
    if listed:
        return listed[0]
    return root.node("schedule") if root.has("schedule") else root


def schedule_people(schedule: Node) -> None:
    """Remember the names and addresses of the people whom a schedule lists."""
    listed = schedule.get("users")
    for user in listed if isinstance(listed, list) else ():
        if isinstance(user, dict) and isinstance(user.get("id"), str):
            name, email = (user.get(key) or "" for key in ("name", "email"))
            summary = user.get("summary") or ""
            texts = [text if isinstance(text, str) else "" for text in (name, summary, email)]
            schedule.source.add_person(user["id"], texts[0] or texts[1], texts[2])


def user_of(node: Node, name: str = "user") -> str:
    """Return the id of a user that a node refers to, and remember its name."""
    user = node.node(name)
    user.pass_over("type", "self", "html_url", "avatar_url", "color", "role", "job_title")
    user.pass_over("deleted_at", "time_zone", "description", "invitation_sent")
    found = user.person()
    user.source.add_person(found, user.text("name") or user.text("summary"), user.text("email"))
    user.pass_over("summary", "name")
    return found


def _layer(node: Node, clock: ZoneClock, read_at: int) -> Layer | None:
    """Return a layer; ``None`` if it is over, or cannot be said."""
    node.pass_over(*NOT_ABOUT_TURNS[:-1], "rendered_schedule_entries")
    name = node.label("name") or "Layer"
    people = [user_of(member) for member in node.each("users")]
    restrictions = _restrictions(node)
    anchor_at = node.instant("rotation_virtual_start")
    start_at = node.instant("start")
    length = node.whole("rotation_turn_length_seconds", 1, MAX_SECONDS) * SECOND
    end_at = node.instant("end", required=False)
    if anchor_at is None or start_at is None:
        return None
    if not is_in_range(anchor_at, start_at):
        node.fault("is outside the years that a layer can begin in", "start")
        return None
    if end_at is not None and end_at <= max(read_at, start_at):
        node.lose("the layer has ended, or ends before it begins", "it was left out", "end")
        return None
    turns = turns_of_length(length, anchor_at)
    if turns is None:
        text = "a layer has turns of whole hours"
        node.lose(text, "the layer was left out", "rotation_turn_length_seconds")
        return None
    if not people:
        node.lose("the layer has no users", "it was left out", "users")
        return None
    made, earlier_at = begun(plain_layer(name, people, restrictions), turns, clock, start_at)
    if earlier_at is not None:
        what = "the layer begins between two handoffs"
        node.lose(what, f"it begins at the handoff before, at {iso(earlier_at)}", "start")
    return replace(made, end_at=end_at)


def _restrictions(node: Node) -> tuple[Restriction, ...]:
    stretches: list[WeekStretch] = []
    for item in node.each("restrictions"):
        kind = item.choice("type", ("daily_restriction", "weekly_restriction"))
        start = time_of_day(item, "start_time_of_day")
        length = item.whole("duration_seconds", 1, WEEK // SECOND) * SECOND
        if kind == "daily_restriction":
            stretches += every_day(start, min(length, DAY))
            item.pass_over("start_day_of_week")
        else:
            day = item.whole("start_day_of_week", 1, 7) - 1
            stretches.append(WeekStretch(day * DAY + start, length))
    if not stretches:
        return ()
    if not is_whole_minutes(stretches):
        what = "restrictions begin and end on whole minutes"
        node.lose(what, "seconds were cut off", "restrictions")
    return restrictions_of(stretches)


def _overrides(root: Node, schedule: Node) -> list[Override]:
    """Return the overrides: those listed beside the schedule, else those that it shows."""
    listed = root.each("overrides") if root.has("overrides") else ()
    shown = schedule.node("overrides_subschedule")
    shown.pass_over("name", *NOT_ABOUT_TURNS)
    rendered = shown.each("rendered_schedule_entries")
    if listed and rendered:
        shown.pass_over("rendered_schedule_entries")
    found = []
    for node in listed or rendered:
        node.pass_over("id", "type", "self", "summary", "html_url")
        stretch, user_id = node.stretch("start", "end"), user_of(node)
        if stretch:
            found.append(Override(user_id, *stretch))
    return found


def _rendered(node: Node) -> list[RenderedShift]:
    node.pass_over("name", *NOT_ABOUT_TURNS)
    found = []
    for item in node.each("rendered_schedule_entries"):
        item.pass_over("id")
        stretch, user_id = item.stretch("start", "end"), user_of(item)
        if stretch:
            found.append(RenderedShift(*stretch, user_id))
    return found
