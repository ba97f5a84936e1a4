"""Write what follows from `weakseg.homes.DOORS`: stubs for type checkers, and the inventory of public names.

python docs/public_names.py
"""

from pathlib import Path

from weakseg.homes import DOORS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "weakseg"


def stub(door: str) -> Path:
    """The file in which type checkers look for a namespace's names."""
    folder = PACKAGE / door
    return folder / "__init__.pyi" if folder.is_dir() else folder.with_suffix(".pyi")


def stub_text(door: str, before: str) -> str:
    """The stub with today's names; what else it holds stays."""
    spaces = [f"from weakseg import {name} as {name}" for name in sorted(DOORS) if name and not door]
    places = sorted(
        ((home, name) for name, home in DOORS[door].items()), key=lambda place: (place[0], _order(place[1]))
    )
    names = [f"from weakseg.{home} import {name} as {name}" for home, name in places]
    lines = before.splitlines()
    imports = [i for i, line in enumerate(lines) if line.startswith("from weakseg")]
    return "\n".join([*lines[: imports[0]], *spaces, *names, *lines[imports[-1] + 1 :]]) + "\n"


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts imports."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def inventory() -> str:
    """Every public name with its namespace, a line each."""
    lines = [f"weakseg.{door}.{name}".replace("..", ".") for door in sorted(DOORS) for name in sorted(DOORS[door])]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for door in DOORS:
        stub(door).write_text(stub_text(door, stub(door).read_text()))
    (ROOT / "tests" / "public_names.txt").write_text(inventory())
