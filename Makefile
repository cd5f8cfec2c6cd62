# Every habit of the project. 'make' alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test test-real test-faults test-browser screenshots lint vuln bench fuzz generate check-generated clean

# The checkout may be a worktree or a tarball: stamping it into the binary must not be able to fail a build.
export GOFLAGS ?= -buildvcs=false
TOOL := go tool -modfile=.ci/tools/go.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the binary, into bin/backchannel
	@go build -trimpath -ldflags "-X main.release=$(VERSION)" -o bin/backchannel ./cmd/backchannel

demo: build ## a simulated customer through the whole pipeline; ARGS="--for 30s --json"
	@./bin/backchannel demo $(ARGS)

test: ## all tests that need no service: embedded engines on free ports, race detector on
	go test -race -timeout 10m ./...

test-real: ## the same pipeline on Apache Kafka, redis-server and Prometheus, which it fetches or finds
	go test -tags real -race -count 1 -timeout 15m -run 'Real' ./deploy/realengines/... ./cmd/backchannel/e2e/...

FAULTS ?= 12
test-faults: ## FAULTS kills, hangs and outages on three brokers and two replicas of each tier; again with FAULTS_SEED
	FAULTS=$(FAULTS) go test -tags faults -count 1 -timeout 90m -run TestFaults -v ./cmd/backchannel/e2e

test-browser: ## a person walks the simulator's page in Chromium; SCREENSHOTS=folder keeps pictures
	SCREENSHOTS=$(SCREENSHOTS) go test -tags browser -count 1 -timeout 5m -run TestWalk -v ./cmd/backchannel/e2e

screenshots: ## the pictures of the documents
	mkdir -p deploy/slacksim/screenshots
	$(MAKE) test-browser SCREENSHOTS=$(CURDIR)/deploy/slacksim/screenshots

lint: ## golangci-lint, pinned in .ci/tools, and proof that the import map bites
	$(TOOL) golangci-lint run --allow-parallel-runners ./...
	@.ci/import-map-holds

vuln: ## known vulnerabilities in what we call
	$(TOOL) govulncheck ./...

bench: ## enrich and the ClickHouse sink against bare ones, on real engines; BENCH_EVENTS, BENCH_ROUNDS
	go test -tags bench -count 1 -timeout 60m -run TestBench -v ./cmd/backchannel/bench

FUZZTIME ?= 30s
fuzz: ## every fuzz target in turn, FUZZTIME each
	@for pkg in $$(go list ./...); do \
	  for name in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

generate: ## JSON Schemas, AsyncAPI and the reference, from the types
	go generate ./...

check-generated: ## fails when what is checked in is not what 'make generate' makes
	@cp -r schemas "$${TMPDIR:-/tmp}/schemas.$$$$" && trap 'rm -rf "$${TMPDIR:-/tmp}/schemas.$$$$"' EXIT && go generate ./... && \
	  diff -r schemas "$${TMPDIR:-/tmp}/schemas.$$$$" || { echo "run 'make generate' and commit what changed" >&2; exit 1; }

clean: ## what builds leave behind
	rm -rf bin data
