"""The board of a trace: its bytes (`frame`, `sheet`, `layer`), its source, or a whole page that needs no server."""

from __future__ import annotations

from attnviz.board.frame import digest, frame, is_whole, layer, layer_sheet, outline, sheet
from attnviz.board.page import page
from attnviz.board.source import source
from attnviz.board.tray import listed

__all__ = ["digest", "frame", "is_whole", "layer", "layer_sheet", "listed", "outline", "page", "sheet", "source"]
