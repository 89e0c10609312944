"""The documents for programs: made from the endpoint table, valid, and cached by callers."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

import httpx
import pytest
from starlette.applications import Starlette

from app.discovery.error_responses import ERROR_RESPONSES, RETRIES
from app.discovery.free_paths import free_paths
from app.discovery.openapi import openapi_bytes, paid_bytes
from app.discovery.publisher import Publisher
from app.discovery.well_known import discovery_routes, text_of, well_known
from app.errors import Retry
from app.products.registry import paid_endpoints

pytestmark = pytest.mark.anyio

ROWS = paid_endpoints()
URL = "https://oncall.example"
PUBLISHER = Publisher(URL)
DOCUMENTS = {
    "/openapi.json": "application/json",
    "/openapi.full.json": "application/json",
    "/.well-known/x402": "application/json",
    "/llms.txt": "text/plain; charset=utf-8",
    "/skill.md": "text/markdown; charset=utf-8",
    "/robots.txt": "text/plain; charset=utf-8",
    "/sitemap.xml": "application/xml",
}
EACH = pytest.mark.parametrize("path", DOCUMENTS)


async def answer(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=list(discovery_routes(ROWS, PUBLISHER))))
    async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere") as client:
        return await client.request(method, path, headers=headers)


# --- how they are served --------------------------------------------------------------------


@EACH
async def test_type_and_caching(path: str) -> None:
    response = await answer(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, DOCUMENTS[path])
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@EACH
@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', "*"])
async def test_who_has_it_is_not_sent_it_again(path: str, form: str) -> None:
    etag = (await answer(path)).headers["ETag"]
    response = await answer(path, **{"If-None-Match": form.format(etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == etag


@EACH
async def test_who_has_an_older_one_is_sent_it(path: str) -> None:
    assert (await answer(path, **{"If-None-Match": '"older"'})).status_code == 200


@EACH
async def test_head(path: str) -> None:
    length = (await answer(path)).headers["Content-Length"]
    response = await answer(path, "HEAD")
    assert (response.status_code, response.headers["Content-Length"]) == (200, length)


@EACH
async def test_whatever_is_accepted(path: str) -> None:
    assert (await answer(path, Accept="image/png")).status_code == 200


@EACH
async def test_addresses_are_the_configured_ones_and_not_the_hosts(path: str) -> None:
    text = (await answer(path)).text
    assert "elsewhere" not in text
    assert path == "/openapi.full.json" or URL in text


async def test_openapi_is_served_as_it_is_committed() -> None:
    assert (await answer("/openapi.full.json")).content == openapi_bytes(ROWS)


async def test_what_is_paid_is_served_where_marketplaces_look() -> None:
    assert (await answer("/openapi.json")).content == paid_bytes(ROWS, PUBLISHER)


# --- what they say --------------------------------------------------------------------------


def test_well_known() -> None:
    document = well_known(ROWS, PUBLISHER)
    assert (document["version"], document["resources"]) == (1, [URL + row.path for row in ROWS])
    assert document["instructions"] == text_of("llms.txt", ROWS, URL)
    assert "ownershipProofs" not in document


def test_well_known_has_the_proofs_of_ownership() -> None:
    proofs = ("0x" + "ab" * 65, "5" * 88)
    document = well_known(ROWS, Publisher(URL, ownership_proofs=proofs))
    assert document["ownershipProofs"] == list(proofs)


def test_llms_txt_has_the_form_of_its_convention() -> None:
    """A title, a summary as a quotation, then lists of links under headings."""
    title, blank, summary, *rest = text_of("llms.txt", ROWS, URL).splitlines()
    assert (title[:2], blank, summary[:2]) == ("# ", "", "> ")
    links = [line for line in rest if line.startswith("- ")]
    assert all(re.match(r"- \[[^]]+\]\(https://[^)]+\): ", line) for line in links)
    assert [line for line in rest if line.startswith("#")] == [
        "## Products",
        "## Documents",
        "## Optional",
    ]


@pytest.mark.parametrize("name", ["llms.txt", "skill.md"])
def test_every_link_leads_to_something_served(name: str) -> None:
    served = {URL + free.path for free in free_paths(ROWS)}
    assert set(re.findall(r"\]\(([^)]+)\)", text_of(name, ROWS, URL))) <= served


@pytest.mark.parametrize("name", ["llms.txt", "skill.md"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
def test_every_product_is_told(name: str, row: object) -> None:
    endpoint = next(each for each in ROWS if each is row)
    text = text_of(name, ROWS, URL)
    for fact in (endpoint.title, endpoint.description, f"POST {URL}{endpoint.path}"):
        assert fact in text


def test_a_further_product_is_told_without_further_work() -> None:
    further = replace(ROWS[0], slug="new", path="/v1/new", title="A new thing")
    assert "A new thing" in text_of("llms.txt", [*ROWS, further], URL)
    assert f"{URL}/v1/new" in well_known([*ROWS, further], PUBLISHER)["resources"]


def test_the_skill_has_the_front_matter_that_agents_want() -> None:
    _, front, body = text_of("skill.md", ROWS, URL).split("---\n", 2)
    name, description = front.splitlines()
    assert re.fullmatch(r"name: [a-z0-9-]{1,64}", name)
    assert re.fullmatch(r'description: "[^"<>]{1,1024}"', description)
    assert body.startswith("\n# ")


def test_the_skills_program_buys_an_answer(address: str, tmp_path: Path) -> None:
    """As it is served by a running sandbox, so with that sandbox's address."""
    skill = httpx.get(f"{address}/skill.md").text
    [program] = re.findall(r"```python\n(.*?)```", skill, re.DOTALL)
    (tmp_path / "buys.py").write_text(program)
    done = subprocess.run(
        [sys.executable, tmp_path / "buys.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 {'rotation': [{'shift': 1, 'person': 'alice'")


def test_the_skill_tells_of_every_refusal() -> None:
    text = text_of("skill.md", ROWS, URL)
    assert all(f"| {status} | {words} |" in text for status, words in ERROR_RESPONSES.items())


@pytest.mark.parametrize("name", ["llms.txt", "skill.md"])
def test_a_text_says_what_to_do_after_each_problem_and_where_the_calendar_is(name: str) -> None:
    text = text_of(name, ROWS, URL)
    assert list(RETRIES) == ["no", "new-payment", "first-payment", "same-payment"]
    assert set(RETRIES) == set(get_args(Retry))
    assert all(f"\n* `{retry}`: {words}\n" in text for retry, words in RETRIES.items())
    assert "`Accept: text/calendar`" in text
    assert '`"format": "ics"`' in text


def test_robots_keep_out_of_operations_and_find_the_sitemap() -> None:
    lines = text_of("robots.txt", ROWS, URL).splitlines()
    assert lines[:2] == ["User-agent: *", "Allow: /"]
    assert {"Disallow: /metrics", "Disallow: /readyz", f"Sitemap: {URL}/sitemap.xml"} <= set(lines)


def test_the_sitemap_is_xml_with_every_page() -> None:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.fromstring(text_of("sitemap.xml", ROWS, URL))  # noqa: S314 - our own
    assert root.tag == f"{space}urlset"
    places = [place.text for place in root.iter(f"{space}loc")]
    assert {URL + row.catalog_path for row in ROWS} | {f"{URL}/docs"} <= set(places)
    assert f"{URL}/metrics" not in places
