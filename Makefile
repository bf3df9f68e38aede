# The recipe. `make cosim` goes from photographs to bit-exact hardware, `make test` runs the tests;
# each sets up all it needs in .venv. `make help` lists the rest.

CONFIG ?= z2-256#      configuration, configs/$(CONFIG).toml
DATA ?= data/photos#   folder of photographs to train on; the default is fetched
SEED ?= 0#             of the defects (and stalls) in the co-simulation
IMAGE ?=#              photograph for the co-simulation, or the name of a held-out one
CROP ?=#               row,column of the frame in it; the centre by default
N ?= 50#                networks of the fuzzer; SEED= is theirs too, today's date where none is given
MINUTES ?=#            `make soak` takes so long; `make fuzz` starts no network after it
UPDATE ?=#             1: `make regress` stores what came and prints what changed, for the commit
CELLS ?=#              1: `make regress` synthesizes all nodes; else cells come from a fit.json of this RTL
STALLS ?= none#        on the streams of the simulated hardware: none, random, bursty, one_in_four
PHOTOS ?=#             folder of photographs to evaluate on; the held-out ones by default
SAMPLES ?= 500#        frames to evaluate on
DEFECTS ?= dynamic#    set to evaluate on: fixed8, dynamic, irregular, lines, single, channels, detector, shapes, orbit, map:FILE
STEPS ?=#              of each training in the ablation and the ladder, and of `make qat` on the network that ships (300)
MAPPED ?=#             also evaluate this network, which is given the map of broken pixels; z2-256: the one that ships
ROWS ?=#               lower and simulate a band of so many rows at the frame's full width; needs a CHECKPOINT
CHECKPOINT ?=#         export or evaluate this network instead, e.g. for another frame size
FULL ?=#               1: `make qat` trains from the photographs on, with all steps of the configuration
MINUTES ?=#            begin no planted bug of `make mutants` after so many
BOARD ?= pynq-z2#      of the bitstream: pynq-z2, pynq-z1, kv260
BACKEND ?= rtl#        of the bitstream: rtl, or hls (Vitis HLS is run first)
FLOW ?= vivado#        of the bitstream: vivado, or open (nextpnr and prjxray, Zynq-7000 only)
TORCH_BACKEND ?=#      e.g. cpu: take torch from PyTorch's own index for that backend
JOBS ?= $(shell nproc)

BUILD := build/$(CONFIG)$(if $(ROWS),-$(ROWS)rows)
TOML := configs/$(CONFIG).toml
SYSTEM_PYTHON := $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
ENV := .venv/.complete

.DELETE_ON_ERROR:
.PHONY: help env data train prune qat export lower cosim csim fit bitstream package fifo-check formal \
  mutants bench ablation ladder evaluate harm bad-input zoo fuzz soak regress test lint clean distclean

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

data: $(ENV) ## fetch the default photographs and detector maps (88 MB; pinned and checked)
	$(PY) -m model.fetch --out data

data/photos.json: | $(ENV)
	$(PY) -m model.fetch --out data

# the network that ships with a configuration; those of other frame sizes take that of z2-256
SHIPPED := $(wildcard checkpoints/$(if $(filter z2-128 z2-512 z2-1024,$(CONFIG)),z2-256,$(CONFIG))/qat.safetensors)
# what is evaluated beside it
SHIPPED_MAPPED := $(if $(filter z2-256,$(CONFIG)),$(wildcard checkpoints/z2-256-mapped/qat.safetensors))
# the float network that it is compared with, trained here or, of a task, shipped
FLOAT := $(or $(wildcard $(BUILD)/float.safetensors),$(wildcard checkpoints/$(CONFIG)/float.safetensors))
# what is lowered: the one asked for, or trained here, or shipped, or else one still to be trained
NETWORK := $(or $(CHECKPOINT),$(wildcard $(BUILD)/qat.safetensors),$(SHIPPED),$(BUILD)/qat.safetensors)
# what is quantized: the pruned network where the configuration has a table [prune]
TRAINED := $(BUILD)/$(if $(shell grep -s '^\[prune\]' $(TOML)),pruned,float).safetensors

FETCHED := $(if $(filter data/photos,$(DATA)),data/photos.json)

train: $(ENV) | $(FETCHED) ## train the float generator
	$(PY) -m model.train --config $(TOML) --data $(DATA) --out $(BUILD)

prune: $(BUILD)/float.safetensors ## take whole channels out of it and fine-tune, as [prune] says
	$(PY) -m quant.prune --config $(TOML) --checkpoint $< --data $(DATA) --out $(BUILD)

# The shipped network is trained further for STEPS; without one, or with FULL=1, the configuration's whole way.
QAT_FROM := $(or $(if $(FULL),,$(SHIPPED)),$(TRAINED))

qat: $(QAT_FROM) $(ENV) | $(FETCHED) ## quantize it and fine-tune, or train the shipped network further
	$(PY) -m quant.qat --config $(TOML) --checkpoint $< --data $(DATA) --out $(BUILD) \
	  $(if $(filter $(SHIPPED),$(QAT_FROM)),--steps $(or $(STEPS),300))

# Checkpoints are made where they are missing; `make train`, `prune` and `qat` also notice changed settings.
$(BUILD)/float.safetensors: | $(ENV) $(FETCHED)
	$(PY) -m model.train --config $(TOML) --data $(DATA) --out $(BUILD)

$(BUILD)/pruned.safetensors: | $(BUILD)/float.safetensors
	$(PY) -m quant.prune --config $(TOML) --checkpoint $(BUILD)/float.safetensors --data $(DATA) --out $(BUILD)

$(BUILD)/qat.safetensors: | $(TRAINED)
	$(PY) -m quant.qat --config $(TOML) --checkpoint $(TRAINED) --data $(DATA) --out $(BUILD)

export: $(NETWORK) $(ENV) ## write the quantized network as QONNX, checked
	$(PY) -m quant.export --config $(TOML) --checkpoint $< --out $(BUILD) $(if $(ROWS),--rows $(ROWS))

lower: export ## QONNX to dataflow graph to RTL
	$(PY) -m hls.lower $(BUILD)/generator.onnx --config $(TOML) --out $(BUILD) $(if $(ROWS),--rows $(ROWS))

cosim: lower ## prove the RTL bit-exact on a photograph, with pictures and PSNR/SSIM
	$(PY) -m sim.cosim $(BUILD) --config $(TOML) --seed $(SEED) --stalls $(STALLS) \
	  $(if $(CHECKPOINT),,$(addprefix --float ,$(FLOAT))) $(if $(IMAGE),--image '$(IMAGE)') $(if $(CROP),--crop '$(CROP)')

csim: lower ## prove the HLS C++ bit-exact on a photograph; joins the report of `make cosim` on the same frames
	$(PY) -m sim.csim $(BUILD) --config $(TOML) --seed $(SEED) \
	  $(if $(IMAGE),--image '$(IMAGE)') $(if $(CROP),--crop '$(CROP)')

fit: lower ## synthesize every node with Yosys; hold the sum against the part, the longest paths against the clock
	$(PY) -m hls.fit $(BUILD) --config $(TOML)

bitstream: lower ## build the bitstream for BOARD with Vivado, or the package that builds it where Vivado is
	$(PY) -m hls.vivado.run $(BUILD) --config $(TOML) --board $(BOARD) --backend $(BACKEND) --flow $(FLOW)

package: lower ## pack all that is copied to the BOARD: overlay, driver, samples, notebook
	$(PY) -m release.package $(BUILD) --config $(TOML) --board $(BOARD)

fifo-check: lower ## show in simulation that each skip FIFO is deep enough and not much deeper
	$(PY) -m sim.fifo_check $(BUILD) --config $(TOML)

formal: $(ENV) ## prove our RTL modules for all inputs, with SymbiYosys
	$(PY) -m sim.formal.prove --out build/formal --jobs $(JOBS)

mutants: $(ENV) ## plant bugs in RTL, HLS C++ and lowering and see that the tests find them; goes on where it ended
	nice $(PY) -m bench.mutants.run --out build/mutants $(if $(MINUTES),--minutes $(MINUTES))

zoo: $(ENV) ## the published and usual networks, random weights, through every execution; goes on where it ended
	$(PY) -m sim.zoo --out build/zoo $(if $(filter-out file,$(origin SEED)),--seed $(SEED))

fuzz: $(ENV) ## N random small networks through the whole path, bit-exact; goes on where it stopped
	$(PY) -m sim.fuzz --cases $(N) --jobs $(JOBS) $(if $(filter-out file,$(origin SEED)),--seed $(SEED)) \
	  $(if $(MINUTES),--minutes $(MINUTES))

soak: $(ENV) ## random operators and networks for MINUTES (60)
	$(PY) -m sim.soak --minutes $(or $(MINUTES),60) --jobs $(JOBS) $(if $(filter-out file,$(origin SEED)),--seed $(SEED))

regress: $(ENV) ## hold the network that ships against its golden figures; UPDATE=1 stores new ones
	$(PY) -m sim.regress --config $(TOML) $(if $(UPDATE),--update) $(if $(CELLS),--cells)

bench: export ## stock FINN and ours, side by side: the network lowered, and the driver's CPU time
	$(PY) -m bench.versus_finn --config $(TOML) --model $(BUILD)/generator.onnx --out build/bench.json
	$(PY) -m bench.board_driver --out build/bench.json

ablation: $(ENV) | $(FETCHED) ## objectives, modes, optimizers at equal samples (STEPS)
	$(PY) -m bench.ablation --config $(TOML) --data $(DATA) --out $(BUILD)/ablation --samples $(SAMPLES) \
	  $(if $(STEPS),--steps $(STEPS))

ladder: $(BUILD)/pruned.safetensors $(ENV) ## what each step down costs: bit widths, pruning (STEPS, SAMPLES)
	$(PY) -m bench.ladder --config $(TOML) --folder $(BUILD) --data $(DATA) --jobs $(JOBS) \
	  $(if $(STEPS),--steps $(STEPS)) $(if $(filter-out file,$(origin SAMPLES)),--samples $(SAMPLES))

evaluate: $(NETWORK) $(ENV) ## PSNR and SSIM of the networks and the baselines
	$(PY) -m quant.evaluate $(BUILD) --config $(TOML) --defects $(DEFECTS) --samples $(SAMPLES) --jobs $(JOBS) \
	  $(if $(PHOTOS),--photos '$(PHOTOS)') $(addprefix --checkpoint ,$(filter-out $(BUILD)/qat.safetensors,$(NETWORK))) $(if $(or $(MAPPED),$(SHIPPED_MAPPED)),--mapped '$(or $(MAPPED),$(SHIPPED_MAPPED))')

harm: $(NETWORK) $(ENV) ## false alarms on sound frames, recall of every kind of defect, beside camera rules (SAMPLES)
	$(PY) -m quant.harm $(NETWORK) --config $(TOML) --out $(BUILD)/harm.json \
	  $(if $(filter-out file,$(origin SAMPLES)),--samples $(SAMPLES))

bad-input: $(ENV) ## list all kinds of bad input and networks with the error each gets, in build/bad_*.md
	$(PY) -m tests.bad_input.report build/bad_input.md
	$(PY) -m tests.hls.frontend.bad_graphs build/bad_graphs.md

lint: $(ENV) ## ruff and mypy
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

test: lint ## lint and all tests
	@command -v tclsh >/dev/null || $(PY) -c 'import tkinter' 2>/dev/null || \
	  { echo "error: the tests of the bitstream's Tcl need tclsh; apt install tcl"; exit 1; }
	.venv/bin/pytest -n $(JOBS) --dist worksteal

clean: ## remove everything built, but not the photographs and the environment
	rm -rf build

distclean: clean ## remove everything that is not in git
	rm -rf data .venv .uv *.egg-info .mypy_cache .ruff_cache .pytest_cache
