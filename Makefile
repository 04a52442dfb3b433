# `make` lists the targets. The first one run sets up .venv; after that nothing touches the network.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test slow lab bench docs lint sample clean

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
# Every study that has data: the questionnaire's is for answers still to come.
STUDIES ?= $(foreach file,$(wildcard data/*/study.toml data/studies/*/study.toml),\
	$(if $(wildcard $(dir $(file))*.csv),$(file)))

BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
READY := .venv/.ready

ifneq ($(strip $(UV)),)
CREATE = "$(UV)" venv --quiet --python "$$base" --no-python-downloads .venv
INSTALL = "$(UV)" pip install --quiet --compile-bytecode --python $(BIN)/python
else
CREATE = "$$base" -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

# Written so that any Python, however old, can say that it will not do.
define FIND_PYTHON
import sys
if sys.version_info[:2] < (3, 11):
    sys.exit("$(PYTHON) is Python %d.%d.%d" % sys.version_info[:3])
print(sys.executable)
endef
export FIND_PYTHON

$(READY): pyproject.toml requirements.lock
	@if [ ! -x $(BIN)/python ]; then \
		base="$$("$(PYTHON)" -c "$$FIND_PYTHON")" || { \
			echo "Python 3.11 or later is needed. Name one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12" >&2; \
			exit 1; \
		}; \
		echo "Setting up .venv with $(if $(strip $(UV)),uv,venv and pip) ..."; \
		rm -rf .venv; $(CREATE) || { rm -rf .venv; exit 1; }; \
	fi
ifeq ($(strip $(UV)),)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
endif
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

report: $(READY) ## render the report of every study in data/ into reports/
	$(BIN)/loyalty report $(STUDIES) --out reports
	@echo "$(CURDIR)/reports/index.html"

test: $(READY) ## run the tests but the slow ones on every core, and the examples in the docstrings
	$(PYTEST) -m "not slow"

slow: $(READY) ## run the slow tests: browsers, faults, interruptions, simulations, a wheel
	$(PYTEST) -m slow

lab: $(READY) ## open the notebooks in JupyterLab (which asks no server for news or updates)
	$(BIN)/python -m jupyterlab notebooks --LabApp.news_url=None --LabApp.extension_manager=readonly \
		--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate

bench: $(READY) ## time the package beside what one would use instead
	$(BIN)/python benchmarks/run.py

docs: $(READY) ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -q -n -W --keep-going -d docs/_build/doctrees docs docs/_build/html
	@echo "$(CURDIR)/docs/_build/html/index.html"

lint: $(READY) ## check style, format and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

sample: $(READY) ## make the executed sample in reports/sample anew
	$(BIN)/loyalty report data/studies/mobile_customers --out reports --quiet
	rm -rf reports/sample && mkdir -p reports/sample/notebooks
	cd reports/mobile_customers/latest/ && cp index.html verdicts.csv manifest.json ../../sample/
	cp reports/mobile_customers/latest/notebooks/02_descriptives.ipynb reports/sample/notebooks/

clean: ## remove what was generated: reports, caches, builds (.venv stays)
	@if [ -d reports ]; then find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name sample -exec rm -rf {} +; fi
	rm -rf build dist benchmarks/work docs/_build docs/api docs/notebooks .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -path ./.git -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints -o -name .ruff_cache \) -prune -exec rm -rf {} +
