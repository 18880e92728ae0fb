"""A bundle that was made is whole; whatever is done to it afterwards is named in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.bundle import bag as bags
from analysis.bundle.bag import MANIFEST, SIGNATURE, TAG_MANIFEST, write_bag
from analysis.bundle.make import make_bundle
from analysis.bundle.payload import Choice
from analysis.bundle.signing import make_key, public_of, read_key, sign
from analysis.bundle.verify import verify_bundle
from nameblind.cli import main
from probe.errors import UserError
from probe.store.database import Database
from probe.store.models import FACTS
from tests.analysis.report.zhanaozen_2011 import zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable

ENGLISH = Choice(languages=("en",))
CLAIMS = sorted((Path(__file__).parents[3] / "examples" / "claims").glob("*.yaml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, two keys and a signed bundle."""
    folder = tmp_path_factory.mktemp("made")
    rows = [row for row in zhanaozen_rows() if isinstance(row, FACTS)]
    with Database.open(str(folder / "results.db"), create=True) as database:
        for vantage in ("almaty-fixed", "sentinel-helsinki"):
            database.append(vantage, [row for row in rows if getattr(row, "vantage_id", None) == vantage])
        make_key(folder / "key.pem")
        make_key(folder / "other.pem")
        make_bundle(database, folder / "bundle", ENGLISH, read_key(folder / "key.pem"), CLAIMS)
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "bundle", tmp_path / "bundle")


def public(made: Path, name: str = "key.pem") -> str:
    return public_of(read_key(made / name))


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def forge(bundle: Path) -> None:
    """Write every manifest anew, as a forger would who has no key."""
    (bundle / SIGNATURE).unlink(missing_ok=True)
    write_bag(bundle, "nameblind", None)


def test_a_bundle_that_was_left_alone_is_whole_and_says_who_signed(made: Path) -> None:
    found = verify_bundle(made / "bundle", public(made))
    assert found.signed_by == public(made)
    assert set(found.chains) == {"almaty-fixed", "sentinel-helsinki"}
    assert found.recomputed > 10
    assert not found.not_recomputed


def test_it_holds_what_both_sides_said_and_what_became_of_it(made: Path) -> None:
    data = made / "bundle" / "data"
    assert [path.read_bytes() for path in sorted((data / "claims").iterdir())] == [path.read_bytes() for path in CLAIMS]
    weighed = json.loads((data / "claims.json").read_bytes())
    assert len(weighed) == len(CLAIMS) == 2
    page = (data / "report" / "en" / "nameblind-report.html").read_text()
    assert all(one["who"] in page for one in weighed)


def test_the_same_facts_and_key_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    with Database.open(str(made / "results.db")) as database:
        make_bundle(database, tmp_path / "again", ENGLISH, read_key(made / "key.pem"), CLAIMS)
    files = [path.relative_to(made / "bundle") for path in (made / "bundle").rglob("*") if path.is_file()]
    assert len(files) > 15
    assert all((tmp_path / "again" / path).read_bytes() == (made / "bundle" / path).read_bytes() for path in files)


def test_an_unsigned_bundle_is_whole_and_says_so(made: Path, bundle: Path) -> None:
    forge(bundle)
    assert verify_bundle(bundle).signed_by is None
    with pytest.raises(UserError, match="signed by nobody, not by"):
        verify_bundle(bundle, public(made))


def flip(bundle: Path) -> None:
    edit(bundle / "data" / "results.db", lambda raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:])


def add_file(bundle: Path) -> None:
    (bundle / "data" / "more.txt").write_text("more")


def add_tag_file(bundle: Path) -> None:
    (bundle / "run.sh").write_text("more")


def remove_file(bundle: Path) -> None:
    (bundle / "data" / "conclusions.json").unlink()


def remove_manifest(bundle: Path) -> None:
    (bundle / MANIFEST).unlink()


def forge_manifest(bundle: Path) -> None:
    edit(bundle / MANIFEST, lambda raw: raw.replace(raw[:4], b"abcd", 1))


def forge_both_manifests(bundle: Path) -> None:
    signature = (bundle / SIGNATURE).read_bytes()
    add_file(bundle)
    forge(bundle)
    (bundle / SIGNATURE).write_bytes(signature)


def remove_signature(bundle: Path) -> None:
    (bundle / SIGNATURE).unlink()


def spoil_signature(bundle: Path) -> None:
    (bundle / SIGNATURE).write_text('{"algorithm": "ed25519"}')


def traverse(bundle: Path) -> None:
    edit(bundle / MANIFEST, lambda raw: raw + b"0" * 64 + b"  data/../../../etc/passwd\n")


def traverse_absolutely(bundle: Path) -> None:
    edit(bundle / MANIFEST, lambda raw: raw + b"0" * 64 + b"  /etc/passwd\n")


def garble(bundle: Path) -> None:
    edit(bundle / MANIFEST, lambda raw: b"\xff\xfe" + raw)


def link(bundle: Path) -> None:
    path = bundle / "data" / "conclusions.json"
    path.unlink()
    path.symlink_to("/etc/passwd")


def link_folder(bundle: Path) -> None:
    (bundle / "data" / "elsewhere").symlink_to("/etc")


def pipe(bundle: Path) -> None:
    os.mkfifo(bundle / "data" / "pipe")


def forge_row(bundle: Path) -> None:
    with closing(sqlite3.connect(bundle / "data" / "results.db")) as connection, connection:
        connection.execute("DROP TRIGGER observation_no_delete")
        connection.execute("DELETE FROM observation WHERE chain_seq = (SELECT max(chain_seq) FROM observation)")
    for path in (bundle / "data").glob("results.db-*"):
        path.unlink()
    forge(bundle)


def forge_conclusions(bundle: Path) -> None:
    edit(bundle / "data" / "conclusions.json", lambda raw: raw.replace(b'"blocked"', b'"ok"'))
    edit(bundle / "data" / "conclusions.json", lambda raw: raw + b" ")
    forge(bundle)


def forge_report(bundle: Path) -> None:
    edit(bundle / "data" / "report" / "en" / "nameblind-report.html", lambda raw: raw + b" ")
    forge(bundle)


def forge_claim(bundle: Path) -> None:
    """Put other words into somebody's mouth."""
    edit(bundle / "data" / "claims" / "01.yaml", lambda raw: raw.replace(b"quote:", b"quote: x", 1))
    forge(bundle)


def forge_weighing(bundle: Path) -> None:
    edit(bundle / "data" / "claims.json", lambda raw: raw.replace(b'"cannot be said"', b'"supported"') + b" ")
    forge(bundle)


def remove_claim(bundle: Path) -> None:
    (bundle / "data" / "claims" / "02.yaml").unlink()
    forge(bundle)


def spoil_claim(bundle: Path) -> None:
    (bundle / "data" / "claims" / "01.yaml").write_bytes(b"who: [")
    forge(bundle)


def forge_extra(bundle: Path) -> None:
    add_file(bundle)
    forge(bundle)


def forge_database(bundle: Path) -> None:
    (bundle / "data" / "results.db").write_bytes(b"no database")
    forge(bundle)


def forge_about(bundle: Path) -> None:
    (bundle / "data" / "bundle.json").write_text("[" * 5000)
    forge(bundle)


def other_rules(bundle: Path) -> None:
    about = json.loads((bundle / "data" / "bundle.json").read_bytes())
    about["versions"]["ruleset"] = "1900.1"
    (bundle / "data" / "bundle.json").write_text(json.dumps(about))
    forge(bundle)


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        (flip, "results.db' is not the file that the manifest names"),
        (add_file, "more.txt' is in the bundle and not in its manifest"),
        (add_tag_file, "run.sh' is in the bundle and not in its manifest"),
        (remove_file, "conclusions.json' is missing"),
        (remove_manifest, "manifest-sha256.txt is missing"),
        (forge_manifest, "manifest-sha256.txt is not the file that tagmanifest-sha256.txt names"),
        (forge_both_manifests, "does not fit tagmanifest-sha256.txt"),
        (remove_signature, "it was removed"),
        (spoil_signature, "no Ed25519 signature"),
        (traverse, "leads out of the bundle"),
        (traverse_absolutely, "leads out of the bundle"),
        (garble, "not UTF-8"),
        (link, "is a link"),
        (link_folder, "is a link"),
        (pipe, "is a link or no file"),
        (forge_row, "The facts are not as they were written"),
        (forge_conclusions, "conclusions.json' is not what its facts give"),
        (forge_report, "nameblind-report.html' is not what its facts give"),
        (forge_claim, "claims.json' is not what its facts give"),
        (forge_weighing, "claims.json' is not what its facts give"),
        (remove_claim, "is not what its facts give"),
        (spoil_claim, "01.yaml"),
        (forge_extra, "more.txt' does not follow from its facts"),
        (forge_database, "is not a results database"),
        (forge_about, "does not say how the bundle was made"),
        (other_rules, "were drawn with ruleset '1900.1'"),
    ],
)
def test_each_attack_is_named_in_one_sentence(
    bundle: Path, attack: Callable[[Path], None], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    attack(bundle)
    assert main(["verify", str(bundle)]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.strip().count("\n") == 0


def test_a_signature_of_another_key_is_named(made: Path, bundle: Path) -> None:
    content = (bundle / TAG_MANIFEST).read_bytes()
    (bundle / SIGNATURE).write_bytes(sign(read_key(made / "other.pem"), content))
    with pytest.raises(UserError, match=f"says it is signed by {public(made)}, and the signature is by"):
        verify_bundle(bundle)


def test_a_bundle_signed_anew_by_another_is_refused_where_the_key_is_known(made: Path, bundle: Path) -> None:
    other = read_key(made / "other.pem")
    signed = write_bag(bundle, "nameblind", public_of(other))
    (bundle / SIGNATURE).write_bytes(sign(other, signed))
    assert verify_bundle(bundle).signed_by == public_of(other)
    with pytest.raises(UserError, match="not from whom you expect"):
        verify_bundle(bundle, public(made))


@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 1000), ("MAX_FILES", 3), ("MAX_TAG_BYTES", 100)])
def test_what_is_too_large_is_not_read(bundle: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(bags, limit, value)
    with pytest.raises(UserError, match="larger than"):
        verify_bundle(bundle)


def test_a_key_is_readable_by_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError, match="exists already"):
        make_key(path)
    path.chmod(0o644)
    with pytest.raises(UserError, match="read by others"):
        read_key(path)


def test_a_folder_that_exists_is_left_alone_and_a_broken_database_is_not_bundled(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    shutil.copyfile(made / "results.db", path)
    with Database.open(str(path)) as database, pytest.raises(UserError, match="exists already"):
        make_bundle(database, made / "bundle", ENGLISH)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER measurement_no_update")
        connection.execute("UPDATE measurement SET service = 'forged'")
    with Database.open(str(path)) as database, pytest.raises(UserError, match="not as it was written"):
        make_bundle(database, tmp_path / "bundle", ENGLISH)
    assert not (tmp_path / "bundle").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".bundle")]
