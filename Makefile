# The recipe. `make cosim` goes from photographs to bit-exact hardware, `make test` runs the tests;
# each sets up all it needs in .venv. `make help` lists the rest.

CONFIG ?= tiny#        configuration, configs/$(CONFIG).toml
DATA ?= data/photos#   folder of photographs to train on; the default is fetched
SEED ?= 0#             of the defects (and stalls) in the co-simulation
IMAGE ?=#              photograph for the co-simulation, or the name of a held-out one
CROP ?=#               row,column of the frame in it; the centre by default
STALLS ?= none#        on the streams of the simulated hardware: none, random, bursty, one_in_four
CHECKPOINT ?=#         export this instead of $(BUILD)/qat.safetensors, e.g. for another frame size
TORCH_BACKEND ?=#      e.g. cpu: take torch from PyTorch's own index for that backend
JOBS ?= $(shell nproc)

BUILD := build/$(CONFIG)
TOML := configs/$(CONFIG).toml
SYSTEM_PYTHON := $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
ENV := .venv/.complete

.DELETE_ON_ERROR:
.PHONY: help env data train qat export lower cosim fit fifo-check bench evaluate test lint clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo; echo "Variables:"; grep -hE '^[A-Z_]+ \?=' Makefile | sed -E 's/ \?= */=/; s/^/  /'

env: $(ENV) ## create .venv with all packages

$(ENV): pyproject.toml overrides.txt
	@test -n "$(SYSTEM_PYTHON)" && $(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 needed, found '$(SYSTEM_PYTHON)'; e.g. apt install python3.11"; exit 1; }
	@$(SYSTEM_PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: Python's venv module is missing; apt install python3.11-venv"; exit 1; }
	@command -v g++ >/dev/null || { echo "error: g++ is missing; apt install g++"; exit 1; }
	@command -v git >/dev/null || { echo "error: git is missing; apt install git"; exit 1; }
	@test -x .uv/bin/uv || { $(SYSTEM_PYTHON) -m venv .uv && .uv/bin/pip install -q 'uv>=0.9,<1'; }
	@.uv/bin/uv venv -q --clear --seed --python $(SYSTEM_PYTHON) .venv
	.uv/bin/uv pip install -q --python $(PY) --override overrides.txt \
	  $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS)) $(if $(PIP_INDEX_URL),--index-url $(PIP_INDEX_URL)) \
	  $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND)) -e '.[dev]' pip
	@touch $@

data: $(ENV) ## fetch the default photographs (50 MB; pinned and checked)
	$(PY) -m model.fetch --out data

data/photos.json: | $(ENV)
	$(PY) -m model.fetch --out data

PHOTOS := $(if $(filter data/photos,$(DATA)),data/photos.json)

train: $(ENV) | $(PHOTOS) ## train the float generator
	$(PY) -m model.train --config $(TOML) --data $(DATA) --out $(BUILD)

qat: $(BUILD)/float.safetensors ## quantize it and fine-tune
	$(PY) -m quant.qat --config $(TOML) --checkpoint $< --data $(DATA) --out $(BUILD)

# Checkpoints are made where they are missing; `make train` and `make qat` also notice changed settings.
$(BUILD)/float.safetensors: | $(ENV) $(PHOTOS)
	$(PY) -m model.train --config $(TOML) --data $(DATA) --out $(BUILD)

$(BUILD)/qat.safetensors: | $(BUILD)/float.safetensors
	$(PY) -m quant.qat --config $(TOML) --checkpoint $(BUILD)/float.safetensors --data $(DATA) --out $(BUILD)

export: $(or $(CHECKPOINT),$(BUILD)/qat.safetensors) $(ENV) ## write the quantized network as QONNX, checked
	$(PY) -m quant.export --config $(TOML) --checkpoint $< --out $(BUILD)

lower: export ## QONNX to dataflow graph to RTL
	$(PY) -m hls.lower $(BUILD)/generator.onnx --config $(TOML) --out $(BUILD)

cosim: lower ## prove the RTL bit-exact on a photograph, with pictures and PSNR/SSIM
	$(PY) -m sim.cosim $(BUILD) --config $(TOML) --seed $(SEED) --stalls $(STALLS) \
	  $(if $(CHECKPOINT),,--float $(BUILD)/float.safetensors) $(if $(IMAGE),--image '$(IMAGE)') $(if $(CROP),--crop '$(CROP)')

fit: lower ## synthesize every node with Yosys and hold the sum against the part
	$(PY) -m hls.fit $(BUILD) --config $(TOML)

fifo-check: lower ## show in simulation that each skip FIFO is deep enough and not much deeper
	$(PY) -m sim.fifo_check $(BUILD) --config $(TOML)

bench: export ## the same network lowered by stock FINN and by us, side by side
	$(PY) -m bench.versus_finn --config $(TOML) --model $(BUILD)/generator.onnx --out build/bench.json

evaluate: $(BUILD)/float.safetensors ## figures of the float network on all held-out photographs
	$(PY) -m model.evaluate --config $(TOML) --checkpoint $<

lint: $(ENV) ## ruff and mypy
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

test: lint ## lint and all tests
	.venv/bin/pytest -n $(JOBS)

clean: ## remove everything built, but not the photographs and the environment
	rm -rf build

distclean: clean ## remove everything that is not in git
	rm -rf data .venv .uv *.egg-info .mypy_cache .ruff_cache .pytest_cache
