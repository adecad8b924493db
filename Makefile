# Skyhook: what there is to do. `make` alone lists it.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
RUN_PORT ?= 8080
FUZZ_SECONDS ?= 300

.DEFAULT_GOAL := help
.PHONY: help setup build run test unit contract integration faults test-browser test-kafka screenshots package test-package test-reproducible asan tsan soak fuzz format lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the packages that building and testing need (Debian 12)
	@scripts/install-dependencies.sh build test browser

build: ## build/skyhook, optimised
	@scripts/build.sh release $(JOBS)

run: ## try it: server, receiver, one event of each kind; ends with Ctrl-C
	@scripts/install-dependencies.sh build
	@scripts/build.sh release $(JOBS) skyhook
	@scripts/demo.sh build $(RUN_PORT)

test: build ## everything: structure, unit, contract, integration, browser and fault tests against the real binary
	@scripts/install-dependencies.sh test browser
	@scripts/test.sh build

unit: build ## the unit tests and the structure checks only
	@scripts/test.sh build ctest

faults: build ## the fault tests only: power, disk, clock, attacks, isolation
	@scripts/install-dependencies.sh test
	@scripts/test.sh build faults

contract: build ## the contract tests only
	@scripts/install-dependencies.sh test
	@scripts/test.sh build contract

integration: build ## the integration tests only: examples, OpenAPI and Schemathesis, command line, backup, move, deploy/
	@scripts/install-dependencies.sh test
	@scripts/test.sh build integration

package: ## the Debian package, optimised: build-package/skyhook_*.deb
	@scripts/install-dependencies.sh build package
	@scripts/package.sh $(JOBS)

test-package: package ## install the package in a root made from nothing, run it there, remove it (as root)
	@tests/package/test_package.sh build-package/skyhook_*.deb

test-reproducible: ## two release builds give the same bytes (slow: compiles everything twice)
	@scripts/install-dependencies.sh build package
	@tests/package/test_reproducible.sh

test-browser: build ## the dashboard in a real browser only
	@scripts/install-dependencies.sh test browser
	@scripts/test.sh build browser

test-kafka: build ## the Kafka source against a real broker, fetched once (minutes)
	@scripts/install-dependencies.sh test kafka
	@scripts/kafka.sh build/kafka
	@scripts/test.sh build kafka

screenshots: build ## the browser tests, and renew the pictures in docs/screenshots
	@scripts/install-dependencies.sh test browser
	@SKYHOOK_SCREENSHOTS=1 scripts/test.sh build browser

asan: ## unit, contract and fault tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/install-dependencies.sh build test
	@scripts/build.sh asan $(JOBS)
	@scripts/test.sh build-asan

tsan: ## unit, contract and fault tests under ThreadSanitizer
	@scripts/install-dependencies.sh build test
	@scripts/build.sh tsan $(JOBS)
	@scripts/test.sh build-tsan

soak: build ## the long ones: fault tests at full size, 1,000,000 waiting, 100,000 histories, 10,000 power losses
	@scripts/install-dependencies.sh test
	@scripts/test.sh build soak

fuzz: ## everything that reads foreign bytes, against its invariants; FUZZ_SECONDS=300 each target
	@JOBS=$(JOBS) scripts/fuzz.sh $(FUZZ_SECONDS)

format: ## clang-format over all C++ sources
	@scripts/install-dependencies.sh lint
	@scripts/lint.sh format

lint: ## clang-format, include directions, clang-tidy (changed files; ALL=1 for all)
	@scripts/install-dependencies.sh build lint
	@scripts/lint.sh check $(if $(ALL),all,changed)

clean: ## remove every build directory
	rm -rf build build-dev build-asan build-tsan build-fuzz build-package
