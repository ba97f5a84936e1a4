"""Who may import whom: imports go down only, and one door leads to each heavy library."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "weakseg"

LEVELS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("commands/imports",),
    ("evaluation/files", "experiments", "export", "serve"),
    ("report", "studio", "train"),
    ("studio/labels",),
    ("runs",),
    ("evaluation", "recipe"),
    ("constraint_choice", "data/check", "one_image"),
    ("joint",),
    (
        "cuts",
        "data/imports",
        "data/inventory",
        "data/published",
        "data/simulate",
        "mean_field",
        "solvers",
    ),
    ("cuts/flows", "data/folder", "energies", "joint/edges", "projection"),
    ("annotations", "data/rasters", "data/volumes"),
    ("formats/geo", "formats/science", "formats/sets", "formats/tools", "formats/writers"),
    ("formats",),
    ("marks",),
    ("appearance", "constraints", "data", "data/label_values", "losses"),
    ("data/images", "grids"),
    ("pretrained", "types"),
    ("console", "files", "finding", "lattice", "networks"),
    ("arrays", "datasets", "divergences", "papers", "simulate", "typing"),
    ("classes", "compilation", "errors", "homes"),
    ("field_docs",),
)
"""Rooms of a level may import those of lower levels, and none of their own."""

DOORS = {
    "accelerate": "train/engine.py",
    "rasterio": "formats/georeference.py",
    "starlette": "studio/app.py",
    "transformers": "pretrained/",
    "uvicorn": "studio/serve.py",
}
"""Where alone a library may be imported."""

MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}


def imports(path: Path, top_level: bool = False) -> Iterator[str]:
    """Names of the modules a file imports, those inside functions included unless only the `top_level` is asked for."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (part if part in MODULES else f"{node.module}" for part in parts)


def room(module: str) -> str:
    """The folder a module lies in, or itself where it lies in none; the package itself is the front door."""
    parts = module.split(".")[1:]
    return "/".join(parts if MODULES[module].name == "__init__.py" else parts[:-1] or parts)


def level(name: str) -> int:
    """Index in `LEVELS`; -1 for the front door."""
    assert name == "" or any(name in rooms for rooms in LEVELS), f"no level for the room '{name}'"
    return next((index for index, rooms in enumerate(LEVELS) if name in rooms), -1)


def test_imports_go_down_only():
    """A room imports itself and lower rooms, inside functions too."""
    upwards = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        for other in imports(path)
        if room(module) and other in MODULES
        if room(other) != room(module) and level(room(other)) <= level(room(module))
    ]
    assert upwards == []


def test_no_module_is_imported_by_what_it_imports():
    """Modules can be put in an order in which each needs only earlier ones."""
    needs = {module: set(imports(path, top_level=True)) & {*MODULES} - {module} for module, path in MODULES.items()}
    while ready := {module for module, needed in needs.items() if not needed}:
        needs = {module: needed - ready for module, needed in needs.items() if module not in ready}
    assert needs == {}


def test_each_heavy_library_has_one_door():
    """accelerate and transformers are imported where they are wrapped, and nowhere else."""
    strays = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in MODULES.values()
        for other in imports(path)
        for library, door in DOORS.items()
        if other.split(".")[0] == library and not path.relative_to(ROOT).as_posix().startswith(door)
    ]
    assert strays == []


def test_every_room_is_on_the_plan():
    """The architecture page lists what there is."""
    plan = (ROOT.parent.parent / "docs" / "architecture.md").read_text().split("```")[1].split()
    rooms = {path.name + "/" * path.is_dir() for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__.py", "__main__.py", "__pycache__/"} <= {*plan}


def test_scripts_beside_the_package_find_what_they_import():
    """What docs/, benchmarks/ and recipes/ take from the package is there, also after a file has moved."""
    scripts = [
        path for folder in ("docs", "benchmarks", "recipes") for path in (ROOT.parent.parent / folder).rglob("*.py")
    ]
    lost = [
        f"{path.name} imports {node.module}.{alias.name}"
        for path in scripts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "weakseg"
        for alias in node.names
        if f"{node.module}.{alias.name}" not in MODULES
        if node.module not in MODULES or not hasattr(import_module(node.module), alias.name)
    ]
    assert lost == []
