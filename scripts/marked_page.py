"""A page of documentation, part of which a script writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands before and behind the part."""

    begin: str
    end: str

    def rewritten(self, page: str, new: str) -> str:
        """The page with `new` between the marks. Raises ValueError where they are missing."""
        head, begin, rest = page.partition(self.begin)
        _, end, tail = rest.partition(self.end)
        if not begin or not end:
            raise ValueError(f"the page lacks the marks {self.begin} and {self.end}")
        return f"{head}{begin}\n\n{new}\n\n{end}{tail}"

    @property
    def empty(self) -> str:
        """A page with nothing but the marks."""
        return f"{self.begin}{self.end}"
