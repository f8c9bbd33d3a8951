"""A commit is given where the files are its own."""

import shutil
import subprocess

import pytest

from zoo.catalogue import checkout
from zoo.errors import ZooError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def repository(tmp_path):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "code.py").write_text("1\n")
    (tmp_path / "page.md").write_text("1\n")
    git("add", "-A")
    git("commit", "-qm", "one")
    return tmp_path, git


def test_a_clean_checkout_has_its_commit(repository):
    root, git = repository
    first = checkout.commit(root)
    assert len(first) == 40
    (root / "page.md").write_text("2\n")
    assert checkout.commit(root, ["page.md"]) == first
    (root / "zoo" / "new.py").write_text("")
    (root / "zoo" / "code.py").write_text("2\n")
    with pytest.raises(ZooError, match=r"changes that are not committed, got zoo/code.py, zoo/new.py \(commit them"):
        checkout.commit(root, ["page.md"])
    git("add", "-A")
    git("commit", "-qm", "two")
    second = checkout.commit(root)
    assert checkout.changed_between(root, first, second, ["zoo", "none"]) == ["zoo/code.py", "zoo/new.py"]
    assert checkout.changed_between(root, first, second, ["other"]) == []


def test_no_checkout(tmp_path):
    with pytest.raises(ZooError, match="git refuses: a result needs a checkout"):
        checkout.commit(tmp_path)
