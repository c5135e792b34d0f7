"""Build the wheel, install it in a fresh environment, and use it from a directory that is not the checkout.

Run by `make wheel-test`. The dependencies are borrowed from the environment that runs this script, through a `.pth`
file: the `.pth` files of a directory added that way are not followed, so the editable checkout stays invisible.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"manifolds", "symmetries", "solvers", "symport"}
WHERE = "import json, {0}; print(json.dumps([module.__file__ for module in ({0},)]))"


def call(*command: object, cwd: Path) -> str:
    """Run a command, hand its errors through, and return what it printed."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def build(directory: Path) -> Path:
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", directory, ROOT, cwd=directory)
    (wheel,) = directory.glob("symport-*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES, tops
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name]


def install(wheel: Path, directory: Path) -> Path:
    """A fresh environment with the wheel and borrowed dependencies; returns its directory of programs."""
    venv.create(directory, with_pip=False, symlinks=True)
    paths = {"base": str(directory), "platbase": str(directory)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    programs = Path(sysconfig.get_path("scripts", "venv", vars=paths))
    python = programs / "python"
    call(
        python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=directory
    )
    return programs


def check_use(programs: Path, directory: Path) -> None:
    found = json.loads(call(programs / "python", "-c", WHERE.format(", ".join(sorted(PACKAGES))), cwd=directory))
    assert all(Path(path).is_relative_to(programs.parent) for path in found), found
    derived = json.loads(call(programs / "symport", "derive", "x**2 + 9*y**2", "--json", cwd=directory))
    assert derived["dimension"] == 1, derived
    assert derived["schema"] == "symport/derive/1", derived
    call(programs / "symport", "study", "rosenbrock", "--output", directory / "report", cwd=directory)
    assert (directory / "report" / "report.html").stat().st_size > 0


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary).resolve()
        elsewhere = directory / "elsewhere"
        elsewhere.mkdir()
        wheel = build(directory)
        check_contents(wheel)
        check_use(install(wheel, directory / "environment"), elsewhere)
    print(f"{wheel.name} works from another directory")


if __name__ == "__main__":
    main()
