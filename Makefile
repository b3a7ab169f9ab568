# make demo   see it work on loopback: needs Go, make and ssh
# make test   all tests; with CI=true it first installs what the lab needs
# make soak   every kind of door over every kind of link, 100 times each, and
#             1,000 times by one-time tokens
# make scan   six port scans in order and six at random, on every kind of door
# make clients  before a release: some seventy real clients; writes doc/clients.md
# make bench  knockpipe and its alternatives side by side; draws doc/bench.svg. A fleet
#             is 100 hosts, or as many as FLEET says: FLEET=1000 make bench
# make lint   gofmt, vet, staticcheck, cross-builds
# make build  a static binary in ./knockpipe, whose -V names the commit
# make install  that, the manuals and the completions, below PREFIX (/usr/local)
# make dist   a release in dist/: archives, packages for Linux, SHA256SUMS; the same
#             source makes the same bytes. VERSION=v1.2.0 names it, else git does

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
PREFIX      ?= /usr/local
PROGRAM     ?= knockpipe
SYSTEMS     ?= darwin windows freebsd openbsd

# What is tested and checked is compiled as what is shipped is, so that Go compiles
# its library once for each system. Only the race detector needs cgo.
export CGO_ENABLED = 0
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)

all: build

build: VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
build:
	$(GO) build -ldflags='-s -w -X main.version=$(VERSION)' -o knockpipe .

# It builds nothing: "make build" comes first, and need not be root's.
install:
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/knockpipe
	install -m 644 doc/knockpipe.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 doc/knock_config.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 doc/knockpipe-server.7 $(DESTDIR)$(PREFIX)/share/man/man7/
	install -m 644 completions/knockpipe.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/knockpipe
	install -m 644 completions/_knockpipe $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	install -m 644 completions/knockpipe.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/

# Its time is SOURCE_DATE_EPOCH, else that of the last commit.
dist:
	rm -rf dist
	GO='$(GO)' $(GO) run ./internal/dist -o dist

demo:
	@$(GO) run ./examples/demo

# The lab is real programs in network namespaces. On a person's machine nothing
# is installed unasked: what is missing is skipped, by name.
ifeq ($(CI),true)
tools:
	sh internal/lab/install.sh
else
tools:
	@echo "The lab's tests need root and a few programs. Debian and Ubuntu: sudo sh internal/lab/install.sh"
endif

# The first run shows a line for each package and each test that was skipped, with
# its reason, or all there is if one failed. Its longest package comes first, so that
# the others run while that one waits. The second run, for data races, leaves
# the lab out on purpose. Nothing waits for the network while lint computes, and
# what lint has vetted needs no vet again.
test:
	@$(MAKE) --no-print-directory -j2 tools lint
	@out=$$(mktemp) && trap 'rm -f "$$out"' EXIT && echo "$(GO) test ./..." && \
	if $(GO) test -vet=off -v ./internal/e2e ./... >"$$out" 2>&1; \
	then grep -E '^ok|--- SKIP|skipping, ' "$$out"; \
	else cat "$$out"; exit 1; fi
	CGO_ENABLED=1 $(GO) test -vet=off -race -short ./...

soak: tools
	SOAK=100 $(GO) test -v -run 'TestMatrix$$' -count=1 -parallel 12 -timeout 60m ./internal/e2e
	SOAK=1000 $(GO) test -v -run TestMatrixToken -count=1 -parallel 24 -timeout 60m ./internal/e2e

clients: tools
ifeq ($(CI),true)
	sh internal/lab/install.sh clients
else
	@echo "The clients, on Debian and Ubuntu: sudo sh internal/lab/install.sh clients"
endif
	CLIENTS=doc/clients.md $(GO) test -v -run TestClients -count=1 -timeout 30m ./internal/e2e

scan: tools
	SCANS=6 $(GO) test -v -run TestRulesScan -count=1 -timeout 20m ./internal/e2e

bench:
	BENCH_SVG=doc/bench.svg $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m ./internal/e2e

lint:
	@echo gofmt; test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@for os in $(SYSTEMS); do echo "$$os: build and vet"; \
		GOOS=$$os $(GO) build -o /dev/null . && GOOS=$$os $(GO) vet ./... || exit 1; \
	done

.PHONY: all build install dist demo tools test soak scan clients bench lint
