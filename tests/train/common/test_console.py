"""What a command cannot use is said in the way of all commands: a usage error, a line, no traceback."""

from collections.abc import Callable

import pytest

from train import experiment, fit, prepare

COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "prepare": (prepare.main, ["--dataset", "csv", "--annotations", "songs.csv", "--seed"]),
    "fit": (fit.main, ["--config", "config/train/small.yaml", "--seed"]),
    "experiment": (experiment.main, ["table1", "--cache", "cache", "--seeds", "0"]),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("seed", ["-1", "1.5", "one", "9" * 30])
def test_a_seed_is_a_whole_number_from_0(command: str, seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    main, call = COMMANDS[command]
    with pytest.raises(SystemExit) as caught:
        main([*call, seed])
    assert caught.value.code == 2
    assert "error: argument --seed" in capsys.readouterr().err
