"""The numbers, as text by name, that fill the sentences about two readings.

The reader's words are in them as typed, not yet escaped.
"""

from __future__ import annotations

import numpy as np

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.word_order import APART, WordOrderResult
from attnviz.figures import encoding
from attnviz.figures.units import Numbers, as_text
from attnviz.lessons.template import fill
from attnviz.pages.whatif import analysis
from attnviz.pages.whatif.analysis import BeforeAfter, Values
from attnviz.pages.whatif.lesson import content

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def tiny(value: encoding.Number) -> str:
    """Write a number that may be very small: `2.2 × 10⁻¹⁶`, else as in any sentence."""
    if value == 0 or abs(value) >= 1e-3:
        return as_text(value) if value else "0"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(SUPERSCRIPTS)}"


def token(reading: InterventionResult, at: int) -> str:
    """Return a token of the text as a sentence names it."""
    return encoding.label(reading.tokens[at].text)


def key(reading: InterventionResult, at: int) -> str:
    """Return a key token as a sentence names it."""
    return encoding.label(reading.keys[at].text)


def next_name(text: str) -> str:
    """Return a token of the vocabulary as a sentence names it: without its blank, unless it has nothing else."""
    return encoding.label(text.strip() or text)


def sentence(pair: BeforeAfter, at: int, values: Values) -> Numbers:
    """Return the gaps of an experiment's sentences."""
    before, after, dim = pair.before, pair.after, pair.before.mix.shape[2]
    heads = len(before.weights[pair.layer])
    numbers = {
        "token": token(before, at), "layer": str(pair.layer), "head": str(pair.number), "heads": str(heads), "dim": str(dim),
        "root": as_text(dim**0.5), "joint": str(heads * dim), "n": str(len(before.tokens)), "m": str(len(after.keys)),
        **_rows(pair, at), **_states(pair, at), **_heads(pair, at), **(_compared(pair, at) if pair.comparable else {}),
    }  # fmt: skip
    numbers |= {name: values[name] for name in ("width", "stride") if name in values}
    if "temperature" in values:
        divisor = float(values["temperature"]) * (dim**0.5 if values["divide"] == "on" else 1.0)
        numbers["divisor"] = "nothing" if divisor == 1.0 else as_text(divisor)
    if "zeroed" in values:
        numbers |= _zeroed(pair, at, int(values["zeroed"]))
    numbers["where"] = fill(content()["where"][values["where"]], numbers)
    return numbers


def _rows(pair: BeforeAfter, at: int) -> Numbers:
    """Return the numbers of the token's row, and of all rows."""
    plain, changed, seen = pair.weights_before, pair.weights_after, pair.after.seen[at]
    best, best_after = int(np.argmax(plain[at])), int(np.argmax(changed[at]))
    bits, bits_after = analysis.entropies(plain), analysis.entropies(changed)
    return {
        "best": key(pair.before, best), "top": encoding.three(plain[at, best]), "best_after": key(pair.after, best_after),
        "top_after": encoding.three(changed[at, best_after]), "bits": as_text(bits[at]), "bits_after": as_text(bits_after[at]),
        "mean": as_text(bits.mean()), "mean_after": as_text(bits_after.mean()), "even": as_text(np.log2(max(seen.sum(), 1))),
        "spread": as_text(analysis.score_std(pair.before, pair.number)),
        "spread_after": as_text(analysis.score_std(pair.after, pair.head_after)),
        "slope": encoding.three(analysis.softmax_slope(float(plain[at, best]))),
        "slope_after": encoding.three(analysis.softmax_slope(float(changed[at, best_after]))),
    }  # fmt: skip


def _states(pair: BeforeAfter, at: int) -> Numbers:
    """Return how the token's state and the model's prediction change."""
    drift = analysis.state_change(pair)[:, at]
    numbers = {
        "drift": encoding.percent(drift[pair.layer + 1], 1), "drift_end": encoding.percent(drift[-1], 1),
        "cosine": encoding.three(analysis.sentence(pair)), "elsewhere": encoding.percent(analysis.next_token_change(pair), 1),
    }  # fmt: skip
    for name, reading in (("", pair.before), ("_after", pair.after)):
        if reading.likely:
            numbers |= {
                f"next{name}": next_name(reading.likely[0].text),
                f"share{name}": encoding.three(reading.likely[0].share),
            }
    return numbers


def _heads(pair: BeforeAfter, at: int) -> Numbers:
    """Compare this head with the others of its layer, as trained."""
    rows = pair.before.weights[pair.layer][:, at]  # [head, key]
    bits, adds = analysis.entropies(rows), analysis.head_shares(pair.before, at)
    most = int(np.argmax(adds))
    return {
        "adds": encoding.percent(adds[pair.number], 1), "mosthead": str(most), "most": encoding.percent(adds[most], 1),
        "bits_least": as_text(bits.min()), "bits_most": as_text(bits.max()), "groups": str(pair.before.groups),
        "choices": _counted(len(set(rows.argmax(-1).tolist()))),
    }  # fmt: skip


def _counted(choices: int) -> str:
    """Count the tokens that are the top key of at least one row."""
    return "the same token" if choices == 1 else f"{choices} different tokens"


def _compared(pair: BeforeAfter, at: int) -> Numbers:
    """Return the numbers for two readings with the same keys."""
    outside, opened, gainer = analysis.newly_hidden(pair), analysis.newly_visible(pair), analysis.top_gain(pair, at)
    gain = {} if gainer is None else {
        "gainer": key(pair.after, gainer), "gain": encoding.signed(analysis.difference(pair)[at, gainer])
    }  # fmt: skip
    return {
        "outside": encoding.percent(outside[at], 1), "outside_all": encoding.percent(outside.mean(), 1),
        "opened": encoding.percent(opened[at], 1), "opened_all": encoding.percent(opened.mean(), 1),
        "open": str(int(pair.after.seen.sum())), "cells": str(int(pair.before.seen.sum())),
        "gained": fill(content()["gained"]["some" if gain else "none"], gain),
    }  # fmt: skip


def _zeroed(pair: BeforeAfter, at: int, place: int) -> Numbers:
    """Return the numbers of the token whose value is zero: its weight, its value's length, the most changed later layer."""
    values, moved = pair.before.values[pair.number], analysis.attention_change(pair)[pair.layer + 1 :]
    longest = int(np.argmax(values))
    far = {} if not len(moved) else {
        "far": str(pair.layer + 1 + int(np.argmax(moved))), "travelled": encoding.percent(moved.max(), 1)
    }  # fmt: skip
    return {
        "zeroed": key(pair.before, place), "weight": encoding.three(pair.weights_before[at, place]),
        "weight_after": encoding.three(pair.weights_after[at, place]),
        "mixed": encoding.percent(analysis.output_change(pair)[at], 1),
        "value": as_text(values[place]), "longest": key(pair.before, longest), "value_most": as_text(values[longest]),
        "further": fill(content()["further"]["some" if far else "none"], far),
    }  # fmt: skip


def formula(pair: BeforeAfter, values: Values) -> Numbers:
    """Return the gaps of an experiment's formula: plain digits, and no words of the reader."""
    heads, dim = len(pair.before.weights[pair.layer]), pair.before.mix.shape[2]
    own = {name: values[name] for name in ("temperature", "width", "stride") if name in values}
    numbers = {"dim": dim, "head": pair.number, "lasthead": heads - 1, "joint": heads * dim, "place": values.get("zeroed", "")}
    return {name: str(value) for name, value in numbers.items()} | own


def shuffle(found: WordOrderResult) -> Numbers:
    """Return the gaps of the experiment on word order."""
    return {
        "off": tiny(found.double.weights), "off_single": tiny(found.single.weights), "states": tiny(found.double.states),
        "compared": encoding.thousands(found.compared), "many": encoding.thousands(found.double.many),
        "apart": f"{APART:g}",
    }  # fmt: skip
