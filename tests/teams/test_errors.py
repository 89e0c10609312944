"""Errors: when requests are refused, in which words, and that every fault is named."""

from typing import Any

import pytest

from app.teams.operation import Operation
from tests.support.services import PUBLIC_URL
from tests.support.stored import V1, V2, Stored, code_of, faults_in
from tests.support.world import OPERATIONS, named, request_of, world

pytestmark = pytest.mark.anyio

SCHEDULE = {
    "id": "nights",
    "name": "Nights",
    "team_id": "team_1",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
    "participants": ["ann", "bob"],
}
LAYER = {"name": "All", "rotation_type": "daily", "participants": ["ann"]}
LAYERED = {"id": "layered", "name": "Layered", "timezone": "UTC", "layers": [LAYER]}
SHIFT = {"start": "2026-06-10T00:00:00Z", "end": "2026-06-11T00:00:00Z"}


@pytest.fixture
async def nights(stored: Stored) -> Stored:
    """Yield a service with two users and a schedule."""
    await stored.me.add_users("ann", "bob")
    await stored.me.create(f"{V2}/schedules", SCHEDULE)
    return stored


class TestShape:
    async def test_a_refusal_is_a_code_and_a_text(self, stored: Stored) -> None:
        response = await stored.me.get(f"{V1}/schedules/none")
        assert response.json() == {
            "error": "not_found",
            "message": "there is no schedule none",
        }
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Request-Id"]

    async def test_what_is_not_valid_has_fields(self, stored: Stored) -> None:
        response = await stored.me.post(f"{V2}/users", {"name": "Ann", "emial": "a@example.com"})
        answer = response.json()
        assert list(answer) == ["error", "message", "fields"]
        assert answer["error"] == "validation_failed"
        assert answer["fields"] == {
            "/email": "is required. Wanted: an e-mail address of at most 254 characters.",
            "/emial": "is not a known field; did you mean 'email'?",
        }

    async def test_words_of_other_tools_are_told_with_ours(self, stored: Stored) -> None:
        response = await stored.me.post(
            f"{V1}/schedules/none/overrides", {"person": "ann", "from": "x", "until": "y"}
        )
        fields = response.json()["fields"]
        for word, ours in (("person", "user_id"), ("from", "start_at"), ("until", "end_at")):
            assert fields[f"/{word}"] == f"is not a known field; did you mean '{ours}'?"

    async def test_of_many_null_characters_two_hundred_are_named(self, stored: Stored) -> None:
        response = await stored.me.post(f"{V2}/users", {"name": ["\0"] * 1_000})
        assert len(response.json()["fields"]) == 200

    async def test_a_pattern_is_told_in_words(self, stored: Stored) -> None:
        response = await stored.me.post(f"{V2}/users", {"name": "Ann", "email": "ann"})
        assert response.json()["fields"] == {
            "/email": "Expected a string of another form. "
            "Wanted: an e-mail address of at most 254 characters."
        }

    @pytest.mark.parametrize("operation", OPERATIONS, ids=named)
    async def test_what_every_answer_has(self, stored: Stored, operation: Operation) -> None:
        """The caller has every scope, and sends the key in the header that other tests do not."""
        request = request_of(operation, await world(stored))
        _, presented = await stored.key()
        response = await stored.caller(presented, "Authorization").ask(*request)
        assert response.status_code == operation.status
        assert response.headers["RateLimit-Policy"] == '"per-key";q=120;w=60'
        assert response.headers["RateLimit"] == '"per-key";r=119;t=60'
        assert response.headers["X-Request-Id"]
        is_feed = operation.feed is not None
        wanted = "private, max-age=0" if is_feed else "no-store"
        assert response.headers["Cache-Control"] == wanted
        assert ("Location" in response.headers) == (operation.status == 201)
        if "Location" in response.headers:
            made = response.json()["data"]
            assert response.headers["Location"].endswith(f"/{made.get('id', 'entries')}")


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            *("/api/", "/api/v1", "/api/v1/", "/api/v3/schedules", "/api/v1/schedules/"),
            *("/api/v2/schedules", "/api/v2/oncall/schedules/a/b/c", "/api/v1/schedules//on-call"),
        ],
    )
    async def test_a_path_that_is_not_served(self, stored: Stored, path: str) -> None:
        for caller in (stored.me, stored.caller(None)):
            assert code_of(await caller.get(path)) == (404, "not_found")

    @pytest.mark.parametrize("operation", OPERATIONS, ids=named)
    async def test_a_method_that_is_not_served(self, stored: Stored, operation: Operation) -> None:
        path = operation.path.replace("{", "").replace("}", "")
        response = await stored.me.ask("PUT", path)
        methods = {other.method for other in OPERATIONS if other.path == operation.path}
        heads = {"HEAD"} if "GET" in methods else set()
        assert code_of(response) == (405, "method_not_allowed")
        assert set(response.headers["Allow"].split(", ")) == {*methods, *heads, "OPTIONS"}

    async def test_head_is_a_get_without_a_body(self, nights: Stored) -> None:
        head = await nights.me.ask("HEAD", f"{V2}/schedules/nights")
        get = await nights.me.get(f"{V2}/schedules/nights")
        assert head.status_code == 200
        assert head.headers["ETag"] == get.headers["ETag"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]

    async def test_a_browser_may_ask_from_elsewhere(self, stored: Stored) -> None:
        asked = {
            "Origin": "https://elsewhere.test",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, x-api-key, if-match, content-type, "
            "idempotency-key, if-none-match",
        }
        response = await stored.caller(None).ask("OPTIONS", f"{V2}/schedules", headers=asked)
        assert response.status_code == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        methods = response.headers["Access-Control-Allow-Methods"].split(", ")
        assert {"GET", "POST", "PATCH", "DELETE"} <= set(methods)
        allowed = response.headers["Access-Control-Allow-Headers"].lower()
        headers = set(asked["Access-Control-Request-Headers"].split(", "))
        assert allowed == "*, authorization" or headers <= set(allowed.split(", "))

    async def test_a_browser_may_read_what_clients_need(self, nights: Stored) -> None:
        response = await nights.me.get(f"{V2}/schedules/nights")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        exposed = response.headers["Access-Control-Expose-Headers"].lower()
        wanted = {"etag", "location", "retry-after", "ratelimit", "x-request-id"}
        assert exposed == "*" or wanted <= set(exposed.split(", "))


class TestBodies:
    @pytest.mark.parametrize(
        "body", [b"{", b"\xff", b"[" * 2000, b'{"name": NaN}', b"nothing"], ids=repr
    )
    async def test_what_is_not_json(self, stored: Stored, body: bytes) -> None:
        assert code_of(await stored.me.post(f"{V2}/users", body)) == (400, "bad_request")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"]
    )
    async def test_a_body_of_another_type(self, stored: Stored, kind: str) -> None:
        response = await stored.me.post(f"{V2}/users", b"{}", Content_Type=kind)
        assert code_of(response) == (415, "unsupported_media_type")

    @pytest.mark.parametrize(
        "kind",
        ["application/json; charset=utf-8", "application/merge-patch+json", "application/x+json"],
    )
    async def test_a_body_of_a_json_type(self, nights: Stored, kind: str) -> None:
        path = f"{V2}/schedules/nights"
        response = await nights.me.patch(path, {"name": "New"}, Content_Type=kind)
        assert response.status_code == 200

    async def test_a_body_that_is_too_large(self, stored: Stored) -> None:
        body = b" " * (1024 * 1024 + 1)
        assert code_of(await stored.me.post(f"{V2}/users", body)) == (413, "body_too_large")

    async def test_a_body_of_one_mebibyte(self, stored: Stored) -> None:
        body = b" " * (1024 * 1024 - 2) + b"{}"
        assert code_of(await stored.me.post(f"{V2}/users", body)) == (422, "validation_failed")

    async def test_headers_that_are_too_large(self, stored: Stored) -> None:
        response = await stored.me.get(f"{V2}/users", X_Filler="x" * 20_000)
        assert code_of(response) == (431, "headers_too_large")

    @pytest.mark.parametrize("body", [[], "text", 3, None], ids=repr)
    async def test_a_body_that_is_no_object(self, nights: Stored, body: Any) -> None:
        sent = b"null" if body is None else body
        for ask in (
            nights.me.post(f"{V2}/users", sent),
            nights.me.patch(f"{V2}/users/ann", sent),
        ):
            assert list(faults_in(await ask)) == ["body"]

    async def test_no_body_where_something_is_required(self, stored: Stored) -> None:
        assert set(faults_in(await stored.me.post(f"{V2}/users"))) == {"/name", "/email"}

    async def test_no_body_where_nothing_is_required(self, nights: Stored) -> None:
        response = await nights.me.post(f"{V2}/users/ann/feed-tokens")
        assert response.status_code == 201


BAD_ID = {"/id": "a b"}
DOCUMENTS: list[Any] = [
    pytest.param(
        f"{V2}/users",
        {"id": "-x", "name": " ", "email": "none", "team_ids": [""], "mail": 1},
        ["/email", "/id", "/mail", "/name", "/team_ids/0"],
        id="a person",
    ),
    pytest.param(
        f"{V2}/schedules",
        {"name": "", "timezone": "Mars/Base", "rotation_type": "yearly", "participant": []},
        ["/name", "/participant", "/rotation_type", "/team_id", "/timezone"],
        id="a v2 schedule",
    ),
    pytest.param(
        f"{V2}/schedules",
        {**SCHEDULE, "participants": ["ann", "who", "what"]},
        ["/participants/1", "/participants/2"],
        id="a v2 schedule with unknown users",
    ),
    pytest.param(
        f"{V2}/schedules",
        {**SCHEDULE, "rotation_type": "custom"},
        ["/interval"],
        id="a custom rotation of somebody without an interval",
    ),
    pytest.param(
        f"{V2}/schedules",
        {**SCHEDULE, "handoff_time": "Mon 25:00", "start_at": "2026-01-01"},
        ["/handoff_time", "/start_at"],
        id="a v2 schedule with wrong times",
    ),
    pytest.param(
        f"{V2}/schedules",
        {**SCHEDULE, "interval": {"count": 1.5, "unit": "years"}},
        ["/interval/count", "/interval/unit"],
        id="a v2 schedule with a wrong interval",
    ),
    pytest.param(
        f"{V2}/schedules",
        {**SCHEDULE, "created_at": "2026-01-01T00:00:00Z", "version": 1},
        ["/created_at", "/version"],
        id="a v2 schedule with what is read only",
    ),
    pytest.param(
        f"{V1}/schedules",
        {
            "name": "x",
            "timezone": "UTC",
            "layers": [
                {**LAYER, "particpants": []},
                {**LAYER, "restrictions": [{"days": ["man"], "start": "24:00", "end": "25:00"}]},
                {"name": "Empty"},
            ],
        },
        [
            "/layers/0/particpants",
            "/layers/1/restrictions/0/days/0",
            "/layers/1/restrictions/0/end",
            "/layers/1/restrictions/0/start",
            "/layers/2/participants",
            "/layers/2/rotation_type",
        ],
        id="a v1 schedule",
    ),
    pytest.param(
        f"{V1}/schedules",
        {**LAYERED, "layers": [LAYER, {**LAYER, "participants": ["who", "ann", "what"]}]},
        ["/layers/1/participants/0", "/layers/1/participants/2"],
        id="a v1 schedule with unknown users",
    ),
    pytest.param(
        f"{V1}/schedules", {**LAYERED, "layers": [LAYER] * 51}, ["/layers"], id="too many layers"
    ),
    pytest.param(
        f"{V1}/schedules/nights/overrides",
        {"user_id": 5, "start_at": "2026-06-10T00:00:00", "end_at": "noon", "reson": "x"},
        ["/end_at", "/reson", "/start_at", "/user_id"],
        id="an override",
    ),
    pytest.param(
        f"{V1}/schedules/nights/overrides",
        {"user_id": "who", "start_at": SHIFT["start"], "end_at": SHIFT["end"]},
        ["/user_id"],
        id="an override of an unknown user",
    ),
    pytest.param(
        f"{V1}/schedules/nights/overrides",
        {"user_id": "ann", "start_at": SHIFT["end"], "end_at": SHIFT["end"]},
        ["/end_at"],
        id="an override of no time",
    ),
    pytest.param(
        f"{V2}/schedules/nights/entries",
        {"user_id": "ann", "start": SHIFT["end"], "end": SHIFT["start"]},
        ["/end"],
        id="an entry that ends before it starts",
    ),
    pytest.param(
        f"{V2}/schedules/nights/entries",
        {"user_id": "who", **SHIFT},
        ["/user_id"],
        id="an entry of an unknown user",
    ),
    pytest.param(
        f"{V2}/schedules/nights/entries",
        {"user_id": "ann", "start": "0001-06-10T00:00:00Z", "end": "9999-06-10T00:00:00Z"},
        ["/end", "/start"],
        id="an entry outside all years",
    ),
    pytest.param(
        f"{V2}/schedules/nights/entries/nights~1.0~2944/swap",
        {"swap_with_user_id": "who"},
        ["/swap_with_user_id"],
        id="a swap with an unknown user",
    ),
    pytest.param(
        f"{V1}/escalation-policies",
        {"name": "x", "steps": []},
        ["/steps"],
        id="a policy without steps",
    ),
    pytest.param(
        f"{V1}/escalation-policies",
        {
            "name": "x",
            "steps": [
                {"targets": [], "delay_minutes": -1},
                {"targets": [{"type": "team", "id": "a"}], "delay_minutes": 1441},
            ],
        },
        [
            "/steps/0/delay_minutes",
            "/steps/0/targets",
            "/steps/1/delay_minutes",
            "/steps/1/targets/0/type",
        ],
        id="a policy",
    ),
    pytest.param(
        f"{V1}/escalation-policies",
        {
            "name": "x",
            "steps": [
                {"targets": [{"type": "schedule", "id": "ann"}, {"type": "user", "id": "ann"}]},
                {"targets": [{"type": "user", "id": "nights"}]},
            ],
        },
        ["/steps/0/targets/0/id", "/steps/1/targets/0/id"],
        id="a policy with unknown targets",
    ),
    pytest.param(f"{V2}/users/ann/feed-tokens", {"name": ""}, ["/name"], id="a feed token"),
]


class TestDocuments:
    @pytest.mark.parametrize(("path", "body", "wanted"), DOCUMENTS)
    async def test_every_error_is_named(
        self, nights: Stored, path: str, body: Any, wanted: list[str]
    ) -> None:
        assert sorted(faults_in(await nights.me.post(path, body))) == wanted

    @pytest.mark.parametrize("bad", ["", "-a", "a b", "a~b", "a/b", "ü", "x" * 65, "a\n"], ids=repr)
    async def test_an_id_has_a_form(self, stored: Stored, bad: str) -> None:
        person = {"id": bad, "name": "Ann", "email": "ann@example.com"}
        assert list(faults_in(await stored.me.post(f"{V2}/users", person))) == ["/id"]

    @pytest.mark.parametrize("bad", ["", "a", "@", "a@", "a b@c", "a@b\n", "a@b@c"], ids=repr)
    async def test_an_address_has_a_form(self, stored: Stored, bad: str) -> None:
        person = {"name": "Ann", "email": bad}
        assert list(faults_in(await stored.me.post(f"{V2}/users", person))) == ["/email"]

    @pytest.mark.parametrize("good", ["a", "A.b_c:d-1", "x" * 64])
    async def test_an_id_of_that_form_is_kept(self, stored: Stored, good: str) -> None:
        person = {"id": good, "name": "Ann", "email": "ann@example.com"}
        assert (await stored.me.create(f"{V2}/users", person))["id"] == good

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (f"{V2}/users", {"name": "A\0", "email": "a@example.com"}),
            (f"{V2}/users", {"name": "A", "email": "a@exam\0ple.com"}),
            (f"{V2}/users", {"name": "A", "email": "a@example.com", "team_ids": ["\0"]}),
            (f"{V2}/schedules", {**SCHEDULE, "id": "x", "team_id": "a\0"}),
            (f"{V2}/schedules", {**SCHEDULE, "id": "x", "participants": ["a\0"]}),
            (f"{V1}/schedules", {**LAYERED, "layers": [{**LAYER, "name": "a\0"}]}),
            (
                f"{V1}/schedules/nights/overrides",
                {"user_id": "ann", "start_at": SHIFT["start"], "end_at": SHIFT["end"]}
                | {"reason": "a\0"},
            ),
            (f"{V2}/schedules/nights/entries", {"user_id": "a\0", **SHIFT}),
            (f"{V2}/entries/nights~1.0~2944/swap", {"swap_with_user_id": "a\0"}),
            (f"{V2}/users/ann/feed-tokens", {"name": "a\0"}),
            (
                f"{V1}/escalation-policies",
                {"name": "a", "steps": [{"targets": [{"type": "user", "id": "a\0"}]}]},
            ),
        ],
    )
    async def test_a_null_character_is_an_error(self, nights: Stored, path: str, body: Any) -> None:
        """PostgreSQL cannot keep it."""
        assert len(faults_in(await nights.me.post(path, body))) == 1

    @pytest.mark.parametrize(
        "path",
        [
            f"{V1}/schedules/a%00",
            f"{V1}/schedules/nights/overrides/a%00",
            f"{V1}/escalation-policies/a%00",
            f"{V2}/schedules/a%00/entries?start_date=2026-06-01&end_date=2026-06-02",
            f"{V2}/entries/a%00",
            f"{V2}/entries/a%00~1.0~1",
            f"{V2}/current/a%00",
            f"{V2}/users/a%00",
            f"{V2}/schedules/a%00/calendar.ics?token=x",
        ],
    )
    async def test_a_null_character_in_a_path_is_nothing(self, nights: Stored, path: str) -> None:
        method = "DELETE" if "overrides" in path else "GET"
        caller = nights.caller(None) if "token" in path else nights.me
        assert code_of(await caller.ask(method, path)) == (404, "not_found")

    async def test_a_lone_surrogate_is_malformed(self, stored: Stored) -> None:
        body = b'{"name": "\\ud800", "email": "a@example.com"}'
        assert (await stored.me.post(f"{V2}/users", body)).status_code in (400, 422)


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            pytest.param("limit=0", ["limit"], id="no limit at all"),
            pytest.param("limit=101", ["limit"], id="too high a limit"),
            pytest.param("limit=x&offset=-1", ["limit", "offset"], id="both"),
            pytest.param("limit=", ["limit"], id="an empty limit"),
            pytest.param("offset=99999999999999999999", ["offset"], id="too far"),
            pytest.param("limt=5", ["limt"], id="a misspelt one"),
            pytest.param("limit=5&limit=5", ["limit"], id="one twice"),
            pytest.param("team_id=", ["team_id"], id="an empty team"),
            pytest.param("team_id=a%00", ["team_id"], id="a null character"),
            pytest.param("&".join(f"a{n}=1" for n in range(101)), ["query"], id="too many"),
        ],
    )
    async def test_of_a_list(self, stored: Stored, query: str, wanted: list[str]) -> None:
        for path in (f"{V1}/schedules", f"{V2}/schedules"):
            assert sorted(faults_in(await stored.me.get(f"{path}?{query}"))) == wanted

    async def test_a_misspelt_parameter_is_pointed_out(self, stored: Stored) -> None:
        fields = faults_in(await stored.me.get(f"{V1}/schedules?limt=5"))
        assert fields == {"limt": "is not a known field; did you mean 'limit'?"}

    @pytest.mark.parametrize(
        "at", ["now", "2026-04-24", "2026-04-24T19:00:00", "0001-01-01T00:00:00Z", ""]
    )
    @pytest.mark.parametrize(
        "path", [f"{V1}/schedules/nights/on-call", f"{V2}/current/team_1"], ids=["v1", "v2"]
    )
    async def test_of_an_instant(self, nights: Stored, path: str, at: str) -> None:
        assert list(faults_in(await nights.me.get(f"{path}?at={at}"))) == ["at"]

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("", ["end_date", "start_date"]),
            ("start_date=2026-03-01", ["end_date"]),
            ("start_date=2026-02-30&end_date=tomorrow", ["end_date", "start_date"]),
            ("start_date=2026-03-02&end_date=2026-03-01", ["end_date"]),
            ("start_date=2026-01-01&end_date=2028-01-02", ["end_date"]),
            ("start_date=2024-10-26&end_date=2026-10-26", ["end_date"]),
            ("start_date=0001-01-01&end_date=2026-01-01", ["start_date"]),
            ("start_date=2026-01-01&end_date=9999-12-31", ["end_date"]),
            ("start_date=0002-01-01&end_date=0002-01-01", ["end_date"]),
            ("start_date=0001-01-01&end_date=9999-12-31", ["end_date", "start_date"]),
            ("start_date=2026-03-01&end_date=2026-03-01&user_id=", ["user_id"]),
        ],
    )
    async def test_of_entries(self, nights: Stored, query: str, wanted: list[str]) -> None:
        response = await nights.me.get(f"{V2}/schedules/nights/entries?{query}")
        assert sorted(faults_in(response)) == wanted

    async def test_of_731_days(self, nights: Stored) -> None:
        days = "start_date=2026-01-01&end_date=2028-01-01"
        response = await nights.me.get(f"{V2}/schedules/nights/entries?{days}")
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("", ["from", "to"]),
            ("from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z", ["to"]),
            ("from=2026-03-01T00:00:00Z&to=2028-03-02T00:00:00Z", ["to"]),
            ("from=2026-03-01&to=x", ["from", "to"]),
        ],
    )
    async def test_of_a_window(self, nights: Stored, query: str, wanted: list[str]) -> None:
        response = await nights.me.get(f"{V1}/schedules/nights/final-schedule?{query}")
        assert sorted(faults_in(response)) == wanted

    async def test_what_takes_no_parameters(self, nights: Stored) -> None:
        response = await nights.me.get(f"{V2}/schedules/nights?expand=all")
        assert list(faults_in(response)) == ["expand"]


class TestLimits:
    async def test_a_key_has_120_requests_a_minute(self, stored: Stored) -> None:
        caller = await stored.with_scopes("schedules")
        for left in range(119, -1, -1):
            response = await caller.get(f"{V2}/users")  # 403 counts, too
            assert response.headers["RateLimit"] == f'"per-key";r={left};t=60'
        refused = await caller.get(f"{V1}/schedules")
        assert code_of(refused) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "60"
        assert refused.headers["RateLimit"] == '"per-key";r=0;t=60'
        assert refused.headers["RateLimit-Policy"] == '"per-key";q=120;w=60'
        assert (await stored.me.get(f"{V1}/schedules")).status_code == 200
        stored.clock.advance(60)
        assert (await caller.get(f"{V1}/schedules")).status_code == 200

    async def test_a_client_without_a_key_has_as_many(self, stored: Stored) -> None:
        for left in range(119, -1, -1):
            response = await stored.caller("ak_live_wrong").get(f"{V1}/schedules")
            assert response.status_code == 401
            assert response.headers["RateLimit"] == f'"unknown-key";r={left};t=60'
        refused = await stored.caller(None).get(f"{V1}/schedules")
        assert code_of(refused) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "60"
        assert refused.headers["RateLimit"] == '"unknown-key";r=0;t=60'
        assert refused.headers["RateLimit-Policy"] == '"unknown-key";q=120;w=60'
        assert (await stored.me.get(f"{V1}/schedules")).status_code == 200

    async def test_tokens_are_counted_with_unknown_keys(self, stored: Stored) -> None:
        path = f"{V2}/schedules/none/calendar.ics?token=x"
        for _ in range(120):
            assert (await stored.caller(None).get(path)).status_code == 401
        refused = await stored.caller(None).get(path)
        assert code_of(refused) == (429, "rate_limited")
        assert refused.headers["RateLimit"] == '"unknown-key";r=0;t=60'


async def test_the_address_of_a_calendar_is_the_services(nights: Stored) -> None:
    token = await nights.me.create(f"{V2}/users/ann/feed-tokens", {})
    assert token["url"] == f"{PUBLIC_URL}{V2}/users/ann/calendar.ics?token={token['token']}"
