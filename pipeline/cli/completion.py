"""Completion of a command line: a short script for each shell, which asks phistar.

    phistar completion bash                        prints the script
    phistar completion bash --line "phistar ru"    prints the words that may stand there

So recipes and keys are those of the project, whatever was added to it.
"""

import contextlib
from pathlib import Path

from phistar.pipeline.cli.arguments import SIGNATURES, STAGES, make_parser
from phistar.pipeline.cli.usage import options
from phistar.pipeline.process.root import find_root

SCRIPTS = {
    # bash splits words at "=": the part before it is not repeated
    "bash": """\
_phistar() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=($("${COMP_WORDS[0]}" completion bash --line "$line" 2>/dev/null))
    case "${line##* }" in
        *=*) COMPREPLY=("${COMPREPLY[@]#*=}") ;;
    esac
    case "${COMPREPLY[*]}" in
        *=) compopt -o nospace 2>/dev/null ;;
    esac
}
complete -o default -F _phistar phistar
""",
    "zsh": """\
_phistar() {
    local -a found keys
    found=(${(f)"$("${words[1]}" completion zsh --line "${(j: :)words[1,CURRENT]}" \\
        2>/dev/null)"})
    keys=(${(M)found:#*=})
    found=(${found:#*=})
    compadd -Q -S '' -a keys
    compadd -Q -a found
    (( compstate[nmatches] )) || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _phistar phistar
""",
    "fish": """\
complete -c phistar -n 'not __fish_seen_subcommand_from predict' -f
complete -c phistar -a '(phistar completion fish --line (commandline -cp))'
""",
}
CHOICES = {
    "--from": STAGES,
    "--to": STAGES,
    "--force": STAGES,
    "--signature": SIGNATURES,
}
NAMED = ("predict", "promote", "compare", "rollback", "serve", "runs")  # recipes' names


def words(line: str) -> list[str]:
    """The words that may stand at the end of a command line.

    Args:
        line: up to the cursor, `phistar` first.

    Returns:
        The whole words, also where a part of the last one is typed.
    """
    typed = line.split()[1:]
    last = typed.pop() if typed and not line[-1].isspace() else ""
    return [word for word in candidates(typed, last) if word.startswith(last)]


def candidates(typed: list[str], last: str) -> list[str]:
    """The words that may follow.

    Args:
        typed: the whole words after `phistar`.
        last: the beginning of the next one.
    """
    parser, commands = make_parser()
    before, root = typed[-1] if typed else "", find_root()
    if "--root" in typed[:-1]:
        root = find_root(Path(typed[typed.index("--root") + 1]))
    if before == "--root":
        return []  # the shell completes folders
    if before in CHOICES:
        return list(CHOICES[before])
    name = next((word for word in typed if word in commands), None)
    if name is None:
        return options(parser) if last.startswith("-") else list(commands)
    if last.startswith("-"):
        return options(commands[name])
    if name == "completion":
        return list(SCRIPTS)
    from phistar.pipeline.config import recipes

    known = list(recipes.recipes(root))
    if name in NAMED:
        return known if name != "predict" or before == name else []
    if name not in ("show", "plan", "run", "sweep", "launch", *STAGES):
        return []
    if name == "launch" and "run" not in typed:
        return ["run"]
    plain = [word for word in typed if not word.startswith("-") and word != name]
    recipe = next((word for word in plain if word in known or "." in word), None)
    if recipe is None:
        return known
    return keys(recipe, [word for word in plain if "=" in word], root, last)


def keys(recipe: str, overrides: list[str], root: Path, last: str) -> list[str]:
    """The keys of a recipe as `train.steps=`; with their values once "=" is typed."""
    from phistar.pipeline.config import load, schema

    with contextlib.suppress(load.ConfigError):  # what is typed may be half a word
        config = load.load(recipe, overrides, root)
        if "=" not in last:
            return [f"{row.key}=" for row in load.keys(config)]
        key = last.partition("=")[0]
        section, _, name = key.partition(".")
        if name not in config.sections.get(section, {}):
            return []
        choice = config.sections[section].get(schema.CHOOSERS.get(section))
        kind = schema.section(section, choice)[name].type
        return [f"{key}={value}" for value in schema.values(kind)]
    return []
