"""The limit on heavy work."""

import asyncio
import contextlib
import pickle
from collections.abc import AsyncIterator

import msgspec
import pytest

from app.engine.layered import limits
from app.engine.layered.model import Layer, Restriction
from app.engine.walltime import FOREVER
from app.errors import AnswerTooLarge, StoreUnavailable, TakesTooLong, WorkerLost, WorkersBusy
from app.teams import heavy_work, schemas
from app.teams.absences.store import AbsentStretch
from app.teams.heavy_work import HeavyWorkLimiter
from app.teams.on_call import store as on_call_store
from app.teams.on_call.store import History, is_light
from app.teams.operation import Operation
from app.teams.overrides.store import ManualAssignment, ManualAssignmentFields
from app.workers.pool import WorkerPool
from tests.support.pools import recorded_jobs
from tests.support.scenes import DAILY, june, override, scene, who
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in
from tests.support.world import OPERATIONS

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000
HOURLY = {
    **DAILY,
    "id": "hourly",
    "rotation_type": "custom",
    "interval": {"count": 1, "unit": "hours"},
}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy_work, "WAIT_SECONDS", 0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("held", "wanted", "granted"),
    [
        pytest.param([], "a", True, id="nobody is at work"),
        pytest.param(["a"], "a", False, id="one of the organisation's is at work"),
        pytest.param(["a"], "b", True, id="another's is at work"),
        pytest.param(["a", "b"], "c", False, id="as many as may are at work"),
    ],
)
async def test_who_gets_a_slot(held: list[str], wanted: str, granted: bool) -> None:
    own = HeavyWorkLimiter(WorkerPool())
    async with contextlib.AsyncExitStack() as holding:
        for org_id in held:
            with contextlib.suppress(StoreUnavailable):
                await holding.enter_async_context(own.slot(org_id))
        try:
            async with own.slot(wanted):
                got = True
        except StoreUnavailable:
            got = False
    assert got is granted


async def test_the_first_to_wait_is_next() -> None:
    own = HeavyWorkLimiter(WorkerPool())
    async with own.slot("a"):
        waiting = asyncio.create_task(entered(own, "a"))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting


@pytest.fixture
async def waiting(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A caller who never gets a slot."""
    me = await scene(stored, DAILY)
    monkeypatch.setattr(heavy_work.HeavyWorkLimiter, "slot", never)
    return me


async def test_who_is_on_call_is_told_while_others_wait(waiting: Caller) -> None:
    path = f"{V1}/schedules/daily/final-schedule?from={june(1)}&to={june(3)}"
    assert code_of(await waiting.get(path)) == (503, "unavailable")
    assert await who(waiting, june(1)) == "ann"


async def test_a_write_that_lays_out_a_window_waits_and_others_do_not(waiting: Caller) -> None:
    body = {"user_id": "ann", "start": june(5), "end": june(6)}
    answer = await waiting.post(f"{V2}/schedules/daily/entries", body)
    assert code_of(answer) == (503, "unavailable")
    await waiting.update(f"{V2}/schedules/daily", {"name": "Every day"})


@pytest.fixture
async def jobs(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The jobs that workers do for a service with large and small schedules."""
    made = recorded_jobs(monkeypatch)
    monkeypatch.setattr(on_call_store, "LIGHT_CHARACTERS", 64 * 1024)
    me = await scene(stored, DAILY, HOURLY)
    layers = [
        {"name": f"layer {number}", "rotation_type": "daily", "participants": ["ann", "bob"] * 250}
        for number in range(50)
    ]
    body = {"id": "large", "name": "Large", "team_id": "large", "timezone": "UTC"}
    await me.create(f"{V1}/schedules", {**body, "layers": layers})
    step = {"targets": [{"type": "schedule", "id": "large"}]}
    await me.create(f"{V1}/escalation-policies", {"id": "p", "name": "P", "steps": [step]})
    return made


YEAR = "from=2026-06-01T00:00:00Z&to=2027-06-01T00:00:00Z"
YEARS_DAYS = "start_date=2026-06-01&end_date=2027-06-01"
LARGE = [
    (f"{V1}/schedules/hourly/final-schedule?{YEAR}", "_final_json"),
    (f"{V2}/schedules/hourly/entries?{YEARS_DAYS}", "_entries_in"),
    (f"{V2}/schedules/hourly/calendar.ics", "schedule_calendar"),
    (f"{V1}/schedules/large/on-call", "_on_call_in"),
    (f"{V2}/current/large", "_on_call_in"),
    (f"{V1}/escalation-policies/p/resolve", "_on_call_in"),
    (f"{V2}/entries/large~1.0~0", "_start_of"),
]


@pytest.mark.parametrize(("path", "job"), LARGE)
async def test_what_is_large_is_computed_by_a_worker(
    stored: Stored, jobs: list[tuple[str, float]], path: str, job: str
) -> None:
    response = await stored.me.get(path)
    assert response.status_code == 200, response.text
    assert job in dict(jobs)


async def test_what_is_small_is_not(stored: Stored, jobs: list[tuple[str, float]]) -> None:
    for path in ("final-schedule?from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z", "on-call"):
        assert (await stored.me.get(f"{V1}/schedules/daily/{path}")).status_code == 200
    assert jobs == []


@pytest.mark.parametrize("path", [path for path, job in LARGE])
async def test_both_answer_alike(
    stored: Stored, jobs: list[tuple[str, float]], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_worker = await stored.me.get(path)
    count = len(jobs)
    monkeypatch.setattr(on_call_store, "is_light", lambda *_: True)
    assert (await stored.me.get(path)).content == by_worker.content
    assert len(jobs) == count > 0


@pytest.mark.usefixtures("jobs")
async def test_a_read_that_proves_large_waits_for_a_slot(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heavy_work.HeavyWorkLimiter, "slot", never)
    large = await stored.me.get(f"{V1}/schedules/large/on-call")
    assert code_of(large) == (503, "unavailable")
    assert (await stored.me.get(f"{V1}/schedules/daily/on-call")).status_code == 200


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorkersBusy(), (503, "unavailable")),
        (WorkerLost(), (503, "unavailable")),
        (TakesTooLong(), (422, "validation_failed")),
        (AnswerTooLarge(), (422, "validation_failed")),
    ],
    ids=lambda each: getattr(each, "code", None),
)
async def test_a_worker_that_does_not_answer(
    stored: Stored, error: Exception, code: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    me = await scene(stored, HOURLY)
    monkeypatch.setattr(WorkerPool, "run", fail)
    response = await me.get(f"{V1}/schedules/hourly/final-schedule?{YEAR}")
    assert code_of(response) == code
    assert "charged" not in response.text


async def test_an_answer_that_is_too_large(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "ANSWER_BYTES", 1_000)
    me = await scene(stored, DAILY)
    path = f"{V1}/schedules/daily/final-schedule?from={june(1)}&to={june(30)}"
    assert "at most 1,000 bytes" in faults_in(await me.get(path))["body"]


async def test_more_assignments_than_the_engine_takes(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await scene(stored, DAILY)
    for day in range(1, 4):
        await override(me, "cat", june(day), june(day + 1))
    monkeypatch.setattr(limits, "OVERRIDES", 2)
    path = f"{V1}/schedules/daily/final-schedule?from={june(1)}&to={june(9)}"
    assert "at most 2" in faults_in(await me.get(path))["body"]


def test_a_history_arrives_as_it_was() -> None:
    fields = ManualAssignmentFields("ann", 1, 2, "é", "swap_1")
    assignments = [ManualAssignment("a", "override", "s", fields, 1, 2, 0, None)]
    absent = [AbsentStretch("a1", "ann", 1, 2, "é")]
    history = History([(1, -5, "UTC", None, "[]")], assignments, absent)
    assert pickle.loads(pickle.dumps(history)) == history  # noqa: S301 - our own


@pytest.mark.parametrize(
    ("versions", "layers", "light"),
    [(1, 20, True), (1, 21, False), (2, 10, True), (2, 11, False)],
)
def test_many_windows_are_heavy_even_for_an_instant(
    versions: int, layers: int, light: bool
) -> None:
    """5,000 restrictions held the loop for 18 ms a version, to tell who is on call now."""
    restrictions = (Restriction(0, HOUR_MS, (0, 1, 2)), Restriction(0, HOUR_MS)) * 50
    text = msgspec.json.encode([Layer("x", ("ann",), restrictions=restrictions)] * layers).decode()
    rules = [(number, number - FOREVER, "UTC", None, text) for number in range(versions)]
    history = History(rules, [])
    assert history.windows_a_week == versions * layers * 50 * (3 + 7)
    assert is_light(history, 0, 1) == light


def test_every_layout_of_a_window_is_heavy() -> None:
    def window(operation: Operation) -> bool:
        names = operation.query.__struct_fields__
        return operation.shape == "calendar" or "from_at" in names or "start_date" in names

    reads = [each for each in OPERATIONS if not each.writes]
    assert [each.path for each in reads if each.heavy] == [
        each.path for each in reads if window(each)
    ]


async def entered(own: HeavyWorkLimiter, org_id: str) -> bool:
    async with own.slot(org_id):
        return True


@contextlib.asynccontextmanager
async def never(*_: object) -> AsyncIterator[None]:
    """A slot that never becomes free."""
    raise StoreUnavailable.because(heavy_work.BUSY)
    yield
