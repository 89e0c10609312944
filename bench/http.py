"""The service beside the limit and beside others, over HTTP: ``python -m bench.http``.

There are two runs. In the first, ours has its claims and limits in Redis, as in production, and the
other sellers count their clients and remember payments in the same Redis. In the second everything
is in memory; the others then take payments and do nothing else.

Strategy: every server runs on one core, ``wrk``, a stub facilitator and Redis on another. Within a
round each case is put to each target right after the other, so that a slow spell of the machine
falls on all alike; a ratio is the median of the rounds' ratios. Payments are signed beforehand in
the form of the official client, each for one request. Processor times are those of a usual
processor: they are divided by how slow this one is just then (``load.py``).

Our limiter stays in the path, but lets everybody ask so much that it never refuses: the load comes
from 10,000 clients, told apart by ``X-Forwarded-For``, which ``ONCALL_TRUSTED_PROXIES`` lets it
believe. The others' limits are as high.
All targets are sent the same bytes. ``bare`` sends our recorded answers and does nothing else; the
other sellers, once paid, send our recorded answer, whereas ours is computed each time.
"""

import argparse
import base64
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import profiles, rotation
from bench.cases import (
    BARE,
    EXAMPLE_ORDER,
    EXPRESS,
    FASTAPI,
    FREE,
    HONO,
    MEMORY,
    MOST_SHIFTS,
    OURS,
    PLAIN,
    REDIS,
    STORES,
    Case,
    Results,
    cases,
    goals,
)
from bench.load import BadRun, Measure, answer_to, measured, memory_mb
from bench.report import record, shown
from bench.servers import LOAD_CORE, SERVER_CORE, Servers, lacking, on_core

FOLDER = Path(__file__).parent / "results"
RESULTS = {REDIS: FOLDER / "http.json", MEMORY: FOLDER / "http_memory.json"}
WARM_UP_SECONDS = 1


def main() -> None:
    options = parsed_options()
    if lack := lacking("wrk", "node", *(["redis-server"] if REDIS in options.stores else [])):
        sys.exit(lack)
    chosen = {
        store: chosen_cases(store, options.cases, options.targets) for store in options.stores
    }
    console = Console(width=None if sys.stdout.isatty() else 120)
    passes = options.rounds + (0 if options.quick else 1)
    steps = sum(len(questions(each)) for each in chosen.values()) * passes
    columns = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=steps)

        def begun(what: str) -> None:
            bar.update(task, advance=1, description=what)
            if not console.is_terminal:
                print(what, flush=True)

        for store in options.stores:
            if chosen[store]:
                results = run(store, chosen[store], options, begun)
                shown(results, console)
                if not (options.cases or options.targets or options.quick):
                    text = json.dumps(record(results, options.rounds, options.seconds), indent=1)
                    RESULTS[store].write_text(text + "\n")


def parsed_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.http", description="Measure the service beside others; write bench/results."
    )
    parser.add_argument(
        "--store", dest="stores", choices=STORES, nargs=1, default=STORES, help="one run only"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument(
        "--quick", action="store_true", help="one cold round of a second; not recorded"
    )
    parser.add_argument("--cases", nargs="+", default=[], help="how their names begin")
    parser.add_argument("--targets", nargs="+", default=[], help="these only")
    parser.add_argument("--profile", action="store_true", help="see where ours misses a goal")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = options.seconds = 1
    return options


def chosen_cases(store: str, names: Sequence[str], targets: Sequence[str]) -> Sequence[Case]:
    """The run's cases whose names begin with one of ``names``, for ``targets``; none given: all."""
    return [
        replace(case, targets=kept)
        for case in cases(store)
        if not names or case.name.startswith(tuple(names))
        if (kept := [target for target in case.targets if not targets or target in targets])
    ]


def run(
    store: str, chosen: Sequence[Case], options: argparse.Namespace, begun: Callable[[str], None]
) -> Results:
    """Measure ``chosen`` with everything that they need started, and ended again.

    ``begun`` is told of every measurement when it begins. Raises ``BadRun``.
    """
    results = Results(store)
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = Servers(Path(name), stack)
        if store == REDIS:
            servers.start_redis()
        start(servers, chosen)
        if not options.quick:
            warm_up(servers, chosen, begun)
        for number in range(1, options.rounds + 1):
            start_anew(servers)
            for case, target in questions(chosen):
                asking = f"{case.name}, {case.connections} connections, {target}"
                begun(f"{store}, round {number}: {asking}")
                results.add(case, target, asked(servers, case, target, options.seconds))
            add_memory(servers, results)
            if any(case.name == f"{MOST_SHIFTS:,} shifts" for case in chosen):
                with on_core(SERVER_CORE):
                    results.encode_ratios.append(rotation.measured(MOST_SHIFTS, 24, 0)["ratio"])
        if options.profile:
            add_profiles(servers, chosen, results, begun)
    return results


def start_anew(servers: Servers) -> None:
    """Ours begins each round anew, as does Redis: neither remembers sales without end."""
    if servers.redis_url:
        servers.empty_redis()
    ours = servers.by_name[OURS]
    ours.start()
    answer_to(ours, EXAMPLE_ORDER.sale())


def questions(chosen: Sequence[Case]) -> Sequence[tuple[Case, str]]:
    return [(case, target) for case in chosen for target in case.targets]


def asked(servers: Servers, case: Case, target: str, seconds: int) -> Measure:
    servers.delay(case.delay_ms)
    return measured(
        servers.by_name[target],
        case.order(target),
        connections=case.connections,
        seconds=seconds,
        folder=servers.folder,
        redis_pid=servers.redis_pid,
    )


def warm_up(servers: Servers, chosen: Sequence[Case], begun: Callable[[str], None]) -> None:
    """Put every question once, whatever the number of connections."""
    seen = set()
    for case, target in questions(chosen):
        begun(f"warming up: {case.name}, {target}")
        if (case.name, target) not in seen:
            seen.add((case.name, target))
            asked(servers, case, target, WARM_UP_SECONDS)


def add_memory(servers: Servers, results: Results) -> None:
    for target, server in servers.by_name.items():
        results.memory_mb.setdefault(target, []).append(memory_mb(server.pid))


def add_profiles(
    servers: Servers, chosen: Sequence[Case], results: Results, begun: Callable[[str], None]
) -> None:
    """Look at ours where it missed a goal, under the load of that goal's case."""
    for goal in goals(results.store):
        figure = goal.figure(results)
        if figure is None or goal.met(figure) or goal.question is None:
            continue
        name, connections, target = goal.question
        title = f"{name}, {connections} connections"
        if title in results.profiles:
            continue
        [case] = [case for case in chosen if (case.name, case.connections) == (name, connections)]
        begun(f"profiling: {title}")
        load = partial(asked, servers, case, target, profiles.SECONDS)
        try:
            results.profiles[title] = profiles.profile_of(
                servers.by_name[target].pid, load, servers.folder
            )
        except OSError as error:
            begun(f"no profile: {error}")


def start(servers: Servers, chosen: Sequence[Case]) -> None:
    """Start the targets of ``chosen``. Those that repeat our answers are given them."""
    wanted = {target for case in chosen for target in case.targets}
    servers.start_facilitator()
    servers.start_ours(OURS, **in_redis(servers))
    servers.start_ours(FREE, ONCALL_PAYMENTS="off")
    answers, sold = servers.folder / "answers.json", servers.folder / "sold.json"
    answers.write_text(
        json.dumps(dict(recorded(servers, case) for case in chosen if BARE in case.targets))
    )
    sold.write_bytes(answer_to(servers.by_name[FREE], EXAMPLE_ORDER).content)
    selling = servers.seller_options(sold)
    starters: Mapping[str, Callable[[], None]] = {
        BARE: lambda: servers.start_python(BARE, "bare", "--answers", str(answers)),
        PLAIN: lambda: servers.start_python(PLAIN, "plain"),
        FASTAPI: lambda: servers.start_python(FASTAPI, "fastapi_sdk", *selling),
        EXPRESS: lambda: servers.start_node(EXPRESS, *selling),
        HONO: lambda: servers.start_node(HONO, *selling),
    }
    for name, starter in starters.items():
        if name in wanted:
            starter()
    for case in chosen:
        require_same_answers(servers, case)


def in_redis(servers: Servers) -> Mapping[str, str]:
    """The setting of ours that keeps claims and limits in Redis, where there is one."""
    return {"ONCALL_REDIS_URL": servers.redis_url} if servers.redis_url else {}


def recorded(servers: Servers, case: Case) -> tuple[str, object]:
    """Where ``bare`` serves our answer to ``case``, and the answer as it wants it."""
    answer = answer_to(servers.by_name[OURS if case.status == 402 else FREE], case.order(OURS))
    headers = [[name, value] for name, value in answer.headers.items() if name != "date"]
    body = base64.b64encode(answer.content).decode()
    return case.order(BARE).path, [answer.status_code, headers, body]


def require_same_answers(servers: Servers, case: Case) -> None:
    """Raise ``BadRun`` unless all targets answer with one status, and sell the same bytes."""
    answers = {
        target: answer_to(servers.by_name[target], case.order(target)) for target in case.targets
    }
    contents = {answer.content for answer in answers.values() if answer.status_code == 200}
    if {answer.status_code for answer in answers.values()} != {case.status} or len(contents) > 1:
        raise BadRun(f"{case.name}: {answers}, {len(contents)} different contents")


if __name__ == "__main__":
    main()
