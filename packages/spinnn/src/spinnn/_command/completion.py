"""Scripts for the completion of commands, options and choices in shells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .help import Help, options_of

SHELLS = ("bash", "zsh", "fish")
_ALWAYS = ("--help", "--help-all")


def script(shell: str, program: str, helps: Mapping[str, Help | None], more: Mapping[str, Sequence[str]]) -> str:
    """The script of a shell.

    Args:
        shell: One of `SHELLS`.
        program: The program.
        helps: The help of each command by its name.
        more: Further flags of each command.
    """
    tables = {name: _flags(found, more[name]) for name, found in helps.items()}
    return _fish(program, tables) if shell == "fish" else _bash(program, tables, zsh=shell == "zsh")


def _flags(found: Help | None, more: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Choices by flag."""
    options = options_of(found) if found is not None else []
    return {one.flag: one.choices for one in options if one.flag.startswith("--")} | dict.fromkeys(
        (*more, *_ALWAYS), ()
    )


def _bash(program: str, tables: Mapping[str, Mapping[str, tuple[str, ...]]], *, zsh: bool) -> str:
    name = re.sub(r"\W", "_", program)
    firsts = dict.fromkeys(command.split()[0] for command in tables)
    groups: dict[str, list[str]] = {}
    for command in tables:
        first, _, second = command.partition(" ")
        if second:
            groups.setdefault(first, []).append(second)
    cases, choices = [], []
    for command, table in tables.items():
        cases.append(f"    '{command}') words='{' '.join(table)}' ;;")
        choices += [f"    '{command} {flag}') words='{' '.join(of)}' ;;" for flag, of in table.items() if of]
    inner = [f"    {first}) words='{' '.join(seconds)}' ;;" for first, seconds in groups.items()]
    lines = [
        *(["autoload -U +X bashcompinit && bashcompinit"] if zsh else []),
        f"_{name}_complete() {{",
        "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        "  local command=${COMP_WORDS[1]} words=''",
        f"  if [ $COMP_CWORD -eq 1 ]; then words='{' '.join(firsts)} completion --help --version'",
        "  else",
        *(
            [
                "    case $command in",
                *(f'    {one}) command="$command ${{COMP_WORDS[2]}}" ;;' for one in groups),
                "    esac",
            ]
            if groups
            else []
        ),
        '    case "$command $before" in',
        *choices,
        '    *) case "$command" in',
        *cases,
        "    esac ;; esac",
        *(["    if [ $COMP_CWORD -eq 2 ]; then case ${COMP_WORDS[1]} in", *inner, "    esac; fi"] if groups else []),
        "  fi",
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o default -F _{name}_complete {program}",
    ]
    return "\n".join(lines)


def _fish(program: str, tables: Mapping[str, Mapping[str, tuple[str, ...]]]) -> str:
    firsts = dict.fromkeys(command.split()[0] for command in tables)
    lines = [f"complete -c {program} -n __fish_use_subcommand -f -a '{' '.join(firsts)} completion'"]
    for command, table in tables.items():
        first, _, second = command.partition(" ")
        seen = f"__fish_seen_subcommand_from {first}"
        if second:
            others = [name.partition(" ")[2] for name in tables if name.startswith(f"{first} ")]
            unseen = f"{seen}; and not __fish_seen_subcommand_from {' '.join(others)}"
            lines.append(f"complete -c {program} -n '{unseen}' -f -a {second}")
            seen += f"; and __fish_seen_subcommand_from {second}"
        for flag, of in table.items():
            taken = f" -x -a '{' '.join(of)}'" if of else ""
            lines.append(f"complete -c {program} -n '{seen}' -l {flag.removeprefix('--')}{taken}")
    return "\n".join(lines)
