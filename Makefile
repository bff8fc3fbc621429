# Every command of the tutorial. `make` alone lists them.

# The first Python on this machine that is new enough; `make PYTHON=/path/to/python3.12 lab` names another.
GOOD := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.11; do $$p -c '$(GOOD)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
LAB := $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_feature_crossing.ipynb
EXTRAS = course
# Packages of elsewhere would get in the way. Who names an environment of their own, `make BIN=folder/bin`, keeps theirs.
ifeq ($(origin BIN),file)
unexport PYTHONPATH
endif

.PHONY: help lab check play serve clean
help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

# The stamp is what a second call finds, so that it installs nothing again. It names the folder: one that was moved, or
# whose Python is gone, is looked at again.
ifneq ($(shell test -x .venv/bin/python && head -n 1 .venv/installed 2>/dev/null),$(CURDIR))
.venv/installed: always
endif
.PHONY: always
always:

.venv/installed: pyproject.toml constraints.txt
	@'$(PYTHON)' -c '$(GOOD)' 2>/dev/null || { \
	  echo "The tutorial needs Python 3.11, 3.12 or 3.13: install one and type 'make PYTHON=/path/to/python3.12 lab'."; exit 1; }
	@'$(PYTHON)' -m tools.environment '$(EXTRAS)'

lab: .venv/installed ## install what the notebooks need and open them in JupyterLab
	@echo "JupyterLab opens the first notebook in your browser. Press Control-C twice here to end it."
	@JUPYTER_CONFIG_PATH=tools/lab $(LAB)

check: .venv/installed ## run the exercises' tests on the notebooks in this folder; NB=02 checks one
	@$(BIN)/python -m course.check $(NB)

# No package is needed: the page trains in the browser.
play: ## open the playground, which trains the three models in your browser
	@'$(PYTHON)' -c "import pathlib, webbrowser; \
	page = pathlib.Path('playground/index.html').resolve().as_uri(); print('Open', page); webbrowser.open(page)"

serve: .venv/installed ## answer requests on port 8080 of this machine with EXPORT=folder, or with a small model of the census
	@$(if $(EXPORT),,$(BIN)/python -m tools.small_export build/census)
	$(BIN)/python -m recommender.server '$(or $(EXPORT),build/census)' $(if $(PORT),--port $(PORT))

clean: ## remove what the other commands made, build/ too
	rm -rf .venv .venv-new .venv-old *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
	@test ! -e build/gradebook.db || { echo "build/ stays: build/gradebook.db holds marks. Move it away first."; exit 1; }
	rm -rf build

# ---- what follows is not in the students' copy
EXTRAS = test,course

.PHONY: teacher run test coverage check-notebook fuzz attacks other-cpu outputs figures seeds benchmarks report assignment autograde grades rename remove browser lock lms upgrade links notebook
teacher: .venv/installed ## open JupyterLab with nbgrader's menus: points, grading by hand
	JUPYTER_CONFIG_PATH='tools/lab/teacher:tools/lab:$(CURDIR)/course' $(LAB)

run: .venv/installed ## run the notebooks without a browser and print the result console
	$(BIN)/python -m tools.run_notebooks

test: .venv/installed ## check everything: the code's style, the helpers, every cell of every notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/pytest --doctest-modules wide_deep/reproducible.py wide_deep/*.py recommender  # the first before TensorFlow computes
	$(BIN)/pytest --nbval --numprocesses 2 --dist loadfile --ignore tests/test_attacks.py

MINUTES = 20
fuzz: .venv/installed ## look for random examples that break a law, for MINUTES=20
	$(BIN)/python -m tools.fuzz --minutes $(MINUTES)

# What runs in another process, such as a gate's, in a graph or in TensorFlow's threads, such as a stream's, is not seen.
HELPERS = app_store bits callbacks catalogue checks comparison data features gaps life lifecycle models monitoring offpolicy old_files once \
  optimizers pictures position quick_features ranking read_table retrieval server serving shards store_week times training
coverage: .venv/installed ## say which lines and branches of the helpers no test of theirs runs, fail below 95 %; takes ten minutes
	$(BIN)/coverage run -m pytest $(HELPERS:%=tests/test_%.py)
	$(BIN)/coverage report

# The tests of one notebook: its house rules, its exercises and its drawings, and the pages that list all.
HOUSE = tests/test_notebooks.py tests/test_course.py tests/test_approximate.py tests/test_lab.py tests/test_figures.py \
  tests/test_quiz.py -k "$(NB)_ or $(NB)- or readme or glossary or map or taken or numbers or card or leads_on"
NAMED = @ls notebooks/$(NB)_*.ipynb >/dev/null 2>&1 || { echo "Type 'make $@ NB=02'."; exit 1; }
notebook: .venv/installed ## after a change of a notebook: draw, run it, write its outputs, measure other seeds, check it: NB=02
	$(NAMED)
	$(BIN)/python -m drawings.figures
	$(BIN)/python -m tools.run_notebooks $(NB) --write
	$(BIN)/python -m tools.seeds $(NB)
	$(BIN)/pytest -q $(HOUSE)

check-notebook: .venv/installed ## check what a change of one notebook can break: NB=02
	$(NAMED)
	$(BIN)/pytest --nbval notebooks/$(NB)_*.ipynb $(HOUSE)

attacks: .venv/installed ## attack the grading's sandbox as cheats would; takes minutes and needs bubblewrap
	$(BIN)/pytest tests/test_attacks.py

other-cpu: .venv/installed ## train on this processor and on one that QEMU simulates, and compare every bit
	$(BIN)/python -m tools.other_cpu

outputs: .venv/installed ## run the notebooks and write their outputs into them
	$(BIN)/python -m tools.run_notebooks --write $(NB)

figures: .venv/installed ## draw the notebooks' drawings anew, from drawings/figures.py
	$(BIN)/python -m drawings.figures

seeds: .venv/installed ## measure what other seeds change in the notebooks, and whether each claim holds: notebooks/spread.json
	$(BIN)/python -m tools.seeds $(NB)

# The other libraries need other versions of NumPy and pandas, so they have an environment of their own.
build/peers/installed: benchmarks/requirements.txt
	'$(PYTHON)' -m venv --clear build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	@touch $@

# TensorFlow had tf.estimator until 2.15, whose last Python is 3.11.
PYTHON311 ?= python3.11
build/estimator/installed: benchmarks/estimator_requirements.txt
	@'$(PYTHON311)' -c '' 2>/dev/null || { \
	  echo "tf.estimator needs Python 3.11: install it, or name it, as in 'make PYTHON311=/path/to/python3.11 $@'."; exit 1; }
	'$(PYTHON311)' -m venv --clear build/estimator
	build/estimator/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Spark needs Java, which the package manager has, and is the door to a cluster; nothing else needs it.
build/spark/installed: benchmarks/spark_requirements.txt
	@java -version 2>/dev/null || { echo "Spark needs Java: install it, such as Debian's default-jre-headless."; exit 1; }
	'$(PYTHON)' -m venv --clear build/spark
	build/spark/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# The sixty lines on Keras' other backends, which nothing else needs.
build/backends/installed: benchmarks/backends_requirements.txt
	'$(PYTHON)' -m venv --clear build/backends
	build/backends/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: backends
backends: build/backends/installed ## train the sixty lines of notebook 4 on TensorFlow, JAX and PyTorch
	build/backends/bin/python -m benchmarks.backends --json benchmarks/backends.json

.PHONY: spark
spark: .venv/installed build/spark/installed ## count features with Spark, and compare with DuckDB's counts; needs Java
	$(BIN)/python -m benchmarks.spark_queries --json benchmarks/spark.json

benchmarks: .venv/installed build/peers/installed build/estimator/installed ## measure every model, other libraries' too, and write benchmarks/README.md
	$(BIN)/python -m benchmarks.tune --json benchmarks/tuned.json
	$(BIN)/python -m benchmarks.adult --seeds 10 --json benchmarks/adult.json
	$(BIN)/python -m benchmarks.estimator --json benchmarks/estimator.json
	$(BIN)/python -m benchmarks.significance --results benchmarks/adult.json --json benchmarks/significance.json
	$(BIN)/python -m benchmarks.ablation --seeds 10 --json benchmarks/ablation.json
	$(BIN)/python -m benchmarks.leak_checks --seeds 5 --json benchmarks/leak_checks.json
	$(BIN)/python -m benchmarks.speed --json benchmarks/speed.json
	$(BIN)/python -m benchmarks.wide_scaling --json benchmarks/wide_scaling.json
	$(BIN)/python -m benchmarks.planted --json benchmarks/planted.json
	$(BIN)/python -m benchmarks.joint_training --json benchmarks/joint_training.json
	$(BIN)/python -m benchmarks.playground --json benchmarks/playground.json
	$(BIN)/python -m benchmarks.retrieval --json benchmarks/retrieval.json
	$(BIN)/python -m benchmarks.app_store --seeds 10 --json benchmarks/app_store.json
	$(BIN)/python -m benchmarks.offpolicy --json benchmarks/offpolicy.json
	$(BIN)/python -m benchmarks.position --json benchmarks/position.json
	rm -f benchmarks/visits.json  # a run that was stopped would go on
	$(BIN)/python -m benchmarks.visits --draws 10 --json benchmarks/visits.json
	$(BIN)/python -m benchmarks.log_features --json benchmarks/log_features.json
	$(BIN)/python -m benchmarks.serving --json benchmarks/serving.json
	$(BIN)/python -m benchmarks.week --json benchmarks/week.json
	$(BIN)/python -m benchmarks.streaming --json benchmarks/streaming.json
	$(BIN)/python -m benchmarks.distributed --workers 2 --json benchmarks/distributed.json
	$(BIN)/python -m benchmarks.parameter_servers --json benchmarks/parameter_servers.json
	$(BIN)/python -m benchmarks.batch_size --json benchmarks/batch_size.json
	$(BIN)/python -m benchmarks.report

report: .venv/installed ## write the tables of benchmarks/README.md and README.md from the measured files
	$(BIN)/python -m benchmarks.report

assignment: .venv/installed ## make the students' copy: build/release/ and build/release.zip
	$(BIN)/python -m course.release

autograde: .venv/installed ## grade SUBMISSIONS=folder, which holds STUDENT/NOTEBOOK.ipynb: build/grades.csv, build/feedback/
	@test -n "$(SUBMISSIONS)" || { echo "Type 'make autograde SUBMISSIONS=folder'; it holds STUDENT/NOTEBOOK.ipynb."; exit 1; }
	$(BIN)/python -m course.grade autograde "$(SUBMISSIONS)" $(if $(SANDBOX),--sandbox "$(SANDBOX)")

grades: .venv/installed ## write grades and feedback anew, after grading by hand; DUE="01 02" says what was due
	@$(BIN)/python -m course.grade grades $(DUE)

lms: .venv/installed ## write the grades as Canvas or Moodle import them: ROSTER=file, NB=02; LATE=file FREE=3 PENALTY=10
	@test -n "$(ROSTER)" || { echo "Type 'make lms ROSTER=file', with what Canvas or Moodle has exported."; exit 1; }
	@$(BIN)/python -m course.lms "$(ROSTER)" $(NB) $(if $(LATE),--late "$(LATE)") \
	  $(if $(FREE),--free $(FREE)) $(if $(PENALTY),--penalty $(PENALTY))

rename: .venv/installed ## give STUDENT=old the name TO=new in the grades; marks under both names come together
	@test -n "$(STUDENT)" -a -n "$(TO)" || { echo "Type 'make rename STUDENT=old TO=new', with the names of build/grades.csv."; exit 1; }
	@$(BIN)/python -m course.grade rename "$(STUDENT)" "$(TO)"

remove: .venv/installed ## take STUDENT=name out of the grades; build/backups/ keeps the marks
	@test -n "$(STUDENT)" || { echo "Type 'make remove STUDENT=name', with a name of build/grades.csv."; exit 1; }
	@$(BIN)/python -m course.grade remove "$(STUDENT)"

browser: .venv/installed ## open the notebooks in JupyterLab in a real browser: build/screenshots/; needs chromium
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'
	$(BIN)/python tests/browser.py

.PHONY: book book-test play-test slides pdf
.venv/book: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[book,browser]'
	@touch $@

book: .venv/book ## make pages of the notebooks, to be read without installing anything: build/book/index.html
	$(BIN)/python -m tools.book

book-test: book ## read the book in a real browser, every page of it: build/book-screenshots/; needs chromium
	$(BIN)/pytest tests/read_book.py

slides: .venv/book ## make slides of notebooks 1 to 5: build/slides/, pages and PDF; needs chromium
	$(BIN)/python -m tools.slides

pdf: book ## make one PDF of the book: build/wide-deep.pdf; needs chromium
	$(BIN)/python -m tools.pdf

play-test: .venv/book ## try the playground in a real browser, and compare its training: build/play-screenshots/; needs chromium
	$(BIN)/pytest tests/read_playground.py

# It needs nothing but uv, in the version that pyproject.toml names: the environment may be one that cannot be installed yet.
build/uv/installed: pyproject.toml
	'$(PYTHON)' -m venv --clear build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check "$$(grep --only-matching 'uv==[0-9.]*' pyproject.toml)"
	@touch $@

lock: build/uv/installed ## write constraints.txt anew, after a change of pyproject.toml
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate \
	  --no-header --no-emit-index-url pyproject.toml --output-file constraints.txt

upgrade: build/uv/installed ## try the newest versions in an environment of their own, and write build/upgrade/report.md
	'$(PYTHON)' -m tools.upgrade --uv build/uv/bin/uv $(addprefix --pin ,$(PIN)) $(if $(NIGHTLY),--nightly) $(TESTS)

links: .venv/installed ## ask every address that the pages link to whether it is still there; needs a network
	$(BIN)/python -m tools.links
