# The two commands of the README, and what they are made of. Everything that needs more than a line is Rust,
# in xtask/.

CARGO ?= cargo
XTASK  = $(CARGO) run --quiet --locked --package xtask --

.PHONY: demo test bench check fix golden linker

# Rust calls `cc`, with C's own headers for the parts in C, before anything of Rust's can install anything.
linker:
	@if ! command -v cc > /dev/null || ! [ -e /usr/include/stdio.h ]; then \
		packages="gcc libc6-dev"; sudo=; \
		if [ "$$(id -u)" != 0 ]; then sudo="sudo -n"; fi; \
		echo "Installing: $$packages"; \
		{ $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends $$packages > /dev/null; } || \
			{ echo "A compiler for C is missing, and only root can install it: sudo apt-get install $$packages" >&2; exit 1; }; \
	fi

## Installs what is missing, builds, and shows the whole system at work with a real game and a real player.
demo: linker
	$(XTASK) setup demo
	$(CARGO) build --locked --package guildhall --package guildhall-agent
	$(CARGO) run --quiet --locked --package guildhall -- demo

## Installs what the tests need and runs everything that CI runs.
test: linker
	$(XTASK) setup test
	$(XTASK) check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings
	$(CARGO) deny --locked --log-level error check licenses bans sources
	$(CARGO) build --locked --workspace --bins
	$(CARGO) nextest run --locked --workspace --no-fail-fast

## Prints the figures of docs/SPECIFICATION.md.
bench: linker
	$(XTASK) setup demo
	$(CARGO) build --locked --release --package guildhall --package guildhall-agent
	$(CARGO) bench --locked --package guildhall --bench figures

## The checks that need no running of tests.
check: linker
	$(XTASK) check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings

fix:
	$(CARGO) fmt --all

## Writes the generated papers anew: docs/openapi.json, docs/operations.md and their like.
golden:
	UPDATE_GOLDEN=1 INSTA_UPDATE=always $(CARGO) nextest run --locked --workspace -E 'test(golden)'
