"""Help pages as click lays them out, in languages whose letters are two cells wide, too."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import click

from resonance_tui.texts import mark, tr

KEPT_LINES = "\b\n"  # click's sign before a paragraph that it shall not wrap
# What click itself says on a page.
CLICKS = (mark("Usage:"), mark("Options"), mark("Show this message and exit."))


def is_wide(text: str) -> bool:
    """Whether it takes another number of cells than it has letters."""
    if text.isascii():
        return False
    from resonance_tui.widths import cells

    return cells(text) != len(text)


class HelpPage(click.HelpFormatter):
    """Click's, which counts letters where it wraps, and speaks English."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or f"{tr(CLICKS[0])} ")

    @contextmanager
    def section(self, name: str) -> Generator[None]:
        with super().section(tr(name)):
            yield

    def write_text(self, text: str) -> None:
        if not is_wide(text):
            super().write_text(text)
            return
        from resonance_tui.widths import wrap

        indent = " " * self.current_indent
        for index, paragraph in enumerate(text.split("\n\n")):
            lines = paragraph.removeprefix(KEPT_LINES).split("\n")
            if lines and not paragraph.startswith(KEPT_LINES):
                lines = wrap(paragraph, self.width - self.current_indent)
            self.write("\n" if index else "")
            self.write("".join(f"{indent}{line}\n" for line in lines))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        said = [(name, tr(text) if text in CLICKS else text) for name, text in rows]
        if not any(is_wide(text) for _, text in said):
            super().write_dl(said, col_max, col_spacing)
            return
        from resonance_tui.widths import wrap

        column = min(max(len(name) for name, _ in said), col_max) + col_spacing
        indent = " " * self.current_indent
        for name, text in said:
            lines = wrap(text, max(self.width - self.current_indent - column, 10))
            if len(name) > column - col_spacing:
                lines = ["", *lines]
            head, *rest = lines or [""]
            self.write(f"{indent}{name:<{column}}{head}".rstrip() + "\n")
            self.write("".join(f"{indent}{'':<{column}}{line}\n" for line in rest))


class HelpContext(click.Context):
    """Of every command: its pages are `HelpPage`."""

    formatter_class = HelpPage
