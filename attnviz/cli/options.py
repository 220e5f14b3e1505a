"""Add options that several commands share."""

from __future__ import annotations

import argparse

from attnviz.view_state import SPECIAL


def add_text(parser: argparse.ArgumentParser) -> None:
    """Add the text that is read."""
    parser.add_argument("text", metavar="TEXT", help="the text, or - to read it from standard input")


def add_second_text(parser: argparse.ArgumentParser) -> None:
    """Add `--text-b`."""
    parser.add_argument("--text-b", metavar="T", help="a second sentence, or the target text of an encoder-decoder")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, of the catalogue or in a folder."""
    parser.add_argument(
        "--model", default="minilm", metavar="M", help="a model of the catalogue, or a folder such as ./my-model"
    )


def add_chat(parser: argparse.ArgumentParser) -> None:
    """Add `--chat`."""
    parser.add_argument("--chat", action="store_true", help="read the text as a user's message in the model's chat template")


def add_block(parser: argparse.ArgumentParser) -> None:
    """Add `--block`."""
    parser.add_argument("--block", metavar="B", help="encoder, decoder or cross, for models that have them")


def add_special(parser: argparse.ArgumentParser) -> None:
    """Add `--special`."""
    parser.add_argument(
        "--special", choices=SPECIAL, default="show", help="special tokens: shown, hidden, or hidden and rows rescaled"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add `-o`."""
    parser.add_argument("-o", "--output", metavar="FILE", help="the file to write (default: standard output)")
