"""Stored sentences in the language of a report: every one that the analysis can write has a form, in every language."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
import yaml

import analysis
from analysis.causes.cause import Cause
from analysis.causes.hypotheses import would_change
from analysis.ledger import Entry
from analysis.report import bounds, catalogue
from analysis.report.catalogue import load
from analysis.report.quoted import in_words

FOLDER = Path(analysis.__file__).parent
CAUSES = (
    *("clock", "contrast", "harbingers", "onset", "plant", "power", "recorder"),
    *("recovery", "residual", "silence", "targeting", "topology"),
)
WRITERS = (
    *sorted(FOLDER.glob("rules/*.py")),
    *(FOLDER / "causes" / f"{name}.py" for name in CAUSES),
    *(FOLDER / name for name in ("ledger.py", "collapse.py", "states.py", "claims/weigh.py")),
)
EXAMPLES = yaml.safe_load(Path(__file__).with_name("sentences-ru.yaml").read_text(encoding="utf-8"))
NO_SENTENCES = (
    "captcha|attention",  # a pattern for titles
    "cannot be said",  # an outcome of a claim: the catalogue's own word
)
OTHERS = [language for language in catalogue.languages() if language != "en"]
SAMPLES = {"int": "7", "time": "2011-12-16T09:00:00Z", "cause": "damage", "counts": "dark 3, ok 12"}


@cache
def forms() -> dict[str, str]:
    return dict(load("en").under("said"))


def fixed_parts(path: Path) -> list[str]:
    """Give what stands fixed in every text of a module that reads like words, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in left_out
        and len(re.findall(r"[A-Za-z']{2,}", node.value)) > 1
        and " " in node.value.strip()
        and not node.value.startswith(NO_SENTENCES)
    ]


def sample(kind: str, name: str) -> str:
    """Give something for a place of a form; a sentence is another form's."""
    if kind == "said":
        return "all that it is made of stands here" if name == "none" else "Nothing was measured"
    return SAMPLES.get(kind, f"<{name}>")


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: path.stem)
def test_every_text_in_the_analysis_stands_in_a_form(path: Path) -> None:
    """A sentence that is new, or was changed, is missed here until every language has it."""
    known = [re.sub(r"\{[^}]*\}", "\0", text) for text in forms().values()]
    for part in fixed_parts(path):
        clauses = [clause for clause in re.split(r"[.;:,] |[.;:,]$|^[;:,] | \(|\)", part) if clause.strip()]
        for clause in clauses:
            assert any(clause.strip() in text for text in known), (path.name, part)


@pytest.mark.parametrize("language", OTHERS)
def test_every_form_says_all_that_the_english_one_says(language: str) -> None:
    words = load(language)
    told = dict(words.under("said"))
    for key, text in forms().items():
        places = [(name, kind or "") for _, name, kind, _ in Formatter().parse(text) if name]
        assert {name for _, name, _, _ in Formatter().parse(told[key]) if name} == {name for name, _ in places}
        values = {name: sample(kind, name) for name, kind in places}
        written = re.sub(r"\{(\w+)[^}]*\}", lambda match, values=values: values[match[1]], text)
        said = in_words(written, words)
        assert said.is_said, written
        assert said.text != written, key
        for name, kind in places:
            assert kind in {"said", "cause", "counts"} or values[name] in said.text, (key, said.text)


@pytest.mark.parametrize("language", catalogue.languages())
@pytest.mark.parametrize("cause", list(Cause))
def test_every_sentence_on_what_would_change_is_known(cause: Cause, language: str) -> None:
    """All that the analysis can write: for one vantage and two, one network and two, with and without each witness."""
    words = load(language)
    kinds = ["", "recorder.hops", "modem.data_refused", "plant.contrast", "residual.name_rule", "pairs.selective.sni"]
    for kind in kinds:
        entries = [Entry("B", kind, 0.0, (), "")] if kind else []
        for vantages, networks in ((["v1"], 1), (["v1", "v2"], 2)):
            for text in would_change(cause, entries, vantages, networks):
                said = in_words(text, words)
                assert said.is_said, text
                assert "v1" in said.text or "v1" not in text
                assert (said.text == text) == (language == "en"), text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["stored"][:20])
def test_sentences_are_taken_apart(example: dict[str, str]) -> None:
    assert in_words(example["stored"], load("ru")).text == example["said"]


@pytest.mark.parametrize("text", ["Something new.", "Nothing was measured. Something new.", "x and y", ""])
def test_what_is_not_known_is_quoted_whole_and_said_to_be(text: str) -> None:
    assert in_words(text, load("en")).is_said
    said = in_words(text, load("ru"))
    assert (said.text, said.is_said) == (text, False)


@pytest.mark.parametrize(
    "text",
    [
        "Nothing was measured. " * 400,
        "none; " * 5000,
        "In 1 measurement(s): " * 200,
        "a, b: " * 300,
        " and ".join(["name x"] * 200),
        "x s, earlier " * 120,
        "a " * 790,
        "The platform has no such video for anybody (" * 30,
    ],
)
def test_no_text_takes_long_or_grows(text: str) -> None:
    shown = in_words(text, load("ru")).text
    assert len(shown) <= 4 * bounds.LONG_TEXT_CHARS + 20


def test_what_the_network_wrote_is_made_harmless_in_a_sentence_too() -> None:
    said = in_words("The platform has no such video for anybody (ERROR: \u202egone\x1b[31m).", load("kk"))
    assert said.is_said
    assert "<U+202E>" in said.text
    assert "\x1b" not in said.text
