# Two commands: `make demo` and `make test`. Each sets up .venv by itself, once.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
CORES ?= all
DEMO_PATIENTS ?= 60
REAL_DATA ?= $(if $(CONSILIUM_DATA),$(CONSILIUM_DATA),../shared/data)
UV_OPTIONS := -q --compile-bytecode --python $(VENV)/bin/python -r envs/lock.txt
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/workflow

.PHONY: setup demo test test-fast real lint docs clean

setup: $(VENV)/.ready

# torch first and with pip (pip may know a local build); the rest with uv, from the same lock. The system's certificates
# hold where a proxy inspects TLS too; uv's own where the system has none.
$(VENV)/.ready: envs/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "consilium needs Python 3.11 (make PYTHON=/path/to/python3.11)")'
	$(PYTHON) -m venv $(VENV)
	pip install -q $$(grep -E '^(torch|uv)==' envs/lock.txt)
	uv pip install --system-certs $(UV_OPTIONS) || uv pip install $(UV_OPTIONS)
	@touch $@

demo: setup
	@python scripts/make_cohort.py --out demo --patients $(DEMO_PATIENTS) --seed 1
	@snakemake --cores $(CORES) --configfile demo/config.yaml
	@echo
	@echo "Cohort page:   $(CURDIR)/results/demo/cohort/report.html"
	@echo "One patient:   $(CURDIR)/results/demo/patients/P001/report.html"

# Static checks, unit tests, dry runs, injected faults and end-to-end runs on a small demo cohort.
test: setup
	pytest -n 2 -m "not slow"
	pytest -n 2 -m slow --dist loadfile --no-loadscope-reorder

test-fast: setup
	pytest -n 2 -m "not slow"

# Two cohorts of real people; needs the folder of real data, see tests/configs/README.md.
real: setup
	@test -d $(REAL_DATA) || { echo "no folder $(REAL_DATA): set CONSILIUM_DATA, see tests/configs/README.md"; exit 1; }
	python tests/configs/prepare_pgx.py --data $(REAL_DATA) --out real/pgx
	snakemake --cores $(CORES) --configfile real/pgx/config.yaml
	python tests/configs/prepare_glioma.py --data $(REAL_DATA) --out real/glioma
	snakemake --cores $(CORES) --configfile real/glioma/config.yaml
	python tests/configs/judge_real.py --data $(REAL_DATA) --out docs/real_data.md

lint: setup
	ruff check . && ruff format --check . && snakefmt --check Snakefile workflow/rules
	mypy workflow/consilium && lint-imports

docs: setup
	python scripts/update_docs.py

clean:
	rm -rf $(VENV) demo real results logs .snakemake
