# The commands of the course; `make help` lists them. `make book` and `make test` set up all that they need.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
NOTEBOOKS = $(wildcard notebooks/*.ipynb)
timed = TIMEFORMAT='== $(1): %0R s'; time
style = $(BIN)/ruff format -q --check . && $(BIN)/ruff check -q . && $(BIN)/mypy --no-error-summary
build = rm -rf _build/html; $(call timed,book) $(BIN)/jupyter-book build . --all -W -n --keep-going -q

.PHONY: help book test check notebooks rehearse bench outliers challenge resonant nplm-tables nplm-dimuon slides slides-pdf handout student serve live data clean
help:  ## list these commands
	@awk -F ':.*## ' '/^## / {print "\n" substr($$0, 4)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

## Read

book: .venv/.has-book  ## set up .venv, build the book from the executed notebooks into _build/html
	@$(build)

serve: | _build/html/index.html  ## show the book at http://127.0.0.1:8000 (PORT=8001: there)
	@echo "http://127.0.0.1:$(PORT) - Ctrl-C ends it"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

## Teach

live: .venv/.has-book  ## open JupyterLab on your own copy of the notebooks, _live/ (OUTPUTS=1: with outputs; RESET="03": anew)
	@$(BIN)/python -m tools.editions live $(if $(OUTPUTS),--outputs) --reset "$(RESET)"
	@mkdir -p .venv/share/jupyter/lab/settings && cp tools/jupyterlab.json .venv/share/jupyter/lab/settings/overrides.json
	@$(BIN)/jupyter lab _live

student: .venv/.has-book  ## make the notebooks without solutions and outputs: _student/
	@$(BIN)/python -m tools.editions student

slides: .venv/.has-book  ## make slides, shown without a network: _build/slides/index.html (ONLY="13": of this chapter)
	@$(BIN)/python -m tools.slides $(ONLY)

slides-pdf: .venv/.has-book,test slides  ## make the slides, and PDFs of them: _build/slides/pdf/ (ONLY="13")
	@$(BIN)/python -m tools.pdf slides $(ONLY)

handout: .venv/.has-book,test | _build/html/index.html  ## print chapters on A4, without answers: _build/handout/ (ONLY="13")
	@$(BIN)/python -m tools.pdf handout $(ONLY)

## Develop

test check: export OMP_NUM_THREADS = 1
test check: export DMLIB_BUDGET = quick
test: .venv/.has-book,test  ## set up .venv, run all tests: style, types, book, units, docstring examples, notebooks
	@$(call timed,style and types) $(style)
	@$(build)
	@$(call timed,tests) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-cell-timeout 300 tests dmlib $(NOTEBOOKS)

check: .venv/.has-book,test  ## format, lint, types and fast tests, before every commit; about a minute
	@$(call timed,style and types) $(style)
	@$(call timed,fast tests) $(BIN)/python -m pytest -q -n 2 -m "not slow" tests dmlib

notebooks: .venv/.has-book  ## execute the chapters whose code or data changed (ONLY="01 02": these)
	@$(BIN)/python -m tools.notebooks run $(ONLY)

rehearse: .venv/.has-book,test  ## run every chapter's full branch with short trainings, to find code that breaks (ONLY="12")
	@$(BIN)/python -m tools.rehearse $(ONLY)

bench: .venv/.has-book,test  ## measure the speeds that the course promises, in one table
	@$(BIN)/python -m tests.benchmarks

outliers: .venv/.has-book,test  ## compute the stored tables of chapters 3 to 6 anew (half an hour; goes on where it was)
	@$(BIN)/python -m tools.studies outliers

challenge: .venv/.has-book,test  ## train the challenge's models on our events, 60 of them (an hour; CHALLENGE=all for all 1,048)
	@$(BIN)/python -m tools.studies challenge published

resonant: .venv/.has-book,test  ## compute the stored tables of chapters 14 and 15 anew (hours; goes on where it was)
	@$(BIN)/python -m tools.studies claims shares resonant_methods genuine

nplm-tables: .venv/.has-book,test  ## compute the stored tables of chapter 17 anew (two hours; goes on where it was)
	@$(BIN)/python -m tools.studies nplm_benchmarks

nplm-dimuon: .venv/.has-book,test  ## compute the stored tables of chapter 18 anew (an hour; goes on where it was)
	@$(BIN)/python -m tools.studies nplm_dimuon

data: .venv-generate/.has-generate  ## generate the embedded samples anew (hours); SET="lhco": this one
	@.venv-generate/bin/python -m data_scripts $(SET)

clean:  ## remove what was built; .venv and _live stay
	rm -rf _build _student .pytest_cache .ruff_cache .hypothesis

_build/html/index.html:
	@$(MAKE) book

# .venv/.has-book,test stands for an environment .venv with the extras book and test; new dependencies renew it.
.venv/.has-book .venv/.has-book,test .venv-generate/.has-generate: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; v >= (3, 11, 4) or sys.exit( \
	"Python 3.11.4 or newer is needed and $(PYTHON) is %d.%d.%d; name another: PYTHON=python3.12" % v)'
	@echo "== installing into $(@D); the first time this takes some minutes"
	@$(PYTHON) -m venv $(@D)
	@$(call timed,installation) $(@D)/bin/pip install -q -c constraints.txt -e '.[$(patsubst .has-%,%,$(@F))]'
	@touch $@
