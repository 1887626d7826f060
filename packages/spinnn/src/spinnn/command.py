"""Command line of a program: commands, options, output. Needs the extra `command`."""

from ._command.doctor import doctor_help as doctor_help
from ._command.help import Help as Help, examples_of as examples_of
from ._command.output import (
    figure as figure,
    is_machine_readable as is_machine_readable,
    machine_readable as machine_readable,
    progress as progress,
    result as result,
    say as say,
    table as table,
    warn as warn,
)
from ._command.parsing import parse as parse, parse_with_config as parse_with_config
from ._command.program import Command as Command, help_of as help_of, run_program as run_program
