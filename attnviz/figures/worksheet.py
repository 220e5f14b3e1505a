"""A worksheet as HTML: a picture without its answers, questions with room to write, and the answers on a page of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from attnviz.analysis.questions import SheetQuestion
from attnviz.figures import encoding

CSS = f"""
.worksheet {{ max-width: 680px; color: var(--ink); font: 14px/1.4 {encoding.FONT}; }}
.worksheet h2 {{ margin: 0; padding: 0; font-size: 22px; line-height: 1.3; font-weight: 600; }}
.worksheet p {{ margin: 0; }}
.worksheet .about {{ color: var(--mute); font-size: 13px; }}
.worksheet .who {{ display: flex; gap: 8px; margin: 12px 0 8px; }}
.worksheet .who span {{ flex: 1; border-bottom: 1px solid var(--mute); }}
.worksheet .who span + b {{ margin-left: 16px; }}
.worksheet .who b {{ font-weight: 400; }}
.worksheet .who :last-child {{ flex: 0 0 150px; }}
.worksheet .sentence {{ margin: 4px 0; font: 21px/1.45 {encoding.SENTENCE_FONT}; overflow-wrap: anywhere; }}
.worksheet .sentence b {{ font: 600 13px/1 {encoding.FONT}; vertical-align: 3px; margin-inline-end: 8px; }}
.worksheet .spaced {{ word-spacing: .3em; padding-top: 64px; }}
.worksheet .pictures {{ display: flex; flex-wrap: wrap; gap: 12px 24px; margin: 6px 0 2px; }}
.worksheet .pictures > * {{ flex: 1 1 300px; }}
.worksheet figure {{ margin: 0; break-inside: avoid; }}
.worksheet figcaption {{ margin-bottom: 4px; font-size: 13px; font-weight: 600; }}
.worksheet .note {{ color: var(--mute); font-size: 13px; }}
.worksheet .key {{ display: flex; gap: 24px; align-items: center; }}
.worksheet .scale {{ flex: 0 0 180px; margin: 6px; font-size: 11px; color: var(--mute); }}
.worksheet .scale i {{ display: block; height: 10px; border: 1px solid var(--line); }}
.worksheet .scale span {{ position: relative; display: block; height: 16px; }}
.worksheet .scale small {{ position: absolute; transform: translateX(-50%); }}
.worksheet ol {{ margin: 8px 0 0; padding: 0 0 0 24px; }}
.worksheet li {{ margin: 0 0 8px; padding: 0 0 0 4px; break-inside: avoid; }}
.worksheet li:last-child {{ margin: 0; }}
.worksheet .rule {{ display: block; height: 25px; border-bottom: 1px solid var(--line); }}
.worksheet.answers {{ margin-top: 32px; padding-top: 16px; border-top: 1px solid var(--line); break-before: page; }}
.worksheet.answers .asked {{ color: var(--mute); font-size: 13px; }}
.worksheet .terms {{ display: grid; grid-template-columns: minmax(0, 170px) minmax(0, 1fr); gap: 8px 24px; }}
.worksheet .terms p {{ white-space: pre-wrap; }}
@media print {{ .worksheet.answers {{ margin: 0; padding: 0; border: 0; }} .worksheet .rule {{ border-color: #9BA6B5; }} }}
"""


@dataclass(frozen=True)
class Picture:
    """A picture as HTML, all text in it escaped, with a caption in plain text."""

    html: str
    caption: str = ""


@dataclass(frozen=True)
class Sheet:
    """A worksheet: plain texts and pictures. `spaced` leaves room to draw above the sentence; `scaled` shows the colours."""

    title: str
    about: str
    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    questions: tuple[SheetQuestion, ...]
    note: str = ""
    spaced: bool = False
    scaled: bool = True


def html(sheet: Sheet, answers: bool) -> str:
    """Return the sheet as HTML, with its style; with `answers`, also their page."""
    lines = "".join(f"<li><p>{escape(one.text)}</p>{'<i class=rule></i>' * one.lines}</li>" for one in sheet.questions)
    figures = "".join(
        f"<figure>{f'<figcaption>{escape(one.caption)}</figcaption>' if one.caption else ''}{one.html}</figure>"
        for one in sheet.pictures
    )
    pictures = f'<div class="pictures">{figures}</div>' if figures else ""
    note = f'<p class="note">{escape(sheet.note)}</p>' if sheet.note else ""
    scale = _scale() if sheet.scaled and figures else ""
    first = (
        f'<article class="worksheet"><h2>{escape(sheet.title)}</h2><p class="about">{escape(sheet.about)}</p>'
        f'<div class="who"><b>Name</b><span></span><b>Date</b><span></span></div>{_sentences(sheet, sheet.spaced)}'
        f'{pictures}<div class="key">{scale}{note}</div><ol>{lines}</ol></article>'
    )
    return f"<style>{CSS}</style>{first}{_answers(sheet) if answers else ''}"


def _answers(sheet: Sheet) -> str:
    """Return the page of answers."""
    lines = "".join(f'<li><p class="asked">{escape(one.text)}</p><p>{escape(one.answer)}</p></li>' for one in sheet.questions)
    return (
        f'<article class="worksheet answers"><h2>Answers: {escape(sheet.title)}</h2><p class="about">{escape(sheet.about)}. '
        f"Every number is the model’s own.</p>{_sentences(sheet, False)}<ol>{lines}</ol></article>"
    )


def _sentences(sheet: Sheet, spaced: bool) -> str:
    """Return the sentences, numbered if there are several."""
    many, name = len(sheet.sentences) > 1, "sentence spaced" if spaced else "sentence"
    return "".join(
        f'<p class="{name}" dir="auto">{f"<b>{at}</b>" if many else ""}{escape(encoding.visible(text))}</p>'
        for at, text in enumerate(sheet.sentences, start=1)
    )


def _scale() -> str:
    """Return the colours of weights with their ticks."""
    count = 16
    colours = ",".join(
        encoding.weight_colour((at / (count - 1)) ** (1 / encoding.EXPONENT), encoding.LIVE.name) for at in range(count)
    )
    ticks = "".join(
        f'<small style="left:{100 * encoding.ramp_position(value):.1f}%">{encoding.tick(value)}</small>'
        for value in encoding.LEGEND
    )
    return f'<div class="scale"><i style="background:linear-gradient(to right,{colours})"></i><span>{ticks}</span></div>'


def listed(rows: Sequence[tuple[str, str]]) -> str:
    """Return rows of two texts as HTML. Text is escaped."""
    return f'<div class="terms">{"".join(f"<p>{escape(left)}</p><p>{escape(right)}</p>" for left, right in rows)}</div>'
