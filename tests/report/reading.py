"""A page as its reader sees it."""

from __future__ import annotations

from html.parser import HTMLParser

from spikedtp.report import write_report


class Page(HTMLParser):
    """Tags with their attributes, text by tag, and the cells of every row."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text, self.rows, self._open = [], "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" in self._open:
            return
        self.text += data
        if {"td", "th"} & {*self._open}:
            self.rows[-1][-1] += data

    def pictures(self) -> dict[str, str]:
        return {attributes["alt"]: attributes["src"] for tag, attributes in self.tags if tag == "img"}


def read(folder) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))
