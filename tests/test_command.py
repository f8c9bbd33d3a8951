"""How commands start: a flag that is missing or wrong is one line, with what to type."""

import pytest

from zoo import command

MODULE = """Trains.

  python -m zoo.train --config=configs/lenet.prototxt           trains; the same command again continues
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "flag --{name}=None: Flag --{name} must have a value other than None.",
            "--{name} is missing, want where it is (python -m zoo.train --config=configs/lenet.prototxt)",
        ),
        ("Unknown command line flag 'batch'", "Unknown command line flag 'batch' (see --help)"),
    ],
)
def test_what_is_said_of_a_flag(text, said, monkeypatch, capsys):
    values = command.flags.FlagValues()
    command.flags.DEFINE_string("config", None, "where it is", values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    monkeypatch.setattr("sys.modules", {**command.sys.modules, "__main__": type("Main", (), {"__doc__": MODULE})})
    assert str(command._said(text.format(name="config"))) == said.format(name="config")


@pytest.mark.parametrize("wrong", ["--config", "--batch=3"])
def test_flags_that_do_not_parse_end_in_one_line(wrong, monkeypatch, capsys):
    values = command.flags.FlagValues()
    command.flags.DEFINE_string("config", None, "where it is", values, required=True)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    with pytest.raises(SystemExit) as ended:
        command._parsed(["train", *([wrong] if "=" in wrong else [])])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
