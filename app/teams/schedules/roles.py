"""The role for which something is made by hand."""

from collections.abc import Sequence
from dataclasses import replace

from app.engine.layered.roles import roles_of
from app.errors import InvalidRequest
from app.products.layered.layer_fields import role_errors
from app.teams.overrides.store import ManualAssignmentFields
from app.teams.schedules.store import StoredSchedule


def with_role(
    schedule: StoredSchedule, given: ManualAssignmentFields, now: int, pointer: str = "/role"
) -> ManualAssignmentFields:
    """Return what is made by hand with the role that it is for.

    Where none is given that is the first one when it begins, so that it stays what it is if other
    roles come first later; what is over, and nobody in every role, stays without one. Raises
    ``InvalidRequest`` for a role that no layer has, now or by an edit to come.
    """
    if given.role is None:
        if given.user_id is None or given.end_at <= now:
            return given
        return replace(given, role=first_role_at(schedule, max(now, given.start_at)))
    require_role(schedule, given.role, pointer)
    return given


def require_role(schedule: StoredSchedule, role: str | None, pointer: str) -> None:
    """Raise ``InvalidRequest`` for a role that no layer has, now or by an edit to come."""
    if errors := list(role_errors(pointer, role, known_roles(schedule))):
        raise InvalidRequest(errors)


def known_roles(schedule: StoredSchedule) -> Sequence[str]:
    """Return the roles that a schedule has, or is to have."""
    rules = [schedule.rules, *(planned.rules for planned in schedule.pending)]
    return roles_of([layer for each in rules for layer in each.layers])


def first_role_at(schedule: StoredSchedule, at: int) -> str | None:
    """Return the first role at an instant, now or later; ``None``: there are no roles then."""
    rules = schedule.rules
    for from_at, planned in schedule.pending:
        rules = planned if from_at <= at else rules
    return next(iter(roles_of(rules.layers)), None)
