"""The file for docker-compose, and what it builds and mounts; nothing here needs an engine."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.stack import ROOT, compose, environment

SECRETS = {"redis_password", "redis_key", "turn_secret", "tls_cert", "tls_key"}
NOBODY = "10001:10001"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compose(environment(tmp_path_factory.mktemp("secrets")))


def test_it_starts_two_nodes_and_what_they_need(file: dict[str, Any]) -> None:
    assert set(file["services"]) == {"node-1", "node-2", "redis", "coturn", "caddy"}


def test_nobody_is_root_and_nothing_can_be_written_but_data(file: dict[str, Any]) -> None:
    for name, service in file["services"].items():
        assert (service["user"], service["read_only"], service["cap_drop"]) == (NOBODY, True, ["ALL"]), name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name in ("coturn", "caddy") else [])
        for volume in service["volumes"]:
            here, there, *how = volume.split(":")
            assert how == ["ro"] or (not here.startswith("/") and there in ("/data", "/keys")), volume


def test_what_is_mounted_is_there(file: dict[str, Any]) -> None:
    for service in file["services"].values():
        for volume in service["volumes"]:
            here, there = volume.split(":")[:2]
            if here.startswith("/"):
                assert list(Path(here).iterdir())
                words = f"{service['entrypoint']} {service.get('command', '')}"
                for path in re.findall(rf"{there}(/[\w/]+)", words):
                    assert os.access(here + path, os.R_OK), path


def test_secrets_are_files_and_none_has_a_value_of_its_own(file: dict[str, Any], tmp_path: Path) -> None:
    assert set(file["secrets"]) == SECRETS
    assert all(set(secret) == {"file"} for secret in file["secrets"].values())
    for service in file["services"].values():
        given = service["environment"].items()
        named = {name: value for name, value in given if re.search("SECRET|PASSWORD|KEY_|CERT", name)}
        assert all(value.startswith("/run/secrets") for value in named.values()), named
    for name in environment(tmp_path):
        without = {key: value for key, value in environment(tmp_path).items() if key != name}
        with pytest.raises(AssertionError, match=name):
            compose(without)


def test_the_services_names_agree(file: dict[str, Any]) -> None:
    """What a node listens on is what caddy sends to, and what its health is asked at."""
    caddyfile = (ROOT / "config/caddy/Caddyfile").read_text()
    for node in ("1", "2"):
        service = file["services"][f"node-{node}"]
        assert service["environment"]["NODE"] == node
        assert f"127.0.0.1:808{node}/readyz" in str(service["healthcheck"]["test"])
        assert f"127.0.0.1:808{node}" in caddyfile


def test_what_the_image_copies_is_there_and_it_ends_as_nobody() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert copied
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists(), path
    last = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]
    assert f"USER {NOBODY}" in last
    assert any(line.startswith("HEALTHCHECK") for line in last)


def test_caddy_understands_its_file(tmp_path: Path, file: dict[str, Any]) -> None:
    done = subprocess.run(
        ["caddy", "adapt", "--config", str(ROOT / "config/caddy/Caddyfile")],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **file["services"]["caddy"]["environment"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr, done.stderr
