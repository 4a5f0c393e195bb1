"""Who may do what."""

import getpass

import pytest

from sartor.access import Actor, Policy
from sartor.errors import InputError


def test_the_local_owner_may_do_everything() -> None:
    assert Actor.local().name == getpass.getuser()
    for verb in ("run", "predict", "erase"):
        Policy.local().require(Actor.local(), verb, "task billing-notes")


def test_anybody_else_is_refused_with_a_sentence() -> None:
    policy = Policy(owner=Actor("ann"))
    with pytest.raises(InputError, match=r"bob may not run task billing-notes: ask ann, who owns this project"):
        policy.require(Actor("bob"), "run", "task billing-notes")


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert Actor.local().name == "uid-4711"
