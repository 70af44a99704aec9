"""What moves packets, compiled to machine code: `python -m media.compiled` makes it, `use` takes it.

mypyc makes C of the same typed Python, a C compiler the rest. What was compiled of other sources than those
that are here is never taken. Where there is nothing for them, or nothing was compiled, the sources run as
they are, and do the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import media

PACKAGE = Path(__file__).parent
KEPT_IN = PACKAGE / "__compiled__"
GROUP = "motesrum_media"
MODULES = (
    *("allocation", "batch", "block", "bounds", "burst", "cache", "consumer", "demand", "downlink", "dtls"),
    *("ice", "keyframes", "layers", "leg", "loss", "nack", "pli", "port", "producer", "protection"),
    *("rates", "reception", "red", "redundancy", "resend", "router", "rtcp", "rtp", "sequence", "speakers"),
    *("srtp", "stats", "strain", "stream", "table", "transport", "twcc", "vp8"),
)
"""Whatever is done for a packet or a report. The rest is rare, or waits for the kernel."""
SMALL = "s"
"""The compiler looks for small code: between two packets others use the caches, and it is read anew."""

_BUILD = sysconfig.get_config_var("SOABI")
"""Names this Python and this kind of machine."""
_MYPY = ("--follow-imports=skip", "--ignore-missing-imports")
"""What is not compiled is taken as it comes; `make check` is stricter."""


def folder() -> Path:
    """Where what belongs to these very sources, this Python and this kind of machine is, or will be."""
    digest = hashlib.sha256()
    for source in sorted([*PACKAGE.glob("*.py"), *PACKAGE.parent.joinpath("config").glob("*.py")]):
        digest.update(f"{source.name} {source.stat().st_size}\n".encode())
        digest.update(source.read_bytes())
    return KEPT_IN / f"{_BUILD}-{digest.hexdigest()[:16]}"


def use() -> bool:
    """Have what is compiled imported from now on; whether there is any, and none of the modules that it
    stands for has been imported before."""
    found = folder()
    if not found.is_dir() or any(f"media.{module}" in sys.modules for module in MODULES):
        return False
    media.__path__.insert(0, str(found / "media"))
    sys.path.append(str(found))
    return True


def ways(*, wanted: bool) -> str:
    """How workers will run, and why not better; for people."""
    if wanted and folder().is_dir():
        return "compiled"
    return f"not compiled ({'run python -m media.compiled' if wanted else 'the settings say so'})"


def make() -> None:
    """Compile a copy, apart from other packages, in place of what was compiled of other sources.

    Raises `ImportError` without mypyc and setuptools, `OSError` where nothing may be written, setuptools'
    errors without a C compiler.
    """
    from mypyc.build import mypycify
    from setuptools import Distribution

    made = folder()
    KEPT_IN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        shutil.copytree(PACKAGE, "media", ignore=shutil.ignore_patterns(KEPT_IN.name))
        extensions = mypycify(
            [*_MYPY, *(f"media/{module}.py" for module in MODULES)],
            group_name=GROUP,
            multi_file=True,
            opt_level=SMALL,
            target_dir="c",
        )
        built = tempfile.mkdtemp(dir=KEPT_IN)
        try:
            command = Distribution({"name": GROUP, "ext_modules": extensions}).get_command_obj("build_ext")
            command.build_lib, command.build_temp = built, "objects"
            command.parallel = os.cpu_count()
            command.ensure_finalized()
            command.run()
            Path(built).chmod(0o755)
            Path(built).rename(made)
        except BaseException:
            shutil.rmtree(built)
            raise
    for other in KEPT_IN.glob(f"{_BUILD}-*"):
        if other != made:
            shutil.rmtree(other)


def main() -> int:
    if not folder().is_dir():
        make()
    return 0


if __name__ == "__main__":
    sys.exit(main())
