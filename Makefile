# The front door; CMake does the building. Each target installs the Debian packages it lacks (packages.txt).
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
GENERATOR := $(if $(shell command -v ninja 2>/dev/null),-G Ninja)
CMAKE_FLAGS ?=
# Two builds of one folder wait for each other.
LOCK := $(if $(shell command -v flock 2>/dev/null),flock $(BUILD)/CMakeCache.txt)

.PHONY: bench-check peers quantizers measures gradients build run test unit cli task golden conformance roundtrip contrib tflite tflite-steps python hostile identical identical-cross media-peers check fuzz bench install clean

build:
	@tools/install-packages build
	@test -f $(BUILD)/CMakeCache.txt || cmake -S . -B $(BUILD) $(GENERATOR) $(CMAKE_FLAGS) >/dev/null
	@$(LOCK) cmake --build $(BUILD) -j $(JOBS)

# A real model answers real inputs.
run: build
	@$(BUILD)/sedge run examples/keywords/keywords.onnx examples/keywords/clips

test:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory build
	@tests/run $(BUILD) unit cli task golden conformance roundtrip python hostile

# contrib and tflite are not part of test: the wheels that their answers come from are large.
unit cli task golden conformance roundtrip contrib tflite python hostile:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory build
	@tests/run $(BUILD) $@

# How often quantized operators give LiteRT's integers, into docs/tflite.md.
tflite-steps: build
	@tests/tflite/run $(BUILD) --steps

# The same integers at every level of this machine, and by other machines' programs: RUNNERS="'qemu-aarch64 arm/tests/digests'"
LITE := ../shared/testdata/tflite
IDENTICAL ?= $(wildcard examples/*/*.onnx ../shared/testdata/onnx/mlperf_tiny/*int8*.onnx ../shared/testdata/onnx/quant/*.onnx \
	$(addprefix $(LITE)/,*/*int8.tflite */*quant.tflite */*ptq.tflite */*quantized.tflite micro/person_detect.tflite mlperf_tiny/kws_ref_model.tflite))
identical: build
	@tests/identical/run $(BUILD) "$(IDENTICAL)" $(RUNNERS)

# The same for aarch64, armv7 and riscv64 in emulators, of the programs that are built here.
identical-cross: build
	@tests/identical/cross $(BUILD) "$(IDENTICAL)"

# Resizing beside the libraries that it imitates: their wheels are large, so that test does not need them.
media-peers: build
	@tools/install-packages test
	@test -d $(BUILD)/media-peers || python3 -m venv $(BUILD)/media-peers
	@$(BUILD)/media-peers/bin/pip install -q 'pillow<12' opencv-python-headless tensorflow-cpu torch
	@$(BUILD)/media-peers/bin/python tests/media/resize.py $(BUILD)/tests/media/driver
	@$(BUILD)/media-peers/bin/python tests/media/bench.py $(BUILD)/tests/media/driver

# Int8 beside what other quantizers make of the same models and samples: the table of docs/fit.md.
quantizers: build
	@tools/install-packages test
	@test -d $(BUILD)/quantizers || python3 -m venv $(BUILD)/quantizers
	@$(BUILD)/quantizers/bin/pip install -q onnx onnxruntime nncf numpy pillow
	@$(BUILD)/quantizers/bin/python bench/quantizers.py $(BUILD)/sedge ../shared/testdata

# Statistics and measures beside the libraries that define them.
measures: build
	@tools/install-packages test
	@test -d $(BUILD)/measures || python3 -m venv $(BUILD)/measures
	@$(BUILD)/measures/bin/pip install -q scipy statsmodels scikit-learn pycocotools jiwer
	@$(BUILD)/measures/bin/python tests/fit/measures.py $(BUILD)/tests/fit/driver

# Gradients and training beside PyTorch.
gradients: build
	@tools/install-packages test
	@test -d $(BUILD)/gradients || python3 -m venv $(BUILD)/gradients
	@$(BUILD)/gradients/bin/pip install -q torch onnx numpy
	@$(BUILD)/gradients/bin/python tests/grad/gradients.py $(BUILD)/tests/grad/driver

check:
	@tools/install-packages build check
	@tools/check $(BUILD)

# Seconds of each fuzzer: make fuzz SECONDS=600
SECONDS ?= 60
fuzz:
	@tools/install-packages build fuzz
	@tests/fuzz/run $(SECONDS)

MODEL ?= examples/keywords/keywords.onnx
bench: build
	@$(BUILD)/sedge bench $(MODEL)

# Sedge beside five other engines on generated models, into docs/benchmarks.md: PEERS_MODELS="mobilenet_v2 resnet18" make peers
PEERS_MODELS ?= mobilenet_v1 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small efficientnet_b0 squeezenet resnet18 resnet50 distilbert \
	kws_dscnn ic_resnet8 vww_mobilenet025 ad_autoencoder
PEERS := $(BUILD)/peers
peers: build
	@tools/install-packages test
	@test -d $(PEERS)/venv || python3 -m venv $(PEERS)/venv
	@$(PEERS)/venv/bin/pip install -q onnx onnxruntime openvino ai-edge-litert ncnn pnnx mnn
	@$(PEERS)/venv/bin/python bench/gen_models.py $(PEERS)/models $(PEERS_MODELS) >/dev/null
	@cd $(PEERS)/models && ls $(addsuffix .onnx,$(PEERS_MODELS)) $(addsuffix _int8.onnx,$(PEERS_MODELS)) 2>/dev/null >../list || true
	@$(PEERS)/venv/bin/python bench/peers.py --sedge $(BUILD)/sedge -t 1 -t 2 --write docs/benchmarks.md $$(sed 's|^|$(PEERS)/models/|' $(PEERS)/list)

# Instruction counts beside the committed ones; bench/check build --update commits to those of today.
bench-check: build
	@tools/install-packages bench
	@bench/check $(BUILD)

install: build
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX) >/dev/null
	@echo "installed in $(DESTDIR)$(PREFIX)"

clean:
	@rm -rf $(BUILD)
