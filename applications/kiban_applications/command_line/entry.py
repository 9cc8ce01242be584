"""`kiban` の入口 (entry): loads the command that was asked for, in the language of the person, and turns every outcome into an exit code."""

import gc
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click
import typer

from kiban_applications.command_line import alone
from kiban_applications.command_line.door import Door, report_defect, take_options
from kiban_processing.refusals import Refusal


def assemble(door: Door) -> typer.Typer:
    """The whole command tree, its texts in the door's language."""
    from kiban_applications.command_line import tree  # here, because the tools that stand alone never need it

    return tree.assemble(door)


def run(arguments: Sequence[str], own_process: bool = False) -> int:
    """Run one command line and return its exit code."""
    door, rest = take_options(arguments)
    door.own_process = own_process
    try:
        app = alone.assemble(door, rest[0]) if rest and rest[0] in alone.COMMANDS else assemble(door)
        outcome = app(args=rest, prog_name="kiban", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except Refusal as refusal:
        return door.refuse(refusal)
    except click.exceptions.NoArgsIsHelpError as shown:
        door.out.print(shown.ctx.get_help())
        return 0
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        door.err.print(door.say("中断しました。途中の状態は残りません。", "Interrupted; nothing half-done is kept."))
        return 130
    except Exception as error:
        return report_defect(door, error)


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show Japanese gets escapes (valid in JSON), not a crash
            stream.reconfigure(errors="backslashreplace")
    outcome = run(sys.argv[1:], own_process=True)
    gc.freeze()  # all that is left goes with the process; looking through it takes as long as linking a small delivery
    sys.exit(outcome)
