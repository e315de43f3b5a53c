# Two commands: `make demo` sets up and audits this machine, `make test` sets up and runs the tests. Both change nothing beyond packages and .build.
SHELL := /bin/bash
SWIFT ?= swift
# A start is a good part of what a short command takes, and the dynamic loader a good part of that: libstdc++ and libgcc go
# into the binary, and libxml2, which is opened when a document is read, is not named in it.
LINK := $(CURDIR)/.build/link
# 58,000 relocations in 13 KiB rather than 1.4 MiB, where the C library can read them so (glibc 2.36); and no names, which are
# as long as the code: a cold start reads the file from the disk.
RELR := $(shell printf '2.36\n%s\n' "$$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)" | sort -V -C \
  && echo -Xlinker -z -Xlinker pack-relative-relocs)
# No library is looked for beside the binary: what lies there is not always ours.
RELEASE := -c release --product nearmetal --static-swift-stdlib --disable-local-rpath --pkg-config-path $(LINK) \
  -Xlinker -L$(LINK) -Xswiftc -Xclang-linker -Xswiftc -static-libgcc -Xlinker --no-export-dynamic \
  -Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker --icf=safe -Xlinker --strip-all $(RELR)
TOOL := .build/release/nearmetal
SECONDS ?= 60

.PHONY: help demo build test test-crash test-host test-images test-peer test-lab setup-lab lint format fuzz bench bench-image setup-build setup-test clean werror install

help:
	@printf '%s\n' \
	  'make demo             install what is missing, build, audit the example estate and this machine' \
	  'make test             install what is missing, build, run every test' \
	  'make test-crash       kill processes that change things, KILLS=2500 times' \
	  'make test-host        change real settings of this machine and put them back (root)' \
	  'make test-images      images changed by QEMU and ours in turn, power cuts: STEPS=1000 CUTS=400 SEED=1' \
	  'make test-peer        QEMU'"'"'s own image tests, with ours as qemu-img (root)' \
	  'make test-lab         change a whole emulated host, reboot it, roll back, compare (root)' \
	  'make build            the release binary: $(TOOL)' \
	  'make lint             formatting and documentation, strictly' \
	  'make werror           the release build, in which warnings are errors' \
	  'make bench            guests per second, beside virt-xml-validate' \
	  'make bench-image     image commands, beside qemu-img' \
	  'make fuzz SECONDS=60  fuzz every parser' \
	  'make install          binary, manual pages, completions below PREFIX (/usr/local)'

setup-build:
	@scripts/setup build

setup-test:
	@scripts/setup test

setup-lab:
	@scripts/setup lab

$(LINK): Makefile
	@mkdir -p $(LINK)
	@ln -sf "$$(clang -print-file-name=libstdc++.a)" $(LINK)/libstdc++.a
	@printf 'Name: libxml2\nDescription: headers only\nVersion: %s\nCflags: %s\n' \
	  "$$(pkg-config --modversion libxml-2.0)" "$$(pkg-config --cflags libxml-2.0)" > $(LINK)/libxml-2.0.pc
	@touch $(LINK)

build: setup-build $(LINK)
	$(SWIFT) build $(RELEASE)

demo: build
	@printf '\n== The example estate: nearmetal check --example\n\n'
	@$(TOOL) check --example --fail-on never
	@printf '\n== This machine: nearmetal check\n\n'
	@$(TOOL) check --fail-on never

# What is tested is optimized, as what is installed: images and thousands of guests take long otherwise. Objects lie beside those of
# `swift build`, which make up for it where one file is changed at a time (CONTRIBUTING.md).
TESTED := --scratch-path .build/tested -c release

test: setup-test
	NEARMETAL_TESTED=1 $(SWIFT) build $(TESTED) --build-tests
	NEARMETAL_TESTED=1 $(SWIFT) test $(TESTED) --skip-build

# Kills processes that change things, thousands of times, and changes many random hosts; `make test` does a short form.
KILLS ?= 2500
TREES ?= 500
test-crash: setup-test
	NEARMETAL_TESTED=1 $(SWIFT) build $(TESTED) --build-tests
	NEARMETAL_TESTED=1 NEARMETAL_KILLS=$(KILLS) NEARMETAL_TREES=$(TREES) $(SWIFT) test $(TESTED) --skip-build --filter 'CrashTests|ChangingTests/kills|WholeHostTests'

# Images that this engine and QEMU change in turn, and power that is cut, for longer and with numbers of SEED; `make test` does a short form.
STEPS ?= 1000
CUTS ?= 400
SEED ?= 1
test-images: setup-test
	NEARMETAL_TESTED=1 $(SWIFT) build $(TESTED) --build-tests
	NEARMETAL_TESTED=1 NEARMETAL_STEPS=$(STEPS) NEARMETAL_CUTS=$(CUTS) NEARMETAL_SEED=$(SEED) $(SWIFT) test $(TESTED) --skip-build \
	  --filter 'DiskImageTests.(Differential|Structure|PowerCut|ForeignFormat|Encryption)Tests|RandomImageTests'

# Changes real settings of this machine, and puts them back.
test-host: build
	@scripts/test-host $(TOOL)

# QEMU's own image tests with ours in place of qemu-img; SOURCE names a QEMU source tree, else Debian's is downloaded.
test-peer: build
	@scripts/setup test
	@scripts/test-peer $(TOOL) $(PEER_TESTS)

# Changes a whole host in an emulated machine (scripts/lab), which is built once, in some minutes.
test-lab: build setup-lab
	@scripts/test-lab $(TOOL)

lint:
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests Plugins

werror: setup-build $(LINK)
	WARNINGS_AS_ERRORS=1 $(SWIFT) build $(RELEASE)

format:
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests Plugins

bench: build
	@scripts/setup test
	@scripts/bench $(TOOL)

fuzz: setup-build
	@if [ -x Fuzz/run ]; then Fuzz/run $(SECONDS); else echo 'fuzz: the fuzz package is not there yet' >&2; exit 2; fi

# Image commands beside qemu-img's; PAIRS of runs each, on an image of SIZE GiB.
PAIRS ?= 5
bench-image: build
	@scripts/setup test
	@scripts/bench-image $(TOOL) $(PAIRS)

PREFIX ?= /usr/local
install: build
	install -Dm755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/nearmetal
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(TOOL) --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/nearmetal
	$(TOOL) --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_nearmetal
	$(TOOL) --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/nearmetal.fish
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m644 Documentation/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m644 Documentation/*.5 $(DESTDIR)$(PREFIX)/share/man/man5

clean:
	$(SWIFT) package clean
