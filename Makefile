# make setup | python | demo | test | test-stock | check | docs | pictures |
# lint | format | public-names | clean
# Needs Python 3.11 with pip; everything else is installed into $(VENV).

VENV   ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --no-input
STAMP  := $(VENV)/.mmfusion-installed

# 0 leaves mmdet out, and its tests. The demo does without.
DETECTION ?= 1
# 1 compiles mmcv's operators (minutes, a C++ compiler); detectors run by
# torchvision's without.
OPERATORS ?= 0
WITH := $(if $(filter-out 0,$(OPERATORS)),-with-operators,-with-detection)
FULL := $(STAMP)$(if $(filter-out 0,$(DETECTION)),$(WITH))
ifeq ($(DETECTION),0)
export MMFUSION_WITHOUT_DETECTION := 1
endif

SOURCES := mmfusion tools tests demo benchmarks docs setup.py
FILES := $(shell find $(SOURCES) -name '*.py' -not -path '*/.*')
FORMATTED := $(VENV)/.mmfusion-formatted

# What `make check` runs: no network of full size, no tool, no training.
FAST := $(addprefix tests/,test_cli test_fileio test_functional \
    test_visualization test_tasks.py test_docs/test_examples.py \
    test_models/test_losses test_models/test_wrappers \
    test_models/test_data_preprocessor.py test_packaging/test_house.py \
    test_packaging/test_public_names.py)

# Two threads: more make these small networks slower, not faster. (The tests
# set one, since several processes run them.)
export OMP_NUM_THREADS ?= 2

.PHONY: setup python demo test test-stock check docs pictures lint format \
    public-names clean

setup: $(FULL)

# Log on stderr, so that the output of `make -s python` is the path alone.
# mmcv is built in isolation, hence without compiled operators and in seconds.
$(STAMP): setup.py pyproject.toml MANIFEST.in $(wildcard requirements/*.txt)
	@{ set -e; \
	if ! $(PY) -c 'import pip' 2>/dev/null; then \
	    echo 'Creating $(VENV) ...'; \
	    $(PYTHON) -m venv --clear $(VENV); \
	fi; \
	echo 'Installing the tested set (about 5 GB, minutes) ...'; \
	$(PIP) install -qq -c requirements/tested.txt setuptools wheel; \
	$(PIP) install -qq -c requirements/tested.txt torch torchvision; \
	$(PIP) install -qq -c requirements/tested.txt \
	    -r requirements/runtime.txt -r requirements/onedl.txt \
	    -r requirements/metrics.txt -r requirements/text.txt \
	    -r requirements/tests.txt -r requirements/deployment.txt \
	    -r requirements/web.txt -r requirements/docs.txt; \
	$(PIP) install -qq --no-deps --no-build-isolation -e .; \
	touch $@; \
	echo 'Ready: $(abspath $(PY))'; } >&2

$(STAMP)-with-detection: $(STAMP) requirements/detection.txt
	@{ set -e; \
	$(PIP) install -qq -c requirements/tested.txt \
	    -r requirements/detection.txt; \
	touch $@; } >&2

# A build with operators replaces that mmcv. It takes minutes, once: the wheel
# is kept in pip's cache folder.
$(STAMP)-with-operators: $(STAMP)-with-detection tools/misc/build_mmcv.py
	@{ set -e; \
	$(PIP) install -qq -c requirements/tested.txt ninja; \
	$(PY) tools/misc/build_mmcv.py --constraint requirements/tested.txt; \
	touch $@; } >&2

python: $(FULL)
	@echo $(abspath $(PY))

demo: $(STAMP)
	$(PY) demo/run_demo.py $(ARGS)

# The whole suite: in two processes, and with the lines that it never ran.
# A part of it: make test ARGS='tests/test_models -k psfusion'
WHOLE := -n 2 --dist worksteal --cov=mmfusion --cov-report=
test: $(FULL)
	$(PY) -m pytest $(or $(ARGS),$(WHOLE))
	$(if $(ARGS),,@$(PY) -m coverage report --sort=cover \
	    | awk '/^TOTAL/ || $$NF + 0 < 80')

# The stock stack of OpenMMLab in an environment of its own, mmfusion beside
# it: all configs, and a part of the suite, four minutes at most. (Text
# encoders need a newer stack.)
STOCK ?= .venv-stock
STOCK_PY := $(STOCK)/bin/python
STOCK_STAMP := $(STOCK)/.mmfusion-installed
STOCK_TESTS := $(addprefix tests/, \
    test_configs/test_sweep.py \
    test_engine/test_resume_and_ddp.py::test_killed_and_resumed \
    test_engine/test_adaptive_round_hook.py \
    test_engine/test_old_checkpoint.py test_engine/test_hooks_training.py \
    test_models/test_wrappers test_models/test_fusers/test_fast_rows.py \
    test_models/test_fusers/test_film.py \
    test_models/test_fusers/test_mmdrfuse.py \
    test_models/test_fusers/test_psfusion.py \
    test_packaging/test_install.py test_packaging/test_operators.py \
    test_packaging/test_other_projects.py test_utils \
    test_cli/test_doctor.py test_tools/test_train_tool.py \
    test_tools/test_test_tool.py test_tools/test_test_fusion_tool.py)
STOCK_WEIGHTS := tests/test_packaging/test_weights_are_data.py --deselect \
    'tests/test_packaging/test_weights_are_data.py::test_nothing_runs[text_encoders]'
test-stock: $(STOCK_STAMP)
	OMP_NUM_THREADS=1 $(STOCK_PY) -m pytest -q -n 2 --dist worksteal \
	    $(or $(ARGS),$(STOCK_TESTS) $(STOCK_WEIGHTS))

$(STOCK_STAMP): requirements/stock.txt setup.py pyproject.toml
	@{ set -e; \
	if ! $(STOCK_PY) -c 'import pip' 2>/dev/null; then \
	    $(PYTHON) -m venv --clear $(STOCK); \
	fi; \
	echo 'Installing the stock stack (about 5 GB, minutes) ...'; \
	$(STOCK_PY) -m pip install -qq --no-input -r requirements/stock.txt; \
	$(STOCK_PY) -m pip install -qq --no-deps --no-build-isolation -e .; \
	touch $@; } >&2

# For daily work, two minutes at most on two cores.
check: lint $(FULL)
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile $(FAST)

# A warning, such as a link that leads nowhere, is an error; the tests build
# the site, too.
SITE := work_dirs/site
docs: $(STAMP)
	$(PY) -m sphinx -q -W --keep-going -d $(SITE)/doctrees docs $(SITE)/html
	@echo $(SITE)/html/index.html

# What guides show of the page, the site and the notebook; tests make it.
pictures: $(STAMP)
	MMFUSION_PICTURES=1 $(PY) -m pytest -q tests/test_web/test_page.py \
	    tests/test_docs/test_site.py tests/test_docs/test_notebook.py

# yapf takes half a minute for all files; only those changed since it was
# content are shown to it again.
lint: $(STAMP) $(FORMATTED)
	$(PY) -m ruff check .
	$(PY) -m isort -q -c $(SOURCES)
	$(PY) -m codespell_lib
	$(PY) -m mypy

$(FORMATTED): $(STAMP) $(FILES)
	@echo 'yapf -d, files that have changed'
	@$(PY) -m yapf -d -p $(if $(filter $(STAMP),$?),$(FILES),$?)
	@touch $@

format: $(STAMP)
	$(PY) -m isort -q $(SOURCES)
	$(PY) -m yapf -i -p -r $(SOURCES)

# After a deliberate change of public names; say so in CHANGELOG.md, too.
public-names: $(FULL)
	$(PY) tests/test_packaging/test_public_names.py --write

# The environment stays; remove $(VENV) by hand to build it anew.
clean:
	rm -rf build dist *.egg-info mmfusion/.mim .pytest_cache .ruff_cache \
	    .mypy_cache
	rm -f $(STAMP) $(STAMP)-with-operators $(STOCK_STAMP) $(FORMATTED)
	find . -path ./$(VENV) -prune -o -name __pycache__ -print0 \
	    | xargs -0 rm -rf
