"""The right form of a command, for the errors of one that is typed wrongly."""

import argparse
import sys
from typing import NoReturn, TextIO

from phistar.pipeline.process import errors
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.process.terminal import nearest


def refuse(
    unknown: list[str],
    given: argparse.Namespace,
    typed: list[str],
    commands: dict[str, "Parser"],
) -> None:
    """Refuse words that a command does not take.

    Args:
        unknown: the words.
        given: what the parser has understood.
        typed: all words.
        commands: name -> its parser.

    Raises:
        Failure: it names the key of a recipe that the first word means, if there is
            one, or an option.
    """
    if given.command is None:
        raise Failure(
            f"no command. Received: {' '.join(typed)}. Expected one of: "
            f"{', '.join(commands)}.",
            errors.USAGE,
        )
    parser, first = commands[given.command], unknown[0]
    option, _, value = first.partition("=")
    hint = nearest(option, options(parser))
    if hasattr(given, "recipe") and first.startswith("-"):
        from phistar.pipeline.config import hints  # reads the schema

        after = typed[typed.index(first) + 1 :][:1]
        value = value or next((word for word in after if word[0] != "-"), "VALUE")
        key = hints.exact(option) or (not hint and hints.key_for(option))
        hint = f" Did you mean {key}={value}?" if key else hint
    what = "option" if first.startswith("-") else "word"
    raise Failure(
        f"`phistar {given.command}` has no such {what}. Received: {first}. "
        f"Expected: {usage(parser)}, or one of {', '.join(options(parser))}.{hint}",
        errors.USAGE,
    )


def options(parser: argparse.ArgumentParser) -> list[str]:
    """The options of a command: ["--root", "--json", ...]."""
    return [
        name
        for action in parser._actions
        for name in action.option_strings
        if name.startswith("--") and action.help != argparse.SUPPRESS
    ]


def usage(parser: argparse.ArgumentParser) -> str:
    """The form of a command, without its options: "phistar show RECIPE"."""
    words = [parser.prog]
    for action in parser._actions:
        if not action.option_strings and action.nargs != argparse.PARSER:
            name = action.metavar or action.dest
            words += {
                None: [name],
                "*": [f"[{name} ...]"],
                "+": [f"{name} ..."],
            }.get(action.nargs, [name] * 2)
    return " ".join(words)


class Parser(argparse.ArgumentParser):
    """argparse with our form of errors."""

    def print_help(self, file: TextIO | None = None) -> None:
        """Print the help; argparse's own method hides a broken pipe."""
        print(self.format_help(), end="", file=file or sys.stdout)

    def error(self, message: str) -> NoReturn:
        """Raise Failure with the mistake and the right form."""
        if "Expected" not in message:
            message += f". Expected: {usage(self)} (`{self.prog} --help` tells more)."
        if "RECIPE" in message:
            message += " `phistar list` shows the recipes."
        raise Failure(message, errors.USAGE)
