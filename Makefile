# The tasks of this project; make help lists them.

# The race detector needs cgo and a C compiler. Without them the tests run all the same, except in CI.
RACE ?= $(if $(CI),-race,$(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race))

# Arguments for go test, such as TESTFLAGS='-run TestX -v'.
TESTFLAGS ?=

# Packages with tests against a real Kafka cluster (build tag kafka).
KAFKA_PACKAGES ?= ./internal/transport/kafka ./internal/e2e ./internal/kafkacluster/... ./internal/faulttest ./pipeline ./pipeline/tool ./apps/rss-articles/internal/e2e

# Tests of these packages that take time and never talk to those brokers: make test has run them.
KAFKA_SKIP = TestBrokersThatDoNotAnswer|TestTransientErrorsAreTriedAgain|TestOutageIsWaitedOut|TestAssign|TestGroupsAreBalanced|TestAssignAnything|TestCommitErrors|TestBackPressure|TestProduceErrors|TestCloseDuringAnOutage|TestProduceThroughAnOutage|TestProducersAreSafe|TestSecurityOfEmbeddedBrokers|TestHandshakeWithNoBroker|TestStandbysArePlaced|TestStandbysWhilePartitionsMove|TestReadTableWithHoles|TestTransactionCommitWaitsForTheOneBefore|TestBrokersThatGoAway|TestEmitterProperty|TestEmitterThroughFaults|TestPartitioners|TestRecordTo|TestRowsOwnTheirValues|TestReaderOfAService|TestNobodyAnswers|TestEventTimers|TestClockTimers|TestTimersSetTimers|TestTimersSurviveCrashes|TestTimersModel|TestLookup|TestBrowser|TestRestartKeepsEverything

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
	@$(KAFKA) run go test $(RACE) -tags kafka -count=1 -p 1 -parallel 3 -timeout 20m \
		-skip '^($(KAFKA_SKIP))$$' $(TESTFLAGS) $(KAFKA_PACKAGES)

.PHONY: test-faults
test-faults: ## Run the fault tests in their long forms, verbosely; needs Java 17 and Maven
	@MILLRACE_FAULTS=long $(KAFKA) run go test -tags kafka -count=1 -p 1 -timeout 60m -v $(TESTFLAGS) ./internal/faulttest ./internal/e2e

.PHONY: bench
bench: ## Measure everything beside its peers, in about an hour; needs Java 17 and Maven, and Python 3.10 for two peers
	@go run ./bench -out docs/benchmarks -heaps 64m,96m,128m,192m,256m,512m -heap-workload count-10k $(ARGS)

.PHONY: bench-quick
bench-quick: ## Measure four workloads beside goka and Kafka Streams, in under ten minutes
	@go run ./bench -workloads copy,count-10k,dedupe,restore -contenders millrace,millrace-alo,goka,kafka-streams,kafka-streams-alo,floor \
		-records 1000000 -limit 6s $(ARGS)

.PHONY: bench-growth
bench-growth: ## Measure how the cost grows with partitions, keys, lengths and processes, in a quarter of an hour
	@go run ./bench/growth -out docs/benchmarks $(ARGS)

# In short: make bench-nexmark ARGS='-events 90000 -warm 30000 -queries q0,q5'.
.PHONY: bench-nexmark
bench-nexmark: ## Check and measure NEXMark's queries beside Kafka Streams, in about twelve minutes; needs Java 17 and Maven
	@go run ./bench/nexmark -out docs/nexmark.md $(ARGS)

# Times differ from machine to machine; allocations do not.
.PHONY: bench-smoke
bench-smoke: ## Check what the hot path allocates
	@go test -count=1 -v -run 'HotPathAllocations' ./internal/engine ./internal/table

# Packages are compiled for vet and staticcheck, too: as the tests want them, so that it is done once.
.PHONY: lint
lint: ## Check the formatting, go vet and staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; } >&2
	@go vet $(RACE) ./...
	@go vet $(RACE) -tags kafka ./...
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@GOFLAGS="$$(go env GOFLAGS) $(RACE)" bin/staticcheck -tags kafka ./...

.PHONY: fuzz-short
fuzz-short: ## Run every fuzz target for FUZZTIME (10s)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

# Each tree by its own tests alone. What helps tests is shown apart: it runs in the tests of other packages, and
# some of it with real Kafka only. Afterwards: go tool cover -html=coverage/TREE.out
COVER_TREES ?= storage processors pipeline internal
COVER_MIN ?= 85
COVER_APART = /(storagetest|transporttest|leaktest|programtest|faulttest|e2e|kafkacluster(/.*)?)$$

define COVER_AWK
/^mode:/ { next }
{ file = $$1; sub(/:[^:]*$$/, "", file); sub(/\/[^\/]*$$/, "", file); package[$$1] = substr(file, length(module) + 2)
  statements[$$1] = $$2; if ($$3 > 0) hit[$$1] = 1 }
END {
  for (b in statements) { p = package[b]; n[p] += statements[b]; if (b in hit) c[p] += statements[b] }
  for (p in n) if (p !~ apart) { all += n[p]; covered += c[p] }
  if (all == 0) exit 1
  printf "%-36s %5.1f %%  of %d statements\n", tree, 100 * covered / all, all
  sort = "sort"
  for (p in n) printf "  %-34s %5.1f %%  of %d%s\n", p, 100 * c[p] / n[p], n[p], p ~ apart ? ", not counted above" : "" | sort
  close(sort)
  exit 100 * covered / all < min
}
endef
export COVER_AWK

# Kafka Streams' own results, which the tests compare with and which are committed.
.PHONY: vectors
vectors: ## Write Kafka Streams' results for internal/streamsvectors again, in a minute; needs Java 17 and Maven
	@cd internal/streamsvectors/java && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib && \
		java -cp "target/classes:target/lib/*" Main ../testdata

.PHONY: cover
cover: ## Run the tests; print what they cover of each tree and package, and fail below 85 % (COVER_MIN)
	@mkdir -p coverage; low=; for tree in $(COVER_TREES); do \
		go test -coverprofile=coverage/$$tree.out -coverpkg=./$$tree/... $(TESTFLAGS) ./$$tree/... >coverage/$$tree.log 2>&1 || \
			{ cat coverage/$$tree.log; exit 1; }; \
		awk -v tree=$$tree -v module="$$(go list -m)" -v apart='$(COVER_APART)' -v min=$(COVER_MIN) "$$COVER_AWK" coverage/$$tree.out || \
			low="$$low $$tree"; \
	done; [ -z "$$low" ] || { echo "below $(COVER_MIN) %:$$low" >&2; exit 1; }

.PHONY: run
run: ## Run the RSS app, with ARGS
	@go run ./apps/rss-articles $(ARGS)

.PHONY: screens
screens: ## Make the pictures of the README anew; needs Chromium
	@MILLRACE_SCREENS=$(CURDIR)/docs/images go test -count=1 -run TestScreens ./apps/rss-articles/internal/e2e

.PHONY: kafka-up
kafka-up: ## Start a three-broker Kafka on this machine, and print its addresses
	@$(KAFKA) up

.PHONY: kafka-down
kafka-down: ## End that Kafka and remove its data
	@$(KAFKA) down
