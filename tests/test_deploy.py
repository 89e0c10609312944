"""The files in ``deploy``: valid by their schemas, and consistent with the service and each other.

``test_proxy`` shows that nginx.conf works.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import kubernetes_validate
import pytest
import yaml

from app import DEFAULT_PORT
from app.checkout.setup import setting_errors
from app.http.rate_limits import address_limit
from app.http.request_body import MAX_BODY_BYTES, MAX_BODY_SECONDS
from app.main import create_app
from app.products.rotation.endpoint import BODY_BYTES
from app.server.http_protocol import MAX_HEAD_SECONDS
from app.server.run import KEEP_ALIVE_SECONDS, grace_seconds
from app.settings import VARIABLES, Settings
from app.workers.limits import ADDRESS_SPACE_BYTES
from app.workers.pool import PROCESSES
from tests.support.nginx_server import DEPLOYED, REPLICA
from tests.support.processes import NO_FILES, ROOT
from tests.support.services import PAY_TO, Service, remote_settings

DEPLOY = ROOT / "deploy"
SERVICE_MIB = 256
"""What the service itself may take, beside its worker processes."""
COMPOSE_FILE = DEPLOY / "compose.yaml"
COMPOSE = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES = COMPOSE["services"]
REPLICAS = {name: service for name, service in SERVICES.items() if name.startswith("oncall-")}
NGINX = DEPLOYED.read_text()
SERVER = NGINX.partition("    server {")[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
K8S = DEPLOY / "k8s"
MANIFESTS = {
    (manifest["kind"], manifest.get("metadata", {}).get("name", "")): manifest
    for path in sorted(K8S.glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
}
KUSTOMIZATION = MANIFESTS.pop(("Kustomization", ""))
POD = MANIFESTS["Deployment", "oncall"]["spec"]["template"]
[CONTAINER] = POD["spec"]["containers"]
LABELS = POD["metadata"]["labels"]


def variables_in(example: Path) -> dict[str, str]:
    lines = [line for line in example.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines if line)


def settings_from(*environs: Mapping[str, str]) -> Settings:
    """Return the settings of these variables, with what an operator fills in."""
    merged = {name: text for environ in environs for name, text in environ.items()}
    assert merged.keys() <= VARIABLES.keys()
    assert merged["ONCALL_PAY_TO"].startswith("0xYour")
    merged["ONCALL_FACILITATOR_HEADERS"] = merged["ONCALL_FACILITATOR_HEADERS"].replace("…", "x")
    return Settings.from_env({**merged, "ONCALL_PAY_TO": PAY_TO, **NO_FILES}, setting_errors)


def compose_settings(service: Mapping[str, Any]) -> Settings:
    return settings_from(variables_in(DEPLOY / "oncall.env.example"), service["environment"])


def seconds(text: str) -> int:
    """Of a duration such as ``90s``, as Compose and nginx write it."""
    return int(text.removesuffix("s"))


def directive(name: str, text: str = NGINX) -> str:
    """The value of a directive that stands there once."""
    [value] = re.findall(rf"^\s*{name}\s+(.*?);", text, re.MULTILINE)
    return str(value)


def memory_of(container: Mapping[str, Any]) -> str:
    """The mebibytes that a container may have."""
    return str(container["resources"]["limits"]["memory"]).removesuffix("Mi")


def stop_seconds(configured: Settings) -> float:
    """How long a process may take to stop."""
    return configured.drain_seconds + grace_seconds(configured)


class TestCompose:
    def test_it_is_valid_by_the_compose_specification(self) -> None:
        schema = ["--builtin-schema", "vendor.compose-spec"]
        command = [sys.executable, "-m", "check_jsonschema", *schema, str(COMPOSE_FILE)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout

    @pytest.mark.parametrize("name", REPLICAS)
    def test_a_replica_would_start(self, name: str) -> None:
        assert compose_settings(REPLICAS[name]).environment == "production"

    @pytest.mark.parametrize("name", REPLICAS)
    def test_a_replica_has_time_to_stop(self, name: str) -> None:
        replica = REPLICAS[name]
        assert seconds(replica["stop_grace_period"]) > stop_seconds(compose_settings(replica))

    @pytest.mark.parametrize("name", REPLICAS)
    def test_a_replica_believes_the_proxy_and_nobody_else(self, name: str) -> None:
        proxy = ip_network(SERVICES["proxy"]["networks"]["inside"]["ipv4_address"])
        assert compose_settings(REPLICAS[name]).trusted_proxies == (proxy,)

    def test_nginx_knows_every_replica(self) -> None:
        addresses = [replica["networks"]["inside"]["ipv4_address"] for replica in REPLICAS.values()]
        replicas = [f"{address}:{DEFAULT_PORT}" for address in addresses]
        assert REPLICA.findall(NGINX) == replicas + replicas  # again as what is left when all fail
        [pool] = COMPOSE["networks"]["inside"]["ipam"]["config"]
        assert all(ip_address(address) in ip_network(pool["subnet"]) for address in addresses)

    def test_the_published_port_is_nginxs(self) -> None:
        assert SERVICES["proxy"]["ports"] == [f"8080:{directive('listen')}"]

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_service_is_checked_and_limited(self, name: str) -> None:
        service = SERVICES[name]
        assert "healthcheck" in service or (service.get("build") and "HEALTHCHECK" in DOCKERFILE)
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
        assert set(service.get("depends_on", [])) <= set(SERVICES)

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_service_may_do_as_little_as_can_be(self, name: str) -> None:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        assert "/tmp" in service["tmpfs"]  # noqa: S108 - as mounted

    @pytest.mark.parametrize("name", REPLICAS)
    def test_a_replica_has_memory_for_its_workers(self, name: str) -> None:
        limit = REPLICAS[name]["deploy"]["resources"]["limits"]["memory"]
        assert limit.removesuffix("M") == memory_of(CONTAINER)
        of_workers = PROCESSES * ADDRESS_SPACE_BYTES / 1024**2
        assert int(memory_of(CONTAINER)) >= of_workers + SERVICE_MIB

    @pytest.mark.parametrize("name", REPLICAS)
    def test_workers_do_not_use_up_the_processor_of_the_event_loop(self, name: str) -> None:
        """Docker refuses more processors than there are, so it is one less there."""
        assert float(REPLICAS[name]["deploy"]["resources"]["limits"]["cpus"]) >= PROCESSES
        assert float(CONTAINER["resources"]["limits"]["cpu"]) >= PROCESSES + 1

    def test_redis_wants_the_password_that_the_replicas_know(self) -> None:
        redis = SERVICES["redis"]
        assert '--requirepass "$${REDIS_PASSWORD:?}"' in redis["command"][-1]
        assert redis["env_file"] == ["redis.env"]
        assert "REDIS_PASSWORD" in variables_in(DEPLOY / "redis.env.example")
        url = urlsplit(variables_in(DEPLOY / "oncall.env.example")["ONCALL_REDIS_URL"])
        assert (url.hostname, url.password) == ("redis", "password")
        assert "ports" not in redis
        assert "ports" not in SERVICES["postgres"]

    @pytest.mark.parametrize("name", REPLICAS)
    def test_a_replica_waits_for_the_migration_of_its_own_release(self, name: str) -> None:
        replica, migrate = REPLICAS[name], SERVICES["migrate"]
        assert replica["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert [migrate[part] for part in ("image", "build", "env_file")] == [
            replica[part] for part in ("image", "build", "env_file")
        ]

    def test_the_database_is_the_one_that_is_started(self) -> None:
        started = variables_in(DEPLOY / "postgres.env.example")
        url = urlsplit(variables_in(DEPLOY / "oncall.env.example")["ONCALL_DATABASE_URL"])
        assert url.hostname in SERVICES
        assert url.username == started["POSTGRES_USER"]
        assert url.path == f"/{started['POSTGRES_DB']}"

    def test_redis_forgets_nothing(self) -> None:
        command = " ".join(SERVICES["redis"]["command"])
        assert "--appendonly yes" in command
        assert "--maxmemory-policy noeviction" in command

    def test_each_file_of_secrets_has_an_example_and_is_not_committed(self) -> None:
        files = {name for service in SERVICES.values() for name in service.get("env_file", [])}
        assert all((DEPLOY / f"{name}.example").exists() for name in files)
        assert "deploy/*.env" in (ROOT / ".gitignore").read_text().splitlines()


class TestNginx:
    def test_it_waits_longer_than_the_slowest_answer(self) -> None:
        waits = seconds(directive("proxy_read_timeout"))
        assert waits > 2 * Settings().settle_deadline_seconds
        # it hands a request on once it is whole
        assert waits > grace_seconds(Settings()) - MAX_HEAD_SECONDS - MAX_BODY_SECONDS
        assert seconds(SERVICES["proxy"]["stop_grace_period"]) >= waits

    def test_it_closes_idle_connections_before_the_service_does(self) -> None:
        upstream = NGINX.partition("upstream oncall")[2].partition("}")[0]
        assert seconds(directive("keepalive_timeout", upstream)) < KEEP_ALIVE_SECONDS

    def test_it_passes_bodies_that_the_service_refuses_in_words(self) -> None:
        rotation = NGINX.partition("location = /v1/scheduling/oncall-rotation")[2].partition("}")[0]
        for size, most in (
            (directive("client_max_body_size", SERVER.partition("location")[0]), MAX_BODY_BYTES),
            (directive("client_max_body_size", rotation), BODY_BYTES),
        ):
            assert int(size.removesuffix("m")) * 1024**2 > most
        assert directive("client_body_buffer_size", rotation) == f"{BODY_BYTES >> 20}m"

    def test_an_address_has_its_share(self) -> None:
        assert "limit_conn_zone $binary_remote_addr zone=connections:" in NGINX
        assert "limit_req_zone $binary_remote_addr zone=requests:" in NGINX
        share = int(directive("limit_conn", SERVER).removeprefix("connections "))
        assert share * 50 < int(directive("worker_connections"))
        assert directive("limit_req", SERVER).startswith("zone=requests burst=")

    def test_it_passes_at_least_what_the_service_counts_more_finely(self) -> None:
        [a_second] = re.findall(r"rate=(\d+)r/s", NGINX)
        assert int(a_second) > address_limit("", ()).amount / 60

    def test_what_is_slow_ends(self) -> None:
        assert seconds(directive("client_header_timeout")) <= 10
        assert seconds(directive("client_body_timeout")) <= 5
        assert seconds(directive("send_timeout")) <= 20
        assert directive("reset_timedout_connection") == "on"
        assert "proxy_request_buffering off" not in NGINX


class TestKubernetes:
    def test_the_namespace_is_made_and_admits_only_what_is_locked_down(self) -> None:
        name = KUSTOMIZATION["namespace"]
        labels = MANIFESTS["Namespace", name]["metadata"]["labels"]
        assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
        assert POD["spec"]["securityContext"]["runAsNonRoot"]
        assert POD["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not POD["spec"]["automountServiceAccountToken"]
        assert CONTAINER["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }

    def test_an_address_has_its_share_there_as_well(self) -> None:
        annotations = MANIFESTS["Ingress", "oncall"]["metadata"]["annotations"]
        prefix = "nginx.ingress.kubernetes.io/limit-"
        assert annotations[f"{prefix}connections"] in directive("limit_conn", SERVER)
        assert f"rate={annotations[f'{prefix}rps']}r/s" in NGINX
        burst = int(annotations[f"{prefix}rps"]) * int(annotations[f"{prefix}burst-multiplier"])
        assert f"burst={burst} " in directive("limit_req", SERVER)

    def test_only_the_ingress_and_prometheus_get_in(self) -> None:
        policy = MANIFESTS["NetworkPolicy", "oncall"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        [rule] = policy["ingress"]
        assert len(rule["from"]) == 2
        assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]

    @pytest.mark.parametrize("name", MANIFESTS, ids=" ".join)
    def test_it_is_valid_by_the_schema(self, name: tuple[str, str]) -> None:
        kubernetes_validate.validate(MANIFESTS[name], "1.37", strict=True)

    def test_everything_but_the_example_of_a_secret_is_applied(self) -> None:
        files = {path.name for path in K8S.glob("*.yaml")}
        left_out = {"kustomization.yaml", "secret.example.yaml"}
        assert set(KUSTOMIZATION["resources"]) == files - left_out

    def test_a_pod_migrates_before_it_serves(self) -> None:
        [migrate] = POD["spec"]["initContainers"]
        same = ("image", "envFrom", "securityContext")
        assert [migrate[part] for part in same] == [CONTAINER[part] for part in same]
        assert migrate["command"] == SERVICES["migrate"]["command"]
        assert "ONCALL_DATABASE_URL" in MANIFESTS["Secret", "oncall"]["stringData"]

    def test_what_it_stores_in_can_be_reached(self) -> None:
        secret = MANIFESTS["Secret", "oncall"]["stringData"]
        wanted = {urlsplit(secret[f"ONCALL_{kind}_URL"]).port for kind in ("REDIS", "DATABASE")}
        egress = MANIFESTS["NetworkPolicy", "oncall"]["spec"]["egress"]
        assert wanted <= {port["port"] for rule in egress for port in rule["ports"]}

    def test_the_image_has_the_command_that_migrates(self) -> None:
        command = SERVICES["migrate"]["command"]
        assert command[0] == json.loads(DOCKERFILE.rpartition("\nCMD ")[2])[0]
        help_of = [sys.executable, *command[1:], "--help"]
        done = subprocess.run(help_of, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_a_pod_would_start_and_has_time_to_stop(self) -> None:
        public, secret = MANIFESTS["ConfigMap", "oncall"], MANIFESTS["Secret", "oncall"]
        sources = [next(iter(source.values()))["name"] for source in CONTAINER["envFrom"]]
        assert sources == [public["metadata"]["name"], secret["metadata"]["name"]]
        configured = settings_from(public["data"], secret["stringData"])
        assert configured.environment == "production"
        assert POD["spec"]["terminationGracePeriodSeconds"] > stop_seconds(configured)

    @pytest.mark.anyio
    @pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
    async def test_a_probe_asks_what_the_service_answers(self, probe: str) -> None:
        asked = CONTAINER[probe]["httpGet"]
        assert asked["port"] == CONTAINER["ports"][0]["name"]
        configured = remote_settings("http://127.0.0.1:9", rpc_url="http://127.0.0.1:9")
        service = Service(create_app(configured))
        assert (await service.http.get(asked["path"])).status_code == 200
        excluded = httpx.URL(asked["path"]).params.get_list("exclude")
        assert set(excluded) <= (await service.http.get("/readyz")).json()["checks"].keys()

    def test_the_image_is_run_as_it_is_built(self) -> None:
        assert f"\nEXPOSE {CONTAINER['ports'][0]['containerPort']}\n" in DOCKERFILE
        assert CONTAINER["ports"][0]["containerPort"] == DEFAULT_PORT
        context = POD["spec"]["securityContext"]
        assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in DOCKERFILE
        [image] = KUSTOMIZATION["images"]
        assert image["name"] == CONTAINER["image"]

    def test_everything_means_the_same_pods(self) -> None:
        spec = {
            kind: m["spec"]
            for (kind, name), m in MANIFESTS.items()
            if name == "oncall" and "spec" in m
        }
        assert spec["Deployment"]["selector"]["matchLabels"] == LABELS
        assert spec["Service"]["selector"] == LABELS
        assert spec["PodDisruptionBudget"]["selector"]["matchLabels"] == LABELS
        assert spec["NetworkPolicy"]["podSelector"]["matchLabels"] == LABELS
        assert spec["HorizontalPodAutoscaler"]["scaleTargetRef"]["name"] == "oncall"

    def test_the_ingress_leads_to_the_service_and_nobody_to_the_books(self) -> None:
        [rule] = MANIFESTS["Ingress", "oncall"]["spec"]["rules"]
        backends = {r["path"]: r["backend"]["service"] for r in rule["http"]["paths"]}
        assert backends.keys() == {"/", "/metrics", "/readyz"}
        for backend in backends.values():
            [port] = MANIFESTS["Service", backend["name"]]["spec"]["ports"]
            assert backend["port"] == {"name": port["name"]}
        assert "selector" in MANIFESTS["Service", backends["/"]["name"]]["spec"]
        for inside in ("/metrics", "/readyz"):
            assert "selector" not in MANIFESTS["Service", backends[inside]["name"]]["spec"]

    def test_it_scales_before_a_replica_is_full(self) -> None:
        [metric] = MANIFESTS["HorizontalPodAutoscaler", "oncall"]["spec"]["metrics"]
        request = int(CONTAINER["resources"]["requests"]["cpu"].removesuffix("m")) / 1000
        cores = request * metric["resource"]["target"]["averageUtilization"] / 100
        assert 0.5 <= cores <= 0.8
