# `make` lists the targets. Everything happens in .venv, built from the lock files.

PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# bytecode is compiled when a module is first used: most never are
INSTALL := $(PIP) install --require-hashes --no-build-isolation --use-pep517 --no-compile
READY := .venv/.ready
TESTS := .venv/.ready-tests
# 3.12 and 3.13 have newer versions of some packages than 3.11 has
OF := $(if $(shell $(PYTHON) -c "import sys; (3, 12) <= sys.version_info < (3, 14) and print(1)" 2>/dev/null),-3.13)
LOCK := requirements$(OF).lock
TESTS_LOCK := requirements$(OF)-tests.lock

.PHONY: help env run check test test-slow docs pictures laws-jax mutations kills cluster runtimes oldest \
  gpu-dry soak audit bench ui lock

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

env: $(READY)  ## the environment in .venv, every package held to its SHA-256

run: env  ## four quick recipes, one for each label space, from data to SavedModel
	$(BIN)/phistar run breast_cancer
	$(BIN)/phistar run digits
	$(BIN)/phistar run kjv_quick
	$(BIN)/phistar run libreoffice_en_de_quick

check: $(TESTS)  ## the linter and the fast tests, in a minute and a half
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest -m fast --numprocesses 2

test: $(TESTS) docs  ## every check that CI runs
	@{ command -v chromium && command -v chromedriver; } >/dev/null || echo \
	  "The browser tests will fail: apt-get install chromium chromium-driver"
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest --numprocesses 2 --durations 10

test-slow: $(TESTS)  ## the heavy checks that `make test` leaves out
	$(BIN)/python -m pytest -m slow

docs: .venv-docs/.ready  ## the pages of docs/ as a site in .site/html; a warning is an error
	.venv-docs/bin/python docs/site_pages.py .site/pages
	.venv-docs/bin/zensical build --strict --clean --config-file .site/zensical.toml
	.venv-docs/bin/python docs/site_pages.py --check .site/html

pictures: env .venv-docs/.ready  ## README's pictures, from real runs, and the reference, from the code
	$(BIN)/python docs/pictures/stages.py
	$(BIN)/python docs/pictures/chart.py
	.venv-docs/bin/python docs/pictures/terminal.py $(BIN)/phistar
	$(BIN)/python docs/reference.py --root .
	$(BIN)/python docs/lines.py

laws-jax: $(TESTS)  ## the laws of tests/contract/ on networks that JAX has trained
	PHISTAR_TRAINED=jax $(BIN)/python -m pytest tests/contract

mutations: $(TESTS)  ## break the exporter in many ways; a law must notice each
	$(BIN)/python tests/mutations.py

kills: $(TESTS)  ## 50 random kill -9 of runs, and 50 of promotions
	PHISTAR_KILLS=50 $(BIN)/python -m pytest tests/pipeline/run/test_kills.py \
	  tests/pipeline/serving/test_publish.py

cluster: $(TESTS)  ## sweeps and trainings of several processes, with random kill -9; an hour at most
	$(BIN)/python -m pytest -m slow tests/pipeline/sweep tests/pipeline/test_ray.py
	PHISTAR_KILLS=50 $(BIN)/python -m pytest -m slow tests/components/training/test_ranks.py \
	  tests/pipeline/launch

runtimes: $(TESTS) .venv-runtimes/.ready  ## numeric exports in OpenVINO and ONNX Runtime, from an environment of their own
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e; \
	for change in breast_cancer digits "digits build.num_blocks=3 build.mirror=true"; do \
	  $(BIN)/phistar run $$change train.steps=2 train.eval_every=2 train.epochs=null \
	    --root "$$dir" > /dev/null; \
	done; \
	.venv-runtimes/bin/python tests/runtimes/portable.py "$$dir"/mlruns/stages/export/*/numeric

oldest: $(TESTS) .venv-oldest/.ready  ## exports in TensorFlow 2.12, the oldest on PyPI for Python 3.11
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e; \
	$(BIN)/python -m tests.runtimes.exports "$$dir" > /dev/null; \
	.venv-oldest/bin/python tests/runtimes/oldest.py "$$dir"/*/export/saved_model

gpu-dry: $(TESTS) .venv-gpu/.ready  ## the way to a GPU and back, with JAX on the CPU in its place
	rm -rf .gpu/dry
	$(BIN)/python bench/gpu_pack.py .gpu/dry/pack --root .gpu/dry/root --small --reference --steps 4 \
	  --python $$(.venv-gpu/bin/python -c "import sys; print('%d.%d' % sys.version_info[:2])")
	PYTHONPATH= .venv-gpu/bin/python .gpu/dry/pack/source/bench/gpu.py .gpu/dry/pack .gpu/dry/out --small
	$(BIN)/python bench/gpu_unpack.py .gpu/dry/pack .gpu/dry/out --root .gpu/dry/root

SECONDS := 3600
soak: $(TESTS)  ## an hour of `serve` with 64 clients and promotions; SECONDS=120 is shorter
	$(BIN)/python -m tests.faults.soak --seconds $(SECONDS)

audit: .venv-audit/.ready  ## known weaknesses of the locks' packages; it asks a service on the network
	@for lock in requirements*.lock docs/requirements.txt; do echo "$$lock"; \
	  .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes \
	  --progress-spinner off --requirement "$$lock" || exit; done

bench: $(TESTS)  ## the benchmarks, one after the other
	@for script in $(filter-out bench/gpu%,$(wildcard bench/*.py)); do echo "$$script"; $(BIN)/python "$$script" || exit; done

ui: env  ## the MLflow pages of all runs, on this machine only
	$(BIN)/phistar ui

COMPILE = "$$dir/bin/uv" pip compile --quiet --generate-hashes \
  --custom-compile-command "make lock" setup.py requirements.in
lock:  ## renew the locks (the newest versions that setup.py allows)
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e; \
	$(PYTHON) -m venv "$$dir"; \
	"$$dir/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	for python in 3.11 3.13; do \
	  of=$$(test $$python = 3.11 || echo "-$$python"); rm -f "$$dir/tests"; \
	  $(COMPILE) --python-version $$python --upgrade --extra test --extra jax --extra s3 --extra ray \
	    --output-file "$$dir/tests"; \
	  cp "$$dir/tests" "$$dir/lock"; \
	  $(COMPILE) --python-version $$python --output-file "$$dir/lock"; \
	  cat "$$dir/lock" > requirements$$of.lock; \
	  cat "$$dir/tests" > requirements$$of-tests.lock; \
	done

# The lock's few source distributions are built by the lock's own setuptools and wheel,
# which therefore come first: nothing is installed whose hash is not in the lock.
$(READY): $(LOCK) setup.py
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" \
	  2>/dev/null || { echo "Python 3.11 is needed, or 3.12 or 3.13. Received:" \
	  "PYTHON=$(PYTHON), `$(PYTHON) --version 2>/dev/null || echo which does not run`. Install" \
	  "it (apt-get install python3.11-venv), or give its path: make env PYTHON=PATH" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { echo \
	  "$(PYTHON) has no venv: apt-get install python3.11-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@awk '/^[a-z]/ { keep = /^(packaging|setuptools|wheel)==/ } keep' \
	  $(LOCK) > .venv/build.lock
	$(PIP) install --require-hashes -r .venv/build.lock
	$(INSTALL) -r $(LOCK)
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What the tests need beside it: pytest, a browser's driver, JAX.
$(TESTS): $(READY) $(TESTS_LOCK)
	$(INSTALL) -r $(TESTS_LOCK)
	@touch $@

.venv-runtimes/.ready: tests/runtimes/requirements.txt
.venv-oldest/.ready: tests/runtimes/oldest.txt
.venv-docs/.ready: docs/requirements.txt  # all its packages have hashes there
.venv-runtimes/.ready .venv-oldest/.ready .venv-docs/.ready:
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile -r $<
	@touch $@

# The newest, as the advisories are: nothing of this project is installed beside it.
.venv-audit/.ready:
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet pip-audit
	@touch $@

# What the machine with a GPU has (bench/gpu_pack.py brings the rest), in the lock's versions.
ON_GPU := absl-py|h5py|jax|jaxlib|markdown-it-py|mdurl|ml-dtypes|numpy|opt-einsum|packaging|psutil|pygments|pyyaml|rich|scipy|typing-extensions
.venv-gpu/.ready: requirements-tests.lock
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D)
	@awk '/^[a-z]/ { keep = /^($(ON_GPU))==/ } keep' requirements-tests.lock > $(@D)/gpu.lock
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
	  --require-hashes -r $(@D)/gpu.lock
	@touch $@
