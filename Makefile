# Needs Python 3.11 or newer, pip and make. Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OTHERS := $(VENV)/others/.ready
SUPPLY := $(VENV)/supply/tools.txt
DEMO ?= build/demo
PYTEST_ARGS ?= --numprocesses auto --dist worksteal -m "not slow"
EXTRAS ?= dev

.PHONY: help demo test tools generate examples check lint types bench peers sbom audit clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      simulate the trial, convert it to Parquet, show the report and the results"
	@echo "make test      run the tests, but for those that take long (.ci/run runs all)"
	@echo "make generate  write the files that follow from schema/"
	@echo "make examples  write examples/ anew with the simulator"
	@echo "make check     definitions are sound, generated files are fresh, the examples fit datapackage.json"
	@echo "make lint      ruff, formatting, import contracts"
	@echo "make types     mypy"
	@echo "make bench     run the benchmarks"
	@echo "make peers     hold the same rules with other validators, write docs/performance.md"
	@echo "make sbom      write the software bill of materials"
	@echo "make audit     ask for known vulnerabilities of the locked versions"
	@echo "make clean     remove what make made"

# The stamp is made last, so that a broken installation is tried again.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12" >&2; exit 1; }
	@rm -f $@
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

# An environment of its own: the tests must see what a plain install sees, and that has no pandas.
$(OTHERS): tests/other-tools.txt $(READY)
	@rm -rf $(@D) && $(BIN)/python -m venv --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check -r $<
	@touch $@

$(SUPPLY): requirements/tools.txt $(READY)
	$(BIN)/python -m supply_chain tools
	@touch $@

demo: $(READY)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/anakinra-t2d simulate --out $(DEMO)/sent
	$(BIN)/anakinra-t2d convert $(DEMO)/sent --out $(DEMO)/parquet
	@echo; echo "The same trial as the two sites send it, an Excel workbook and German CSV files, each with its profile:"
	$(BIN)/anakinra-t2d simulate --layout denmark --out $(DEMO)/denmark
	$(BIN)/anakinra-t2d simulate --layout zurich --out $(DEMO)/zurich
	$(BIN)/anakinra-t2d convert $(DEMO)/denmark $(DEMO)/zurich --out $(DEMO)/sites
	@echo; echo "The trial with three faults:"
	@cp -r $(DEMO)/sent $(DEMO)/faulty
	@sed -i.bak '4s/week4/week 4/; 7s/\.//' $(DEMO)/faulty/vitals.csv && rm $(DEMO)/faulty/vitals.csv.bak
	@sed -i.bak '2s/-001/-999/' $(DEMO)/faulty/eye_exam.csv && rm $(DEMO)/faulty/eye_exam.csv.bak
	$(BIN)/anakinra-t2d validate $(DEMO)/faulty; test $$? -eq 1
	@echo; echo "What follows from the trial without faults, beside the numbers of the paper:"
	$(BIN)/anakinra-t2d derive $(DEMO)/parquet

test: $(READY) $(OTHERS)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# what tests need that are marked slow
tools: $(OTHERS) $(SUPPLY)

generate: $(READY)
	$(BIN)/python -m anakinra_t2d.forms.generate

examples: $(READY)
	for layout in canonical denmark zurich; do $(BIN)/anakinra-t2d simulate --layout $$layout --out examples/$$layout || exit 1; done

check: $(READY)
	$(BIN)/python -m anakinra_t2d.forms.generate --check
	$(BIN)/frictionless validate datapackage.json

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

peers: $(READY)
	$(BIN)/python -m benchmarks.peers

sbom: $(SUPPLY)
	$(BIN)/python -m supply_chain sbom --out build/sbom.cdx.json

# 2 is "not checked", which the command says
audit: $(SUPPLY)
	$(BIN)/python -m supply_chain audit || test $$? -eq 2

clean:
	rm -rf build dist $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find validators tests -name __pycache__ -type d -prune -exec rm -rf {} +
