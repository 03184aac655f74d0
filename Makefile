# Tasks of the Cloudops Execution Engine. `make` alone lists them.
# `make test` needs Go and nothing else; what needs more says so.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --warn-undefined-variables
MAKEFLAGS += --no-builtin-rules
MAKEFLAGS += --no-print-directory

GO ?= go
FUZZTIME ?= 20s
# Empty means what `git describe` says.
VERSION ?=

BIN := .bin
LINT_VERSION := 2.15.0
# What makes requests for make load.
VEGETA_VERSION := 12.12.0
VEGETA := $(BIN)/vegeta-$(VEGETA_VERSION)
LINT := $(BIN)/golangci-lint-$(LINT_VERSION)
# The compiler of the contract in proto/, and its plugins, which have the versions of the libraries in go.mod.
BUF_VERSION := 1.75.0
BUF := $(BIN)/buf-$(BUF_VERSION)
GEN_GO := $(BIN)/$(shell awk '$$1 == "google.golang.org/protobuf" { print $$2 }' go.mod)/protoc-gen-go
GEN_CONNECT := $(BIN)/$(shell awk '$$1 == "connectrpc.com/connect" { print $$2 }' go.mod)/protoc-gen-connect-go

# What `make generate` writes.
GENERATED := gen api.txt docs/api-reference.md
# How to see whether it wrote anything.
SNAPSHOT := { git status --porcelain -- $(GENERATED); git diff -- $(GENERATED); }

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## Vet and test everything; Go alone is enough (no compiler, root or service)
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) test -shuffle=on -count=1 ./...

CHECKS := lint contract generated cross race proofs

.PHONY: check
check: $(CHECKS) ## All that a change must pass, beyond make test

.PHONY: checks
checks: ## Name the parts of make check
	@echo $(CHECKS)

# Kills at random moments run in make test: under the detector hundreds of programs are started ten times as slowly.
WITHOUT_RACE = ^TestKilled_(EnginesLoseNothing|SupervisorsTakeOnlyTheirOwn)$$

.PHONY: race
race: ## Test under the race detector (needs a C compiler)
	@command -v "$$($(GO) env CC)" >/dev/null || { echo "make race: needs a C compiler, and $$($(GO) env CC) is not there" >&2; exit 1; }
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -count=1 -timeout 20m -skip '$(WITHOUT_RACE)' ./...

# Tests that need root skip themselves unless CLOUDOPS_TEST_ROOT=1. In a pid namespace of their own nothing that escapes
# from a test outlives it; bash is its first process because somebody has to reap the orphans there.
ROOT_PACKAGES = $$(grep -rl --include='*_test.go' CLOUDOPS_TEST_ROOT . | xargs -r -n 1 dirname | sort -u)
ROOT_TESTS = CLOUDOPS_TEST_ROOT=1 $(GO) test -count=1 $$packages
IN_NAMESPACE = unshare -pf --mount-proc --kill-child

.PHONY: test-root
test-root: ## Run the tests that need root, in a pid namespace where there can be one (Linux)
	@packages=$$(echo $(ROOT_PACKAGES)); \
	if [ -z "$$packages" ]; then echo "make test-root: no test asks for CLOUDOPS_TEST_ROOT yet"; exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "make test-root: NOT RUN: needs root; try: sudo make test-root" >&2; exit 1; fi; \
	if $(IN_NAMESPACE) true 2>/dev/null; then \
		$(IN_NAMESPACE) bash -c "$(ROOT_TESTS); exit \$$?"; \
	else \
		echo "make test-root: NO PID NAMESPACE CAN BE MADE HERE: tests that need one are skipped, escaped processes may stay" >&2; \
		$(ROOT_TESTS); \
	fi

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (20s)
	GO=$(GO) scripts/fuzz.sh $(FUZZTIME)

.PHONY: lint
lint: $(LINT) ## Lint, formatting included
	$(LINT) run ./...

.PHONY: fmt
fmt: $(LINT) ## Format: gofumpt and sorted imports
	$(LINT) fmt ./...

.PHONY: contract
contract: $(BUF) ## Lint proto/, and refuse what breaks those who rely on proto/baseline.binpb
	$(BUF) lint
	$(BUF) format --diff --exit-code
	$(BUF) breaking --against proto/baseline.binpb

.PHONY: baseline
baseline: $(BUF) ## At a release: promise what proto/ says now
	$(BUF) build --output proto/baseline.binpb

.PHONY: generate
generate: $(BUF) $(GEN_GO) $(GEN_CONNECT) ## Write generated files anew
	PATH="$(CURDIR)/$(dir $(GEN_GO)):$(CURDIR)/$(dir $(GEN_CONNECT)):$$PATH" $(BUF) generate
	$(BUF) build --output - | $(GO) run ./tools/apidoc docs/api-reference.md
	$(GO) generate ./...

.PHONY: generated
generated: ## Fail unless generated files are current
	@before=$$($(SNAPSHOT)); $(MAKE) generate; \
	if [ "$$before" != "$$($(SNAPSHOT))" ]; then git diff -- $(GENERATED); echo "make generated: commit what make generate wrote" >&2; exit 1; fi

# Needs Node 20.3 or newer, and Chromium for the tests in a browser.
.PHONY: sdk
sdk: $(BUF) ## Check, build and test the npm package in sdk/typescript (Node and Chromium)
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && command -v npm >/dev/null || { echo "make sdk: needs Node 20 or newer, with npm" >&2; exit 1; }
	cd sdk/typescript && npm ci --no-audit --no-fund
	cd sdk/typescript && npm run --silent generate && npm run --silent api && git diff --exit-code -- src/wire.gen.ts api.txt
	cd sdk/typescript && npm run --silent check && npm run --silent build && npm run --silent size && npm run --silent package
	cd examples/react && npm ci --no-audit --no-fund && npm run --silent build
	cd sdk/typescript && npm test

.PHONY: wails
wails: ## Build examples/wails, show its window on a virtual display and run a command in it, where the libraries are
	[ -d sdk/typescript/dist ] || (cd sdk/typescript && npm ci --no-audit --no-fund && npm run --silent build)
	GO=$(GO) scripts/wails.sh

.PHONY: cross
cross: ## Vet and build for the platforms this is not
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./... && GOOS=darwin CGO_ENABLED=0 $(GO) build ./...
	GOOS=windows CGO_ENABLED=0 $(GO) vet ./... && GOOS=windows CGO_ENABLED=0 $(GO) build ./...

# Fuzzing searches at random, so that what it finds is seldom the fault of the change at hand. Here it searches what reads
# the bytes of commands and of damaged disks; make fuzz searches everything. The seeds of all, what was found among them,
# are in make test.
.PHONY: proofs
proofs: ## Short forms of the slow proofs: fuzzing, the benchmarks' build, one release
	GO=$(GO) scripts/fuzz.sh 20s internal/journal internal/redact
	@if [ -f bench/go.mod ]; then echo "== bench builds"; cd bench && $(GO) vet ./...; fi
	VERSION=check DIST=dist/check PLATFORMS="$$($(GO) env GOOS)/$$($(GO) env GOARCH)" scripts/release.sh

.PHONY: long
long: ## The slow proofs in full: 20,000 races, 10,000 executions, 1,000 trees, 50,000 crashes (half an hour)
	CLOUDOPS_TEST_FULL=1 CGO_ENABLED=1 $(GO) test -race -shuffle=on -count=1 -timeout 60m -v -run 'RACE|LIM|TREE|LIFE|Stop_|LosesNoByte|Numbers' . ./internal/run ./internal/process
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v -run 'Killed|Damage' ./history
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v -run 'AnyMoment' ./internal/supervisor
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v -run 'CRASH' ./internal/folder
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v -run 'RPC' ./cmd/cloudops
	$(MAKE) trees

# A directory of each containment at a time; what runs at once shares the machine, not the directory.
.PHONY: kill-test
kill-test: ## Kill engines and supervisors at 10,000 random moments each, and look for what is lost (an hour; Linux)
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 6h -v -parallel 3 -run 'Killed' ./durable

.PHONY: replace-test
replace-test: ## Replace a daemon 200 times under load, and look for what twenty followers miss (Linux)
	CLOUDOPS_TEST_FULL=1 $(GO) test -count=1 -timeout 30m -v -run IsReplacedWithoutALoss ./internal/daemon

.PHONY: load
load: $(VEGETA) ## Hold the API against load by a public tool, at a socket (a minute)
	GO=$(GO) scripts/load.sh "$(abspath $(VEGETA))"

.PHONY: bench
bench: ## Measure against os/exec and go-cmd, as ratios in one run
	cd bench && $(GO) run .

.PHONY: bench-output
bench-output: ## Measure what reading output costs, against a bare read(2), cat and go-cmd
	cd bench && $(GO) run . -output

.PHONY: bench-wire
bench-wire: ## Measure a daemon and its clients: calls, streams, latencies, 5,000 subscribers
	cd bench && $(GO) run . -wire

.PHONY: trees
trees: ## The shapes of process tree that no peer kills, against ours
	cd bench && $(GO) run ./trees

.PHONY: release
release: ## Build the six platforms into dist/, with checksums
	VERSION="$(VERSION)" scripts/release.sh

.PHONY: clean
clean: ## Remove what was built (the tools in .bin stay)
	rm -rf dist coverage cloudops cloudops.exe

# A tool is a file named by its version: a new version is a new file, and nothing is installed twice.
# From source, cold, this one takes some minutes.
$(LINT):
	@mkdir -p $(BIN)
	CGO_ENABLED=0 GOBIN="$(CURDIR)/$(BIN)/install" $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINT_VERSION)
	mv $(BIN)/install/golangci-lint $@
	rmdir $(BIN)/install

$(VEGETA):
	@mkdir -p $(BIN)
	CGO_ENABLED=0 GOBIN="$(CURDIR)/$(BIN)/install" $(GO) install github.com/tsenart/vegeta/v12@v$(VEGETA_VERSION)
	mv $(BIN)/install/vegeta $@
	rmdir $(BIN)/install

# From source, cold, this one takes some minutes, too.
$(BUF):
	@mkdir -p $(BIN)
	CGO_ENABLED=0 GOBIN="$(CURDIR)/$(BIN)/install" $(GO) install github.com/bufbuild/buf/cmd/buf@v$(BUF_VERSION)
	mv $(BIN)/install/buf $@
	rmdir $(BIN)/install

$(GEN_GO):
	CGO_ENABLED=0 $(GO) build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go

$(GEN_CONNECT):
	CGO_ENABLED=0 $(GO) build -o $@ connectrpc.com/connect/cmd/protoc-gen-connect-go
