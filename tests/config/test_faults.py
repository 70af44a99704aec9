"""Of a fault its type and its places are written, and not what it quotes."""

import logging
import sys
import threading

import pytest

from config import faults

NAME = "Samira Alhaddad"


def failing(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as raised:
        return raised


def chained() -> BaseException:
    try:
        try:
            raise KeyError(NAME)
        except KeyError as error:
            raise ValueError(f"cannot go on with {NAME}") from error
    except ValueError as raised:
        return raised


def test_the_whole_chain_is_told_the_first_fault_first() -> None:
    told = faults.told(chained())
    assert told.index("KeyError") < told.index("ValueError")
    assert told.count(f'File "{__file__}"') == 2
    assert NAME not in told


def test_what_was_to_be_hidden_stays_so() -> None:
    hidden = failing(ValueError(NAME))
    hidden.__context__, hidden.__suppress_context__ = KeyError(NAME), True
    assert "KeyError" not in faults.told(hidden)


def test_several_at_once_are_each_told() -> None:
    group = failing(BaseExceptionGroup(NAME, [failing(KeyError(NAME)), failing(ValueError(NAME))]))
    told = faults.told(group)
    assert {"KeyError", "ValueError"} <= set(told.split())
    assert NAME not in told


def test_the_system_s_errors_keep_their_number() -> None:
    assert "OSError (ENOSPC)" in faults.told(failing(OSError(28, NAME, NAME)))


def test_a_circle_ends() -> None:
    one, other = failing(ValueError(NAME)), failing(KeyError(NAME))
    one.__cause__, other.__cause__ = other, one
    assert faults.told(one).count("ValueError") == 1


def test_a_log_of_the_worker_tells_the_same() -> None:
    error = chained()
    record = logging.LogRecord(
        "media", logging.ERROR, __file__, 1, "it met a fault", (), (type(error), error, error.__traceback__)
    )
    told = faults.Formatter("%(message)s").format(record)
    assert told.startswith("it met a fault\n")
    assert "ValueError" in told
    assert NAME not in told


def test_nobody_s_faults_are_told_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    faults.watch()
    error = chained()
    sys.excepthook(type(error), error, error.__traceback__)
    assert "ValueError" in (written := capsys.readouterr().err)
    thread = threading.Thread(target=failing_at_once)
    thread.start()
    thread.join()
    (record,) = caplog.records
    assert record.getMessage() == "a fault in a thread"
    assert NAME not in written + capsys.readouterr().err + faults.Formatter("%(message)s").format(record)


def failing_at_once() -> None:
    raise ValueError(NAME)
