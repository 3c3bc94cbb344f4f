# The tasks of this project; make help lists them.

# The race detector needs cgo and a C compiler. Without them the tests run all the same, except in CI.
RACE ?= $(if $(CI),-race,$(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race))

# Arguments for go test, such as TESTFLAGS='-run TestX -v'.
TESTFLAGS ?=

# Packages with tests against a real Kafka cluster (build tag kafka).
KAFKA_PACKAGES ?= ./internal/transport/kafka ./internal/e2e ./internal/kafkacluster/... ./internal/faulttest ./pipeline ./pipeline/tool ./apps/rss-articles/internal/e2e

# Arguments for the command kafka, such as KAFKAFLAGS='-v -base-port 19092'.
KAFKAFLAGS ?=
KAFKA = go build -o bin/kafka ./internal/kafkacluster/cmd/kafka && bin/kafka $(KAFKAFLAGS)

FUZZTIME ?= 10s
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## Run the tests; needs the Go toolchain only
	@go test $(RACE) $(TESTFLAGS) ./...

# One package at a time: they share the brokers, and some kill brokers of their own.
.PHONY: test-kafka
test-kafka: ## Run the tests against a three-broker Kafka of their own; needs Java 17 and Maven
	@$(KAFKA) run go test $(RACE) -tags kafka -count=1 -p 1 -timeout 20m $(TESTFLAGS) $(KAFKA_PACKAGES)

.PHONY: test-faults
test-faults: ## Run the fault tests in their long forms, verbosely; needs Java 17 and Maven
	@MILLRACE_FAULTS=long $(KAFKA) run go test -tags kafka -count=1 -p 1 -timeout 60m -v $(TESTFLAGS) ./internal/faulttest ./internal/e2e

.PHONY: bench
bench: ## Measure everything beside goka and Kafka Streams, in about an hour; needs Java 17 and Maven
	@go run ./bench -out docs/benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: ## Measure four workloads beside goka and Kafka Streams, in under ten minutes
	@go run ./bench -workloads copy,count-10k,dedupe,restore -records 1000000 -rounds 1 $(ARGS)

# Times differ from machine to machine; allocations do not.
.PHONY: bench-smoke
bench-smoke: ## Check what the hot path allocates
	@go test -count=1 -v -run 'HotPathAllocations' ./internal/engine ./internal/table

.PHONY: lint
lint: ## Check the formatting, go vet and staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; } >&2
	@go vet ./...
	@go vet -tags kafka ./...
	@go tool staticcheck -tags kafka ./...

.PHONY: fuzz-short
fuzz-short: ## Run every fuzz target for FUZZTIME (10s)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

.PHONY: cover
cover: ## Run the tests and print the total coverage; coverage.out holds the lines
	@go test -coverprofile=coverage.out -coverpkg=./... $(TESTFLAGS) ./... && go tool cover -func=coverage.out | tail -1

.PHONY: run
run: ## Run the RSS app, with ARGS
	@go run ./apps/rss-articles $(ARGS)

.PHONY: kafka-up
kafka-up: ## Start a three-broker Kafka on this machine, and print its addresses
	@$(KAFKA) up

.PHONY: kafka-down
kafka-down: ## End that Kafka and remove its data
	@$(KAFKA) down
