# Each command first sets up everything it needs, in .venv; the second time there is nothing left to set up.
#   make demo              full masks against scribbles, on generated scenes
#   make demo DATA=folder  the same on your own images
#   make test              formatting, lint, types and tests
#   make bench             measures speed, into benchmarks/results.json
#   make bench ONLY=cut    the same of one subject, a file of benchmarks/
#   make names             stubs and the inventory of public names, from src/weakseg/homes.py
#   make docs              these pages and the reference of all public names, into site/index.html
# Python 3.11 or newer is looked for; PYTHON=/path/to/python names another.

BIN := .venv/bin
READY := .venv/.ready
CODE := benchmarks docs recipes src tests
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3

.PHONY: demo test bench names docs clean

demo: $(READY)
	$(BIN)/weakseg demo $(if $(DATA),--data "$(DATA)") $(if $(EPOCHS),--epochs $(EPOCHS))

# Two processes of one thread each: tests are many and small, and the smallest machine has two cores. Each begins with
# half of the files, so that what the tests of a file share is made once, and takes from the other's at the end.
test: $(READY)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/pyright
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(ONLY)

names: $(READY)
	$(BIN)/python docs/public_names.py

# The variable silences an advertisement of the theme.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

clean:
	rm -rf site .venv .venv-peers .pytest_cache .ruff_cache .hypothesis

# The constraint reaches the build of the package itself only through the environment.
$(READY): pyproject.toml constraints.txt
	@python=$$(for python in $(PYTHONS); do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	  done) || { echo "weakseg needs Python 3.11 or newer, and found none of: $(PYTHONS)." \
	    "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	echo "setting up .venv with $$python (once, a minute or two)"; $$python -m venv .venv
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	  $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(READY)
