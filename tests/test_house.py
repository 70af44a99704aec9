"""The rules of the house: who may import whom, what is pinned, and that the papers tell the truth."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("rooms", "media", "signaling", "config", "web")
MADE = {"node_modules", "dist", "artifacts", "data", "build", "__pycache__"}
"""Folders that a build or a run makes."""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def source_files(*suffixes: str) -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in MADE
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name == ".ci")
        ]
        written = [name for name in names if name != ".git"]
        yield from (Path(folder, name) for name in written if name.endswith(suffixes or ("",)))


def imported(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_import_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("rooms/decide.py", "import media"),
        ("rooms/decide.py", "import signaling"),
        ("rooms/decide.py", "import config"),
        ("rooms/decide.py", "import asyncio"),
        ("rooms/decide.py", "import pydantic"),
        ("rooms/store/sqlite.py", "import signaling"),
        ("media/router.py", "import rooms"),
        ("media/router.py", "import signaling"),
        ("config/settings.py", "import media"),
    ],
)
def test_the_import_contracts_catch_a_wrong_arrow(tmp_path: Path, file: str, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in (*PACKAGES, "rooms/store"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "rooms/store/redis.py").write_text("import asyncio, sqlite3, pydantic\n")
    (tmp_path / "signaling/app.py").write_text("import rooms, media, config\n")
    assert lint_imports(tmp_path).returncode == 0
    (tmp_path / file).write_text(line + "\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_the_core_of_rooms_is_pure() -> None:
    impure = {
        *("asyncio", "sqlite3", "redis", "pydantic", "aiohttp", "aiortc", "threading", "socket"),
        *("time", "random", "secrets", "os", "pathlib", "logging", "structlog"),
    }
    for path in (ROOT / "rooms").glob("*.py"):
        names = imported(path)
        assert not {name.partition(".")[0] for name in names} & impure, path.name
        assert not {name for name in names if name.startswith("rooms.store")}, path.name


def test_the_private_parts_of_aiortc_are_touched_in_one_file() -> None:
    private = re.compile(r"\._(?:tx_srtp|rx_srtp|set_role|handle_rtp_data|handle_rtcp_data)\b")
    touching = {
        path.name for path in (ROOT / "media").rglob("*.py") if private.search(path.read_text("utf-8"))
    }
    assert touching <= {"handshake.py"}


def test_every_package_of_ours_is_installed() -> None:
    found = {
        str(path.parent.relative_to(ROOT)).replace(os.sep, ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if not MADE & set(path.parts)
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_what_we_reach_into_is_pinned_exactly() -> None:
    dependencies = PROJECT["project"]["dependencies"]
    for name in ("aiortc", "aioice"):
        (pinned,) = [each for each in dependencies if re.match(rf"{name}\b", each)]
        assert re.fullmatch(rf"{name}==\d+\.\d+\.\d+", pinned)


def test_the_pages_depend_on_exact_versions() -> None:
    package = json.loads((ROOT / "web/package.json").read_text("utf-8"))
    wanted = {**package["dependencies"], **package["devDependencies"]}
    assert not {name: version for name, version in wanted.items() if not re.match(r"\d", version)}
    assert {version for name, version in wanted.items() if name.startswith("@fkui/")} == {"6.44.0"}


def test_the_readme_names_the_two_commands_and_every_setting() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in ("make run", "make test"):
        assert command in readme
        assert re.search(rf"^{command.removeprefix('make ')}:", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for name in Settings.model_fields:
        assert f"`{name}`" in readme
    assert PREFIX in readme


@pytest.mark.parametrize("paper", ["README.md", "ARCHITECTURE.md"])
def test_files_that_the_papers_name_are_there(paper: str) -> None:
    text = (ROOT / paper).read_text("utf-8")
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)}|tests|docs)/[\w./-]+)`", text)
    named += [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_continuous_integration_runs_the_same_command_as_a_person() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "make test"]


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    hosts = (
        *("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "yarn" + "pkg.com"),
        *("deb." + "debian.org", "security." + "debian.org", "docker" + ".io/"),
    )
    folders = ("/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/opt/" + "wheels")
    found = []
    for path in source_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {word}" for word in (*hosts, *folders) if word in text]
    assert not found


def test_missing_system_packages_are_named(tmp_path: Path) -> None:
    for tool in ("make", "sh", "find", "grep", "id", "sed"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    result = subprocess.run(
        [tmp_path / "make", "system"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 2
    wanted = "chromium redis-server coturn caddy docker-compose firefox-esr pulseaudio"
    assert f"The tests need these Debian packages: {wanted}" in result.stderr
