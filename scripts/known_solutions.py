"""Write the solutions of the examples of rosters anew: ``app/products/roster/known_solutions.py``.

Run it after a change of an example, of the solver, or of what requests are made of. A test compares
what is written with what the solver finds.
"""

from pathlib import Path

from app.http.validation import validated
from app.products.roster.endpoint import roster_endpoint
from app.products.roster.known_solutions import digest_of
from app.products.roster.solving import solved

FILE = Path(__file__).parent.parent / "app" / "products" / "roster" / "known_solutions.py"
BEGIN = "KNOWN: Mapping[str, Known] = {"


def main() -> None:
    endpoint = roster_endpoint()
    worked = (each.example for each in endpoint.worked)
    lines = []
    for example in (endpoint.example, endpoint.brief_example, *worked):
        request = validated(example, endpoint.request)
        solution = solved(request)
        proofs = tuple((each.name, str(each.value), str(each.bound)) for each in solution.proofs)
        lines.append(f"    {digest_of(request)!r}: ({solution.assignment!r}, {proofs!r}),")
    head = FILE.read_text().partition(BEGIN)[0]
    FILE.write_text("\n".join([head + BEGIN, *lines, "}\n"]))


if __name__ == "__main__":
    main()
