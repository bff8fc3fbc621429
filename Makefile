# Every command of the tutorial. `make` alone lists them.

# The first Python on this machine that is new enough; `make PYTHON=/path/to/python3.12 lab` names another.
GOOD := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.11; do $$p -c '$(GOOD)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help lab run test outputs benchmarks lock clean
help:
	@echo "make lab      install the tutorial and open it in JupyterLab"
	@echo "make run      run the notebooks without a browser and print the result console"
	@echo "make test     check everything: the code's style, the helpers, every cell of every notebook"
	@echo "make outputs  run the notebooks and write their outputs into them"
	@echo "make benchmarks  train every model with ten seeds and write benchmarks/adult.json, in three minutes"
	@echo "make lock     write constraints.txt anew, after a change of pyproject.toml"
	@echo "make clean    remove what the other commands made"

# The stamp is what a second call finds, so that it installs nothing again.
.venv/installed: pyproject.toml constraints.txt
	@'$(PYTHON)' -c '$(GOOD)' 2>/dev/null || { \
	  echo "The tutorial needs Python 3.11, 3.12 or 3.13: install one and type 'make PYTHON=/path/to/python3.12 lab'."; exit 1; }
	'$(PYTHON)' -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

lab: .venv/installed
	$(BIN)/jupyter lab notebooks

run: .venv/installed
	$(BIN)/python run_notebooks.py

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest --nbval

outputs: .venv/installed
	$(BIN)/python run_notebooks.py --write

benchmarks: .venv/installed
	$(BIN)/python benchmarks/adult.py --seeds 10 --json benchmarks/adult.json

lock: .venv/installed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra test --no-annotate \
	  --no-header --no-emit-index-url pyproject.toml --output-file constraints.txt

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
