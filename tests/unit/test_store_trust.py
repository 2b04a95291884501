"""What others put into a shared store is believed only if it is what the plan means, and signed where it must be."""

import io
import shutil
import subprocess
import tarfile

import pytest
from dvc_objects.fs import LocalFileSystem

from segsweep.checksums import write_sums
from segsweep.errors import InputError
from segsweep.io import write_json
from segsweep.planning.planner import open_study
from segsweep.planning.record_match import disagreement
from segsweep.planning.unplanned_segments import FOLDER as UNPLANNED
from segsweep.planning.unplanned_segments import compare_unplanned, note_unplanned
from segsweep.store import signatures as signing
from segsweep.store.remote import Remote
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from segsweep.store.shared_segments import FOLDER, pack, pull, push
from segsweep.store.shared_tables import _parse
from segsweep.store.signatures import Refused, Signatures, signatures_of
from tests.segments import segment_plan
from tests.workspace import Workspace

ONE, TWO = (f"{digit * 16}-0004" for digit in "ab")
DATASET = {"name": "tiny", "task": "binary", "demo": None}


def planned(segment=ONE, **fields):
    facts = {"dataset": DATASET, "code_fingerprint": "c0de", "data_fingerprint": "da7a", "seed": 3}
    return segment_plan(segment, **(facts | fields))


def record_of(plan, **fields):
    return SegmentRecord.from_json(plan.to_json() | {"status": "finished", "epochs": plan.last_epoch} | fields)


def write(store, plan, **fields):
    folder = store / plan.id
    write_json(folder / "segment.json", record_of(plan, **fields).to_json())
    (folder / "epochs.csv").write_text("epoch\n1\n")
    (folder / "last.pt").write_bytes(b"state")
    write_sums(folder)
    return folder


@pytest.fixture
def location(tmp_path):
    return tmp_path / "remote"


@pytest.fixture
def remote(location):
    return Remote(LocalFileSystem(), str(location), "the store", "group")


@pytest.fixture
def mine(tmp_path):
    for segment in (ONE, TWO):
        write(tmp_path / "mine", planned(segment))
    return tmp_path / "mine"


PLANNED = {segment: planned(segment) for segment in (ONE, TWO)}


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"seed": 4}, "it says seed 4, the plan 3"),
        ({"data_fingerprint": "beef"}, "it says data_fingerprint beef, the plan da7a"),
        ({"code_fingerprint": ""}, "it says code_fingerprint nothing, the plan c0de"),
        ({"fold": {"index": 1, "k": 5}}, "it says fold"),
        ({"trainer": "command"}, "it says trainer command"),
        ({"first_epoch": 9}, "it says epochs 9 to 4"),
        ({"parent": "f" * 16 + "-0002"}, "it says that it continues"),
        ({"parent": ["x"]}, "cannot be read"),
        ({"train": {"batch_size": 4}}, "it was trained with another batch_size"),
        ({"train": {"optimizer": {"name": "adam", "lr": 0.5}}}, "it was trained with another optimizer"),
        ({"train": {"nonsense": 1}}, "cannot be read"),
        ({"train": None}, "cannot be read"),
    ],
)
def test_a_record_that_lies_is_refused(lie, said):
    assert said in disagreement(record_of(planned(), **lie), planned())


def test_what_a_training_does_not_depend_on_may_differ():
    train = planned().train
    for change in (
        {"workers": 8, "on_oom": "skip"},
        {"epochs": 99},
        {"data": train["data"] | {"augmentation": "renamed"}},
    ):
        assert disagreement(record_of(planned(), train=train | change), planned()) == ""
    # A phase may be cut elsewhere.
    other = record_of(planned(ONE, first_epoch=3, parent=ONE.replace("0004", "0002")))
    assert disagreement(other, planned()) == ""


def test_a_program_is_called_as_planned():
    program = {"command": "python a.py", "environment": {}, "results": {}}
    plan = planned(trainer="command", train={"epochs": 4}, program=program)
    assert disagreement(record_of(plan), plan) == ""
    for lie in ({"command": "python b.py"}, {"environment": {"A": "1"}}):
        assert "it was called with another" in disagreement(record_of(plan, program=program | lie), plan)
    assert disagreement(record_of(plan, program=None), plan)


def test_a_repacked_segment_is_named_and_passed_over(mine, remote, location, tmp_path):
    """False fingerprints, a score of 0.99 and fresh checksums."""
    push(mine, remote)
    best = {"max val/miou": {"epoch": 4, "value": 0.99, "segment": ONE}}
    forged = write(tmp_path / "forged", planned(), best=best, code_fingerprint="beef")
    pack(forged, location / FOLDER / f"{ONE}.tar")
    outcome = pull(tmp_path / "theirs", remote, planned=PLANNED)
    assert outcome.moved == [TWO]
    assert outcome.refused == [(ONE, "it is not what the plan means: it says code_fingerprint beef, the plan c0de")]
    assert set(SegmentStore(tmp_path / "theirs").complete) == {TWO}


def test_what_was_pulled_without_a_plan_is_compared_with_the_first_one(mine, remote, location, tmp_path):
    push(mine, remote)
    pack(write(tmp_path / "forged", planned(), code_fingerprint="beef"), location / FOLDER / f"{ONE}.tar")
    theirs = tmp_path / "theirs"
    assert pull(theirs, remote).moved == [ONE, TWO]
    assert compare_unplanned(SegmentStore(theirs), {}) == []
    for _ in range(2):
        assert compare_unplanned(SegmentStore(theirs), PLANNED) == [
            f"{theirs / ONE}: was pulled while no plan asked for it, and is not what this plan means: it says "
            "code_fingerprint beef, the plan c0de. Remove that folder, and start again: it trains."
        ]
    assert sorted(path.name for path in (theirs / UNPLANNED).iterdir()) == [ONE]  # the other one is what it should be
    shutil.rmtree(theirs / ONE)
    assert compare_unplanned(SegmentStore(theirs), PLANNED) == []
    pull(tmp_path / "third", remote, planned=PLANNED)
    assert not (tmp_path / "third" / UNPLANNED).exists()


def test_a_plan_refuses_what_was_pulled_and_is_of_another_training(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study()
    study = open_study({"study": "little"}, plans=True)

    def pulled(**fields):
        for plan in study.plan.segments.values():
            best = {"max val/miou": {"epoch": 1, "value": 0.5, "segment": plan.id}}
            write(study.store.root, plan, best=best, **fields)
            note_unplanned(study.store.root, plan.id)

    pulled(seed=7)
    with pytest.raises(InputError, match="is not what this plan means: it says seed 7, the plan 0"):
        open_study({"study": "little"}, plans=True)
    pulled()
    assert open_study({"study": "little"}, plans=True).missing() == []


ODD = [{"status": "famous"}, {"train": []}, {"epochs": "4"}, {"best": [1]}, {"best": {"x": 1}}, {"program": "x"}]
ODD += [{"best": {"x": {"epoch": "1", "value": 0, "segment": ONE}}}, {"host": 1}, {"train_seconds": "9"}]


@pytest.mark.parametrize("fields", ODD)
def test_a_record_whose_fields_are_of_another_kind_is_none(tmp_path, fields):
    write(tmp_path, planned(), **fields)
    with pytest.raises(InputError, match=r"segment\.json: is no record of a segment .*make repair"):
        SegmentStore(tmp_path).record(ONE)


def tar_with(member, content=b""):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def evil(name, kind=tarfile.REGTYPE, size=0, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member


def sparse(name, size):
    """A file of a kilobyte that is a terabyte when it is unpacked."""
    member = evil(name, size=1)
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(size)}
    return member


@pytest.mark.parametrize(
    "content",
    [
        tar_with(sparse("x", 10**12), b"x"),
        b"",
        b"no tar",
        b"\x1f\x8b gzip",
        tar_with(evil("../../victim", size=1), b"x"),
        tar_with(evil("/tmp/segsweep-victim", size=1), b"x"),
        tar_with(evil("x", tarfile.SYMTYPE, link="/etc/passwd")),
        tar_with(evil("x", tarfile.LNKTYPE, link="../../victim")),
        tar_with(evil("x", tarfile.FIFOTYPE)),
        tar_with(evil("x", tarfile.CHRTYPE)),
        tar_with(evil("SHA256SUMS", tarfile.DIRTYPE)),
        tar_with(evil("SHA256SUMS", size=4), b"abc\n"),
        tar_with(evil("a" * 300, size=1), b"x"),
        tar_with(evil("segment.json/x", size=1), b"x"),
    ],
    ids=lambda content: str(len(content)),
)
def test_one_bad_archive_stops_no_other(mine, remote, location, tmp_path, content):
    push(mine, remote)
    (location / FOLDER / f"{ONE}.tar").write_bytes(content)
    outcome = pull(tmp_path / "theirs", remote, planned=PLANNED)
    assert outcome.moved == [TWO]
    assert [segment for segment, _ in outcome.corrupt] == [ONE]
    assert not (tmp_path / "victim").exists()


def test_a_record_of_any_content_stops_no_other(mine, remote, location, tmp_path):
    push(mine, remote)
    folder = write(tmp_path / "forged", planned())
    for number, content in enumerate(('{"id": 1}', "[" * 100000, "null", '{"id": "' + ONE + '"}', '"x"', "\x00")):
        (folder / "segment.json").write_text(content)
        write_sums(folder)
        pack(folder, location / FOLDER / f"{ONE}.tar")
        outcome = pull(tmp_path / f"theirs{number}", remote, planned=PLANNED)
        assert outcome.moved == [TWO]
        assert len(outcome.corrupt) == 1


def test_only_tables_are_brought_as_tables():
    names = ["runs.csv", "figures/a.svg", "images/x/y.png", "sweep/step_000.json", "report.html"]
    others = ["plan.json", "history.json", "../x.csv", "/x.csv", "sweep/other.json", "a/b.csv", "x.py", "figures", ""]
    sums = "".join(f"{'0' * 64}  {name}\n" for name in names + others)
    assert list(_parse(sums.encode())) == names


def make_key(folder, name):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True)
    return folder / name


@pytest.fixture
def keys(tmp_path):
    """The keys of three people; the third may not sign."""
    folder = tmp_path / "keys"
    folder.mkdir()
    found = {name: make_key(folder, name) for name in ("ana", "ben", "eve")}
    lines = [f"{name}@lab {found[name].with_suffix('.pub').read_text()}" for name in ("ana", "ben")]
    (folder / "group").write_text("".join(lines))
    return found | {"folder": folder}


def of(keys, name):
    return Signatures(keys["folder"] / "group", str(keys[name]))


def test_what_is_signed_is_pulled(mine, remote, location, tmp_path, keys):
    push(mine, remote, [ONE], signatures=of(keys, "ana"))
    push(mine, remote, signatures=of(keys, "ben"))
    outcome = pull(tmp_path / "theirs", remote, signatures=Signatures(keys["folder"] / "group"))
    assert outcome.moved == [ONE, TWO]
    # By hand, as the documentation says.
    name = f"{FOLDER}/{ONE}.tar"
    line = subprocess.run(["sha256sum", name], cwd=location, capture_output=True, check=True).stdout
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(keys["folder"] / "group"), "-I", "ana@lab", "-n", "segsweep"]
    done = subprocess.run([*verify, "-s", f"{name}.sig"], cwd=location, input=line, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_not_signed_by_one_who_may_is_named_and_passed_over(mine, remote, location, tmp_path, keys):
    push(mine, remote, signatures=of(keys, "ana"))
    reader = Signatures(keys["folder"] / "group")
    tar = location / FOLDER / f"{ONE}.tar"
    good = tar.read_bytes()

    def refused(name):
        outcome = pull(tmp_path / name, remote, signatures=reader)
        assert outcome.moved == [TWO]
        ((segment, said),) = outcome.refused
        assert segment == ONE
        assert outcome.corrupt == []
        return said

    pack(write(tmp_path / "forged", planned(), detail="forged"), tar)
    assert "it is not what ana@lab has signed" in refused("changed")
    tar.write_bytes(good)
    tar.with_name(f"{tar.name}.sig").write_bytes((location / FOLDER / f"{TWO}.tar.sig").read_bytes())
    assert "it is not what ana@lab has signed" in refused("of another file")
    others = Signatures(keys["folder"] / "eve.signers", str(keys["eve"]))
    others.signers.write_text(f"ana@lab {keys['eve'].with_suffix('.pub').read_text()}")
    push(mine, Remote(LocalFileSystem(), str(tmp_path / "eves"), "eve's"), [ONE], signatures=others)
    shutil.copy(tmp_path / "eves" / FOLDER / f"{ONE}.tar.sig", location / FOLDER)
    assert "none of those in" in refused("by a stranger")
    tar.with_name(f"{tar.name}.sig").write_bytes(b"nonsense")
    assert "none of those in" in refused("no signature")
    tar.with_name(f"{tar.name}.sig").unlink()
    assert "it is not signed" in refused("unsigned")
    # One who has it and may sign sends it again.
    assert push(mine, remote, signatures=of(keys, "ben")).moved == [ONE]
    assert pull(tmp_path / "at last", remote, signatures=reader).moved == [ONE, TWO]


def test_who_may_not_sign_sends_nothing(mine, remote, location, keys):
    with pytest.raises(InputError, match=r"Nobody would believe .*eve.*Have its public key added"):
        push(mine, remote, signatures=of(keys, "eve"))
    with pytest.raises(InputError, match=r"what is pushed there is signed\. Name your key"):
        push(mine, remote, signatures=Signatures(keys["folder"] / "group"))
    with pytest.raises(InputError, match="cannot sign"):
        push(mine, remote, signatures=Signatures(keys["folder"] / "group", "nowhere"))
    assert not (location / FOLDER).exists()


def test_without_ssh_keygen_nothing_is_believed(mine, remote, tmp_path, keys, monkeypatch):
    push(mine, remote, signatures=of(keys, "ana"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"there is no ssh-keygen here\. Install OpenSSH"):
        pull(tmp_path / "theirs", remote, signatures=of(keys, "ana"))
    assert SegmentStore(tmp_path / "theirs").complete == {}


def test_a_remote_is_signed_where_the_checkout_names_its_signers(tmp_path, keys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert signatures_of("group") is None
    (tmp_path / "config/signers/folder").mkdir(parents=True)
    shutil.copy(keys["folder"] / "group", tmp_path / "config/signers/group")
    assert signatures_of("group", "~/key").signers == signing.SIGNERS / "group"
    assert signatures_of("group", "~/key").key.endswith("/key")
    assert "~" not in signatures_of("group", "~/key").key
    assert signatures_of("other") is None
    with pytest.raises(InputError, match="is no file"):
        signatures_of("folder")
    with pytest.raises(Refused, match="it is not signed"):
        signatures_of("group").check("x", "0" * 64, None)


def test_the_key_is_gits_where_none_is_named(tmp_path, keys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gitconfig").write_text(f"[user]\n  signingkey = {keys['ana']}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "config/signers").mkdir(parents=True)
    shutil.copy(keys["folder"] / "group", tmp_path / "config/signers/group")
    assert signatures_of("group").key == str(keys["ana"])
