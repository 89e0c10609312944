"""The JSON answer with hours and money by person and rule.

Strategy: time is counted in whole minutes and money in decimals. A line is rounded once, half up,
and every total is a sum of lines, so that totals add up as they are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.pay import Bucket, buckets_of
from app.engine.walltime import MINUTE
from app.products.numbers import Number
from app.products.roster.loads import in_hours
from app.products.roster.report_request import RateDocument, ReportRequest, decimal_of
from app.products.roster.understood_held import UnderstoodHeld

HOUR_MINUTES = 60
UNPAID = "not paid"
MoneyText = Annotated[str, Meta(description="Exact, in plain decimals.", pattern=r"^[0-9.]+$")]


class ReportLine(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What one person has by one rule."""

    person: str
    rule: (
        Annotated[int, Meta(description="Number of the rule, from 1; absent: none is for it.")]
        | UnsetType
    ) = UNSET
    name: Annotated[str, Meta(description="What the rule is called.")]
    minutes: Annotated[int, Meta(description="Elapsed time; exact.")]
    hours: Annotated[Number, Meta(description="The same, to four decimals.")]
    shifts: Annotated[int, Meta(description="Stretches that have a part in it.")]
    per_hour: Annotated[MoneyText, Meta(description="Money an hour.")] | UnsetType = UNSET
    per_shift: Annotated[MoneyText, Meta(description="Money a shift.")] | UnsetType = UNSET
    amount: Annotated[MoneyText, Meta(description="Money, rounded half up.")]


class ReportTotal(Struct, frozen=True):
    """What one person has in all: the sum of their lines."""

    minutes: int
    hours: Number
    shifts: Annotated[int, Meta(description="Stretches that they have.")]
    amount: MoneyText


class ReportAnswer(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Hours and money by person and rule."""

    interpretation: str
    currency: str | UnsetType = UNSET
    lines: Annotated[
        Sequence[ReportLine], Meta(description="By person, and by rule in their order.")
    ]
    totals: Annotated[Mapping[str, ReportTotal], Meta(description="By person.")]
    total: ReportTotal
    warnings: Sequence[str]
    understood: UnderstoodHeld


def report_answer(request: ReportRequest) -> ReportAnswer:
    """Return the report that a request asks for."""
    held = request.held
    buckets = buckets_of(held.work, request.engine_rates())
    lines = [
        _line(request, name, number, buckets[name, number])
        for name in held.people
        for number in [*range(len(request.rates)), None]
        if (name, number) in buckets
    ]
    totals = {
        name: _total(
            [line for line in lines if line.person == name],
            sum(work.person == name for work in held.work),
        )
        for name in held.people
    }
    total = _total(lines, len(held.work))
    return ReportAnswer(
        interpretation=_in_words(request, total),
        currency=request.currency or UNSET,
        lines=lines,
        totals=totals,
        total=total,
        warnings=list(_warnings(request, lines)),
        understood=request.understood,
    )


def _line(request: ReportRequest, person: str, number: int | None, bucket: Bucket) -> ReportLine:
    minutes = bucket.total_ms // MINUTE
    decimals = Decimal(1).scaleb(-(2 if request.decimals is None else request.decimals))
    hourly, by_shift = _pay(request, number)
    money = hourly * minutes / HOUR_MINUTES if hourly is not None else Decimal(0)
    money += by_shift * bucket.shifts if by_shift is not None else 0
    return ReportLine(
        person=person,
        rule=UNSET if number is None else number + 1,
        name=UNPAID if number is None else _name(request.rates[number], number),
        minutes=minutes,
        hours=in_hours(bucket.total_ms),
        shifts=bucket.shifts,
        per_hour=UNSET if hourly is None else plain(hourly),
        per_shift=UNSET if by_shift is None else plain(by_shift),
        amount=f"{money.quantize(decimals, ROUND_HALF_UP):f}",
    )


def _pay(request: ReportRequest, number: int | None) -> tuple[Decimal | None, Decimal | None]:
    """Return what a rule pays an hour, and a shift."""
    if number is None:
        return None, None
    rate = request.rates[number]
    if rate.per_shift is not None:
        return None, decimal_of(rate.per_shift)
    if rate.multiplier is not None:
        return request.base * decimal_of(rate.multiplier), None
    return rate.hourly, None


def plain(money: Decimal) -> str:
    """Return money in plain decimals, without zeros that say nothing."""
    text = f"{money:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _name(rate: RateDocument, number: int) -> str:
    return str(rate.name) if rate.name is not None else f"rate {number + 1}"


def _total(lines: Sequence[ReportLine], shifts: int) -> ReportTotal:
    minutes = sum(line.minutes for line in lines)
    money = sum((Decimal(line.amount) for line in lines), Decimal(0))
    return ReportTotal(minutes, in_hours(minutes * MINUTE), shifts, f"{money:f}")


def _in_words(request: ReportRequest, total: ReportTotal) -> str:
    currency = f" {request.currency}" if request.currency else ""
    people = len(request.held.people)
    return (
        f"{total.shifts:,} shift(s) of {people:,} {'person' if people == 1 else 'people'}, "
        f"{total.minutes // HOUR_MINUTES:,} h {total.minutes % HOUR_MINUTES} min: "
        f"{total.amount}{currency}."
    )


def _warnings(request: ReportRequest, lines: Sequence[ReportLine]) -> Iterator[str]:
    unpaid = sum(line.minutes for line in lines if isinstance(line.rule, UnsetType))
    if unpaid:
        yield f"{unpaid:,} minutes are for no rule, and not paid."
    spans: dict[str, int] = {}
    for work in sorted(request.held.work, key=lambda each: each.start_at):
        if work.start_at < spans.get(work.person, work.start_at):
            yield f"{work.pointer}: {work.person} has something else then; both are counted."
        spans[work.person] = max(work.end_at, spans.get(work.person, work.end_at))
