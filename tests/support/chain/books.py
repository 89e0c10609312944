"""Who had how much before and after: read on the chain, checked by the tests, shown at the end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.support.chain.chain import Chain


class Movement(NamedTuple):
    """What a case changed on the chain. Amounts are atomic: millionths of a dollar."""

    payer: int
    payee: int
    transfers: int


PRICE = 20_000
PAID = Movement(payer=-PRICE, payee=PRICE, transfers=1)
UNMOVED = Movement(payer=0, payee=0, transfers=0)


class Row(NamedTuple):
    case: str
    answer: str
    payee: str
    before: Movement
    moved: Movement


class Books:
    """A payer and a payee as they were when this was made. ``rows`` collects what closes."""

    def __init__(self, chain: Chain, rows: list[Row], case: str, payer: str, payee: str) -> None:
        self._chain = chain
        self._rows = rows
        self._case = case
        self._payer = payer
        self._payee = payee
        self._before = self._state()

    def close(self, *statuses: int) -> Movement:
        """What moved since the books were opened; ``statuses`` is what the caller was told."""
        after = self._state()
        moved = Movement(*(new - old for new, old in zip(after, self._before, strict=True)))
        self._rows.append(
            Row(self._case, _counted(Counter(statuses)), self._payee, self._before, moved)
        )
        return moved

    def _state(self) -> Movement:
        balance = self._chain.balance_of
        transfers = len(self._chain.transfers(self._payer))
        return Movement(balance(self._payer), balance(self._payee), transfers)


def received(rows: Sequence[Row], payee: str) -> int:
    """What ``payee`` was paid by all the cases in ``rows``."""
    return sum(row.moved.payee for row in rows if row.payee == payee)


def table(rows: Sequence[Row]) -> Iterable[str]:
    """The rows as lines of text, in USDC, and what they add up to."""
    width = max(len(row.case) for row in rows)
    yield f"{'case':{width}}  {'answers':>7}  {'payer had':>9}  {'has':>8}  {'payee':>9}  transfers"
    for case, answer, _, before, moved in rows:
        yield (
            f"{case:{width}}  {answer:>7}  {_usdc(before.payer):>9}  "
            f"{_usdc(before.payer + moved.payer):>8}  {_usdc(moved.payee, '+'):>9}  "
            f"{moved.transfers:>9}"
        )
    payee = sum(row.moved.payee for row in rows)
    transfers = sum(row.moved.transfers for row in rows)
    yield f"{'sum':{width}}  {'':>7}  {'':>9}  {'':>8}  {_usdc(payee, '+'):>9}  {transfers:>9}"


def _counted(statuses: Counter[int]) -> str:
    """Such as "20×200" or "200 409"."""
    return " ".join(f"{n}×{status}" if n > 1 else f"{status}" for status, n in statuses.items())


def _usdc(atomic: int, sign: str = "-") -> str:
    return f"{atomic / 10**6:{sign}.6f}"
