# make          builds ./seatrial
# make test     installs or builds what the tests need, runs them, stops what they started
# make demo     a whole run in a temporary folder: forge, comment, run, verdict
# make bench    the figures of docs/reference/benchmarks.md, as ratios and counts
# make fuzz     each fuzz target for FUZZTIME

GO ?= go
FUZZTIME ?= 60s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: build test demo bench fuzz generate clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o seatrial .

demo: build
	./seatrial demo

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
