# The front door; CMake does the building. Each target installs the Debian packages it lacks (packages.txt).
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
GENERATOR := $(if $(shell command -v ninja 2>/dev/null),-G Ninja)
CMAKE_FLAGS ?=
# Two builds of one folder wait for each other.
LOCK := $(if $(shell command -v flock 2>/dev/null),flock $(BUILD)/CMakeCache.txt)

.PHONY: bench-check build run test unit cli golden conformance contrib python hostile media-peers check fuzz bench install clean

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
	@tests/run $(BUILD) unit cli golden conformance python hostile

# contrib is not part of test: the wheel that its answers come from is large.
unit cli golden conformance contrib python hostile:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory build
	@tests/run $(BUILD) $@

# Resizing beside the libraries that it imitates: their wheels are large, so that test does not need them.
media-peers: build
	@tools/install-packages test
	@test -d $(BUILD)/media-peers || python3 -m venv $(BUILD)/media-peers
	@$(BUILD)/media-peers/bin/pip install -q 'pillow<12' opencv-python-headless tensorflow-cpu torch
	@$(BUILD)/media-peers/bin/python tests/media/resize.py $(BUILD)/tests/media/driver

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

# Instruction counts beside the committed ones; bench/check build --update commits to those of today.
bench-check: build
	@tools/install-packages bench
	@bench/check $(BUILD)

install: build
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX) >/dev/null
	@echo "installed in $(DESTDIR)$(PREFIX)"

clean:
	@rm -rf $(BUILD)
