# Every habit of the project. 'make' alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test test-dashboards test-notifications test-real test-faults test-guards test-sdks test-virtual test-api test-browser test-console screenshots lint vuln bench fuzz generate check-generated sbom test-alerts test-deploy chart-schemas test-history clean

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
	go test -race -short -vet off -timeout 15m ./... # 'make lint' vets, with every build tag
	go test -vet off -timeout 15m ./ingest/history

test-real: ## the same pipeline on Apache Kafka, redis-server and Prometheus, which it fetches or finds
	go test -tags real -race -count 1 -timeout 15m -run 'Real' ./deploy/realengines/... ./cmd/backchannel/doctor ./cmd/backchannel/forget ./cmd/backchannel/e2e/...

FAULTS ?= 12
test-faults: ## FAULTS kills, hangs and outages on three brokers and two replicas of each tier, and on the embedded engines; again with FAULTS_SEED
	FAULTS=$(FAULTS) go test -tags faults -count 1 -timeout 90m -run 'TestFaults$$|TestEmbeddedFaults$$' -v ./cmd/backchannel/e2e

.PHONY: test-rolling test-upgrade
test-rolling: ## under load on Apache Kafka every process of two replicas of each tier is restarted in order: nothing lost, nothing twice, fresh again within 30 s
	go test -tags faults -count 1 -timeout 20m -run 'TestRollingRestart$$' -v ./cmd/backchannel/e2e

# The first whose tables later migrations take.
UPGRADE_FROM ?= b94e764
test-upgrade: ## the same, from the build of an earlier commit, UPGRADE_FROM, which runs side by side with this one
	@old=$$(mktemp -d) && trap 'git worktree remove --force "$$old/tree" 2>/dev/null; rm -rf "$$old"' EXIT && git worktree add -q --detach "$$old/tree" $(UPGRADE_FROM) && \
	  (cd "$$old/tree" && go build -o "$$old/backchannel" ./cmd/backchannel) && \
	  OLD_BINARY="$$old/backchannel" go test -tags faults -count 1 -timeout 20m -run 'TestRollingRestart$$' -v ./cmd/backchannel/e2e

KILLS ?= 50
.PHONY: test-kills
test-kills: ## KILLS kills (-9) of the process that reads history, at random points: nothing lost, at most a page each asked for again
	KILLS=$(KILLS) go test -tags faults -count 1 -timeout 90m -run 'TestPollerKills$$' -v ./cmd/backchannel/e2e

test-virtual: ## a day of 1,000 workspaces, 100 messages each with edits and deletes, in virtual time
	VIRTUAL_WORKSPACES=1000 VIRTUAL_HOURS=24 go test -count 1 -timeout 10m -run TestVirtualDay -v ./cmd/backchannel/e2e

SDKS := deploy/slacksim/sdks
SDKS_VENV := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/backchannel/slacksim-sdks
test-sdks: ## Slack's own SDKs (Bolt for JavaScript, Python's slack_sdk, slack-go), unmodified, against the simulator
	@node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "Bolt for JavaScript needs Node 20 or later" >&2; exit 1; }
	@python3 -c 'import ensurepip' || { echo "python3 cannot make virtual environments (Debian: python3-venv)" >&2; exit 1; }
	@cmp -s $(SDKS)/javascript/package-lock.json $(SDKS)/javascript/node_modules/.installed || { npm ci --silent --prefix $(SDKS)/javascript && \
	  cp $(SDKS)/javascript/package-lock.json $(SDKS)/javascript/node_modules/.installed; }
	@cmp -s $(SDKS)/python/requirements.txt $(SDKS_VENV)/installed || { python3 -m venv --clear $(SDKS_VENV) && \
	  $(SDKS_VENV)/bin/pip install -q --disable-pip-version-check -r $(SDKS)/python/requirements.txt && cp $(SDKS)/python/requirements.txt $(SDKS_VENV)/installed; }
	SDKS_PYTHON=$(SDKS_VENV)/bin/python go test -tags sdks -race -count 1 -timeout 5m ./$(SDKS)

API_VENV := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/backchannel/api-tests
test-api: ## requests that Schemathesis makes up from the OpenAPI document, against the API. Needs Python 3
	@python3 -c 'import ensurepip' || { echo "python3 cannot make virtual environments (Debian: python3-venv)" >&2; exit 1; }
	@cmp -s ingest/api/requirements.txt $(API_VENV)/installed || { python3 -m venv --clear $(API_VENV) && \
	  $(API_VENV)/bin/pip install -q --disable-pip-version-check -r ingest/api/requirements.txt && cp ingest/api/requirements.txt $(API_VENV)/installed; }
	SCHEMATHESIS=$(API_VENV)/bin/schemathesis go test -tags sdks -count 1 -timeout 5m -run TestSchemathesis ./ingest/api

.PHONY: test-forget
test-forget: ## what is forgotten, or not kept any longer, is in no file of ClickHouse and no segment of Kafka, once ClickHouse has removed the parts that were replaced
	go test -count 1 -timeout 20m ./cmd/backchannel/forget
	go test -count 1 -timeout 20m -run 'TestRetention$$' ./sinks/clickhouse

test-guards: ## the fault suite with one guard taken out at a time: it must fail
	go test -tags faults -count 1 -timeout 40m -run "TestGuards|TestUnitGuards" -v ./cmd/backchannel/e2e

test-dashboards: ## a real Prometheus scrapes the demo: every query of every dashboard and every rule has data, and nobody is paged
	go test -tags real -count 1 -timeout 15m -run 'TestDashboards$$' -v ./cmd/backchannel/e2e

FASTER ?= 20
test-alerts: ## faults struck at tiers on real engines, one after the other: each fires its alert, in rules in which time passes FASTER times faster, and pages for nothing else; and a disk that is full loses nothing; FAULT="Redis is away" strikes one, HOLD=FILE waits while it stands. Takes root
	FASTER=$(FASTER) go test -tags real -count 1 -timeout 8h -run '$(if $(FAULT),TestAlerts,Test(Alerts|FullDisk))$$/($(subst $() ,_,$(FAULT)))' -v ./cmd/backchannel/e2e

sbom: ## what is in the image's binary, as CycloneDX: bin/backchannel.cdx.json
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -tags slim -ldflags "-s -w -X main.release=$(VERSION)" -o bin/backchannel-slim ./cmd/backchannel
	go tool -modfile=.ci/sbomtools/go.mod cyclonedx-gomod bin -json -noserial -notimestamp -version "$(VERSION)" -output bin/backchannel.cdx.json bin/backchannel-slim
	@jq -e '.bomFormat == "CycloneDX" and (.components | length > 40) and any(.components[]; .name == "github.com/twmb/franz-go")' bin/backchannel.cdx.json >/dev/null && \
	  jq -r '"\(.components | length) modules, in CycloneDX \(.specVersion): bin/backchannel.cdx.json"' bin/backchannel.cdx.json

test-deploy: ## the chart by Helm and kubeconform, the compose file by the specification's own library; their settings and commands against the program; the image needs no libc
	cd deploy/compose && go tool -modfile=../../.ci/deploytools/go.mod cmd -format json compose.yaml | jq -e '.services | length > 10' >/dev/null
	@chart=$$(mktemp -d) && trap 'rm -rf "$$chart"' EXIT && .ci/chart "$$chart" && \
	  CHART=$$chart go test -count 1 -run 'Deployment|Compose|Chart' ./cmd/backchannel
	! CGO_ENABLED=0 go list -tags slim -deps ./cmd/backchannel | grep -E 'purego|^runtime/cgo$$'

chart-schemas: ## what the chart is validated by, from Kubernetes', KEDA's and the Prometheus operator's modules (20 MB)
	cd .ci/deploytools && go run ./schemas ../kubernetes

test-notifications: ## 100,000 notifications for 20,000 people in 50 workspaces, some of them sick, both sinks killed, in virtual time
	NOTIFICATIONS=100000 NOTIFICATIONS_PEOPLE=20000 NOTIFICATIONS_WORKSPACES=50 go test -count 1 -timeout 60m -run TestVirtualNotifications -v ./cmd/backchannel/e2e

CONSOLE := ingest/console
AXE := $(CONSOLE)/axe
test-console: ## the console in Chromium: every page in three looks with axe, the keyboard alone, HTML in names; SCREENSHOTS=folder keeps pictures
	@cmp -s $(AXE)/package-lock.json $(AXE)/node_modules/.installed || { npm ci --silent --prefix $(AXE) && cp $(AXE)/package-lock.json $(AXE)/node_modules/.installed; }
	AXE=$(CURDIR)/$(AXE)/node_modules/axe-core/axe.min.js SCREENSHOTS=$(SCREENSHOTS) go test -tags browser -count 1 -timeout 15m -run 'InABrowser' -v ./$(CONSOLE)

test-history: ## a workspace of 300 channels and 200,000 messages, with lost, doubled and late events, in virtual time, twice; then audited in ClickHouse
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	  HISTORY_OUT=$$out HISTORY_CHANNELS=300 HISTORY_MESSAGES=200000 HISTORY_ENDS=2200 go test -count 1 -timeout 150m -run 'TestSimulation|TestEnds' -v ./ingest/history && \
	  AUDIT_OF=$$out go test -count 1 -timeout 60m -run TestSimulatedHistory -v ./cmd/backchannel/audit

test-browser: ## in Chromium: a person walks the simulator's page, and an owner the console from signing in to what a diagnosis says, on the whole pipeline; SCREENSHOTS=folder keeps pictures
	SCREENSHOTS=$(SCREENSHOTS) go test -tags browser -count 1 -timeout 5m -run 'TestWalk|InABrowser' -v ./deploy/slacksim ./cmd/backchannel/e2e

screenshots: ## the pictures of the documents
	mkdir -p deploy/slacksim/screenshots
	$(MAKE) test-browser SCREENSHOTS=$(CURDIR)/deploy/slacksim/screenshots
	mkdir -p $(CONSOLE)/screenshots
	$(MAKE) test-console SCREENSHOTS=$(CURDIR)/$(CONSOLE)/screenshots

lint: ## golangci-lint, pinned in .ci/tools, and proof that the import map bites
	$(TOOL) golangci-lint run --allow-parallel-runners ./...
	@.ci/import-map-holds

vuln: ## known vulnerabilities in what we call
	$(TOOL) govulncheck ./...

MESSAGES ?= 5000000
.PHONY: bench-context
bench-context: ## the six common questions of MESSAGES messages in ClickHouse: p95 warm, rows read, bytes a message, the engine's CPU to take them in
	BENCH_MESSAGES=$(MESSAGES) go test -tags bench -count 1 -timeout 60m -run TestBenchContext -v ./cmd/backchannel/bench

bench: ## enrich and the ClickHouse sink against bare ones, on real engines (BENCH_EVENTS, BENCH_ROUNDS); posting and polling against Slack's limits
	go test -tags bench -count 1 -timeout 60m -run TestBench -v ./cmd/backchannel/bench
	BENCH_CONSOLE=1 go test -run '^$$' -bench 'Pages|Log' -benchtime 30x -timeout 20m ./ingest/console ./cmd/backchannel/deliverylog
	RATE_MINUTES=5 go test -count 1 -timeout 10m -run TestVirtualPostingRate -v ./cmd/backchannel/e2e
	HISTORY_BACKLOG=10 HISTORY_WORKSPACES=10000 go test -count 1 -timeout 90m -run 'TestTheBudgetIsUsedAndKept|TestManyWorkspaces' -v ./ingest/history

FUZZTIME ?= 30s
fuzz: ## every fuzz target in turn, FUZZTIME each
	@for pkg in $$(go list ./...); do \
	  for name in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

generate: ## JSON Schemas, AsyncAPI, the reference, OpenAPI and the list of metrics, from the code
	go generate ./...

check-generated: ## fails when what is checked in is not what 'make generate' makes
	@kept="$${TMPDIR:-/tmp}/generated.$$$$" && trap 'rm -rf "$$kept"' EXIT && mkdir "$$kept" && cp -r schemas "$$kept" && cp ingest/api/openapi.json "$$kept" && \
	  go generate ./... && diff -r schemas "$$kept/schemas" && diff ingest/api/openapi.json "$$kept/openapi.json" || { echo "run 'make generate' and commit what changed" >&2; exit 1; }

clean: ## what builds leave behind
	rm -rf bin data
