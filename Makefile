# make report   the demo study, from nothing to a finished report
# make test     all tests
# make help     the other targets
SHELL := /bin/bash
# What makes the environment: python3, or where that is too old, the newest that has its version in its name.
IS_PYTHON := -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11; do \
  "$$one" $(IS_PYTHON) && { echo "$$one"; break; }; done)
# `make report VENV=/opt/segsweep`: an environment of your own, which is used as it is. Containers come with one.
VENV ?= .venv
BIN := $(VENV)/bin
# The build of torch for `make env`: pinned, or cpu, cu126, ... for other drivers; see envs/install.sh. It is kept.
INSTALLED := $(or $(shell cat .venv/.torch 2> /dev/null),pinned)
TORCH ?= $(INSTALLED)
STUDY ?= demo
DATASET ?= demo
OPTIONS ?=
EXPORTERS ?=
PARTS ?=
OF ?=
HOW ?=
YES ?=
# nproc would count the threads that we allow a process.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc)
SHARED_STUDY = $(if $(filter command environment,$(firstword $(origin STUDY))),--study $(STUDY))
export PATH := $(abspath $(BIN)):$(PATH)
export OMP_NUM_THREADS ?= 1
export NO_ALBUMENTATIONS_UPDATE := 1
# uv trusts what the machine trusts: a proxy's certificate, for one.
export UV_SYSTEM_CERTS ?= 1

.PHONY: help env report export predict plan data study status track script test faults cluster lint format schemas docs
.PHONY: lock bench push pull verify repair clean-up clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

ifneq ($(TORCH),$(INSTALLED))
.PHONY: .venv/.complete
endif

.venv/.complete: envs/requirements.lock
	@"$(PYTHON)" $(IS_PYTHON) || { echo "$(or $(PYTHON),python3) is no Python 3.11 or newer. Name one that is:" \
	  "make env PYTHON=/path/to/python3.12 (on a cluster often after \`module load python\`)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	envs/install.sh .venv $(TORCH)
	@echo $(TORCH) > .venv/.torch
	touch $@

env: $(if $(filter .venv,$(VENV)),.venv/.complete)  ## the environment alone, in .venv; TORCH=cu126, PYTHON=python3.12 choose

report: env  ## train what is missing of STUDY and write its report
	@snakemake $$(test -t 2 && echo --logger rich) --cores $(CORES) --config study=$(STUDY) $(OPTIONS) \
	  || { echo "Not all was made. What is trained stays, and the same command goes on from there." >&2; exit 1; }
	@python workflow/scripts/show_status.py --study $(STUDY) --ranking $(OPTIONS)

export: env  ## the report as LaTeX, docx, pdf in results/STUDY/export; the model OF (best) in results/STUDY/model
	snakemake --cores $(CORES) --config study=$(STUDY) $(if $(OF),of="$(OF)") $(OPTIONS) -- export_study

plan: env  ## what would train, and why, when all that can be tried before has been tried
	@python workflow/scripts/run_warm.py check_study --study $(STUDY) $(OPTIONS)
	snakemake --cores 1 --dry-run --quiet rules host --config study=$(STUDY) $(OPTIONS)

data: env  ## look at DATASET (a name, or a folder to write a data set file for) before any study
	@python workflow/scripts/inspect_data.py $(DATASET) $(OPTIONS)

study: env  ## a study file for SWEEP: a W&B sweep, a Hydra configuration, an Optuna storage
	@python workflow/scripts/import_sweep.py $(SWEEP) $(OPTIONS)

predict: env  ## what the model OF (best) of STUDY predicts of the images in INPUT, into OUTPUT: docs/predict.md
	snakemake --cores $(CORES) --forcerun predict_images --config study=$(STUDY) $(if $(OF),of="$(OF)") \
	  'predict={images: "$(INPUT)", output: "$(OUTPUT)", $(HOW)}' $(OPTIONS) -- predict_images

status: env  ## cells done, running, failed, best so far, time left
	@python workflow/scripts/show_status.py --study $(STUDY) $(OPTIONS)

track: env  ## pass STUDY on to EXPORTERS (tensorboard, mlflow, wandb), as it is trained by now
	@python workflow/scripts/track_study.py --study $(STUDY) $(if $(EXPORTERS),--exporters "$(EXPORTERS)") $(OPTIONS)

script: env  ## a trained RUN of STUDY as one plain file, SCRIPT, that trains it again without segsweep
	@python workflow/scripts/export_run.py $(RUN) --study $(STUDY) --script $(or $(SCRIPT),$(RUN).py) $(OPTIONS)

test: env  ## all tests; those on a Slurm of their own only as root, on Debian, with ../shared/slurm
	pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

faults: env  ## malformed inputs by the hundred, disks that fail at each stage, and tables of the answers (half an hour)
	@python -m tests.faults
	@python -m tests.faults.disk

cluster: env  ## a thousand trainings on a Slurm of its own, whose controller is killed, and Snakemake; as root (minutes)
	python -m tests.many_jobs $(OPTIONS)

bench: env  ## speed against what one would write: a table, and results/benchmarks (one to two hours)
	python tests/benchmarks $(PARTS)

lint: env  ## ruff, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/Snakefile workflow/rules
	snakemake --lint

format: env  ## format all code
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow/Snakefile workflow/rules

schemas: env  ## JSON schemas for editors; settings, components and tables of docs/
	python workflow/scripts/write_schemas.py

docs: env  ## the documentation as a site, site/index.html; a broken link ends it
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "site/index.html"

lock: env  ## pin the newest versions that envs/requirements.in allows
	uv pip compile --quiet --upgrade --no-header --no-annotate --no-emit-index-url --universal \
	  --python-version 3.11 envs/requirements.in -o envs/requirements.lock
	sed -i 's/^torch==\([0-9]\)/torch===\1/' envs/requirements.lock  # uv shortens it; see requirements.in
	python workflow/scripts/write_environments.py

push: env  ## send trained segments and tables to the shared store (dvc remote)
	@python workflow/scripts/share_store.py push $(SHARED_STUDY) $(OPTIONS)

pull: env  ## fetch what the studies here need; with STUDY=NAME of that one
	@python workflow/scripts/share_store.py pull $(SHARED_STUDY) $(OPTIONS)

verify: env  ## compare all that was trained and prepared with its checksums; with STUDY=NAME of that one
	@python workflow/scripts/verify.py $(SHARED_STUDY) $(OPTIONS)

repair: env  ## forget what `verify` finds damaged, so that it is made again
	@python workflow/scripts/verify.py --repair $(SHARED_STUDY) $(OPTIONS)

clean-up: env  ## what can go of results/segments; OPTIONS=--remove removes it
	@python workflow/scripts/clean_up.py $(OPTIONS)

clean:  ## remove all results and the environment; asks before, unless YES=1
	@$(or $(PYTHON),python3) workflow/scripts/remove_results.py $(if $(YES),--yes) results .snakemake .venv
