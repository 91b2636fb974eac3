# The two commands of the README, and what they are made of. Everything that needs more than a line is Rust,
# in xtask/.

CARGO ?= cargo
XTASK  = $(CARGO) run --quiet --locked --package xtask --

.PHONY: demo test bench check fix golden

## Installs what is missing, builds, and shows the whole system at work with a real game and a real player.
demo:
	$(XTASK) setup demo
	$(CARGO) build --locked --package guildhall --package guildhall-agent
	$(CARGO) run --quiet --locked --package guildhall -- demo

## Installs what the tests need and runs everything that CI runs.
test:
	$(XTASK) setup test
	$(XTASK) check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings
	$(CARGO) deny --locked --log-level error check licenses bans sources
	$(CARGO) build --locked --workspace --bins
	$(CARGO) nextest run --locked --workspace --no-fail-fast

## Prints the figures of docs/SPECIFICATION.md.
bench:
	$(XTASK) setup demo
	$(CARGO) build --locked --release --package guildhall --package guildhall-agent
	$(CARGO) bench --locked --package guildhall --bench figures

## The checks that need no running of tests.
check:
	$(XTASK) check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings

fix:
	$(CARGO) fmt --all

## Writes the generated papers anew: docs/openapi.json, docs/operations.md and their like.
golden:
	UPDATE_GOLDEN=1 INSTA_UPDATE=always $(CARGO) nextest run --locked --workspace -E 'test(golden)'
