"""The task that keeps the ledger, beside the service and never on the way of a request.

Strategy: two loops. One moves settlements from the stream of the claims into the database; the
other looks up claims whose outcome nobody knows, because a process was killed or a facilitator gave
up, while that can still be found out. Both run in every service process, and a role that is taken
for some seconds in Redis lets one of them work; a killed leader is followed by another.

Invariants: a settlement leaves the stream only once the database has committed it, and the database
has each payment once, so that whatever is interrupted is done again and counts once. What is away,
Redis or the database, is tried again, ever less often; it ends neither the loops nor the service.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.errors import OncallError
from app.metrics import Metrics
from app.payments.claims.claim import PaymentClaims
from app.payments.claims.claimed_payment import OpenClaim
from app.payments.settlement import LAST_LOOK_SECONDS, SettlementService

if TYPE_CHECKING:
    from app.database.database import Database

log = structlog.get_logger()

WRITE, LOOK_UP = "write", "look_up"
PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
LEAD_SECONDS = 15.0
"""How long a role is taken for: longer than a pause and what is done after it, as a rule."""
WRITTEN_AT_ONCE = 500
LOOKED_UP_AT_ONCE = 20
LAST_WRITE_SECONDS = 3.0
"""How long a process that stops may take for its last settlements."""


class Ledger:
    """The ledger of one service process; ``open`` it while requests are served.

    ``database`` opens the database, or is ``None`` where there is none: then settlements stay in
    the stream.
    """

    def __init__(
        self,
        claims: PaymentClaims,
        settlement: SettlementService,
        database: "Callable[[], Awaitable[Database]] | None",
        *,
        clock: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._claims = claims
        self._settlement = settlement
        self._database = database
        self._clock = clock
        self._metrics = metrics

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the ledger within the context; when it is left, write what is at hand."""
        stopping = asyncio.Event()
        loops = [
            asyncio.create_task(self._repeat(WRITE, self.write, stopping)),
            asyncio.create_task(self._repeat(LOOK_UP, self.look_up, stopping)),
        ]
        try:
            yield
        finally:
            stopping.set()
            give_up_at = asyncio.get_running_loop().time() + LAST_WRITE_SECONDS
            # what is begun may end: a connection whose opening is cancelled is never closed
            _, late = await asyncio.wait(loops, timeout=LAST_WRITE_SECONDS)
            for loop in late:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await self._settlement.finish()
            await self._attempt(WRITE, partial(self._write_until, give_up_at))

    async def write(self) -> None:
        """Move the settlements of the stream into the database.

        Raises ``ClaimsUnavailable`` and ``StoreUnavailable``.
        """
        await self._claims.store_again()
        if self._database is None:
            return
        await self._measure_lag()
        while await self._claims.lead(WRITE, LEAD_SECONDS):
            waiting = await self._claims.oldest_settlements(WRITTEN_AT_ONCE)
            if not waiting:
                self._metrics.set_ledger_lag(0)
                return
            # the database's modules are loaded late, and are there once it is open
            database = await self._database()
            from app.ledger.store import insert_settlements  # noqa: PLC0415 - as above

            written = [each.settlement for each in waiting]
            await database.write(partial(insert_settlements, written=written))
            await self._claims.forget_settlements([each.id for each in waiting])
            self._metrics.count_ledger_writes(len(waiting))

    async def look_up(self) -> None:
        """Look up some of the claims whose outcome nobody knows. Raises ``ClaimsUnavailable``."""
        if not await self._claims.lead(LOOK_UP, LEAD_SECONDS):
            return
        due = await self._claims.due_claims(LOOKED_UP_AT_ONCE)
        for key in due.expired:
            log.warning("claim_expired", payment=key)
            self._metrics.count_claim("expired")
        for claim in due.open:
            self._metrics.count_claim(await self._outcome_of(claim))

    async def _outcome_of(self, claim: OpenClaim) -> str:
        """The outcome of one claim; a defect at one is not in the way of the others."""
        try:
            return await self._settlement.look_up(claim)
        except OncallError:
            raise
        except Exception:
            log.exception("claim_not_looked_up", payment=claim.key)
            await self._claims.look_again(claim, LAST_LOOK_SECONDS)
            return "unknown"

    async def _write_until(self, give_up_at: float) -> None:
        async with asyncio.timeout_at(give_up_at):
            await self.write()

    async def _measure_lag(self) -> None:
        oldest = await self._claims.oldest_settlements(1)
        waits = [self._clock() - each.settlement.settled_at for each in oldest]
        self._metrics.set_ledger_lag(max([0.0, *waits]))

    async def _repeat(
        self, part: str, work: Callable[[], Awaitable[None]], stopping: asyncio.Event
    ) -> None:
        """Do ``work`` until it is ``stopping``, and after failures ever less often."""
        pause = PAUSE_SECONDS
        while not stopping.is_set():
            is_done = await self._attempt(part, work)
            pause = PAUSE_SECONDS if is_done else min(2 * pause, LONGEST_PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stopping.wait()

    async def _attempt(self, part: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do ``work`` once; log and count a failure instead of raising it."""
        try:
            await work()
        except (OncallError, TimeoutError) as error:
            log.warning("ledger", part=part, problem=str(error) or "it takes too long")
        except Exception:
            log.exception("ledger", part=part)
        else:
            return True
        self._metrics.count_ledger_failure(part)
        return False
