# make          builds ./seatrial
# make unit     the tests that need nothing but Go: no root, no network, no other program, half a minute
# make check    format, vet, staticcheck, dead code, vulnerabilities, generated files, layers
# make test     installs or builds what the tests need, runs them all, stops what they started
# make demo     a whole run in a temporary folder: forge, comment, run, verdict
# make demo-nomad    the same on a Nomad cluster: the one at NOMAD_ADDR, or an agent that is started
# make chaos-nomad   what can go wrong with runs on a cluster of three servers and two clients; a table
# make chaos-swarm   all mutants of Co-op Cloud recipes, and the harness and dockerd killed in each stage
# make truth    what the harness must find, and what it must not blame: a table of wanted and got
# make test-nomad    the dispatcher's contract and the faults on the Nomad at NOMAD_ADDR
# make bench    the figures of docs/reference/benchmarks.md, as ratios and counts
# make fuzz     each fuzz target for FUZZTIME

GO ?= go
FUZZTIME ?= 60s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: build unit check test demo demo-nomad chaos-nomad chaos-swarm truth test-nomad bench fuzz generate clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o seatrial .

demo: build
	./seatrial demo

demo-nomad: build
	dev/prepare nomad
	./seatrial demo --nomad

chaos-nomad:
	dev/prepare nomad
	dev/chaos-nomad

chaos-swarm:
	dev/prepare test
	SEATRIAL_SWARM_ALL=1 SEATRIAL_MUST=docker $(GO) test -v -timeout 40m -parallel 8 -run '^TestSwarm|KeepsItsEntries' ./e2e ./recipes/examples

truth:
	dev/prepare test
	dev/truth

test-nomad:
	dev/test-nomad

unit:
	SEATRIAL_MUST= $(GO) test -short ./...

check:
	dev/check

test:
	dev/prepare test
	dev/test

bench: build
	dev/prepare bench
	dev/bench

fuzz:
	dev/fuzz $(FUZZTIME)

generate:
	$(GO) generate ./...

clean:
	rm -rf seatrial .cache
