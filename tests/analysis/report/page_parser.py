"""A page taken apart with the standard parser, which also proves that its elements nest."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page taken apart: every tag with its attributes, and the text inside each element that was asked for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[tuple[str, list[str]]] = []
        self.inside: list[tuple[str, dict[str, str], str]] = []
        self.feed(html)
        self.close()

    _VOID = frozenset({"meta", "br", "line", "rect", "path"})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.append((tag, named))
        if tag not in self._VOID:
            self._open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data
        for _, pieces in self._open:
            pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        opened, pieces = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"
        attributes = next(attrs for name, attrs in reversed(self.tags) if name == tag)
        self.inside.append((tag, attributes, "".join(pieces)))

    def count(self, tag: str, css_class: str) -> int:
        return sum(name == tag and css_class in attrs.get("class", "").split() for name, attrs in self.tags)

    def texts(self, tag: str, css_class: str = "") -> list[str]:
        return [
            " ".join(text.split())
            for name, attrs, text in self.inside
            if name == tag and (not css_class or css_class in attrs.get("class", "").split())
        ]
