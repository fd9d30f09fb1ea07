/** `completion`: a script that lets bash and zsh complete commands and options. */

import type { Command } from "./command.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import { UsageError } from "./usage_error.ts";

/** `commands` is asked when it runs, because it is among them itself. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "Print a script that completes commands and options in bash or zsh",
    operands: "bash|zsh",
    options: [],
    example: "source <(skein completion bash)",
    async run(context) {
      const [shell = ""] = operandsOf(context, ["bash or zsh"]);
      if (shell !== "bash" && shell !== "zsh") {
        throw new UsageError(
          `${JSON.stringify(shell)} is not a known shell; allowed is bash or zsh`,
        );
      }
      const loader = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
      await context.terminal.write(loader + bashScript(commands()));
      return exitCode.ok;
    },
  };
}

/** A case of a command of two words. */
const twoWords = /^ +"[a-z-]+ [a-z-]+"\)/;

function bashScript(commands: readonly Command[]): string {
  const firstWords = new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""));
  const cases = commands.map(({ name, options }) => {
    const words = [...options.map((option) => `--${option.name}`), "--help"];
    return `    "${name}") words="${words.join(" ")}" ;;`;
  });
  const groups = [...firstWords].flatMap((first) => {
    const seconds = commands.flatMap(({ name }) =>
      name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []
    );
    return seconds.length === 0 ? [] : [`    "${first}") words="${seconds.join(" ")}" ;;`];
  });
  return `_skein() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="${[...firstWords].join(" ")}"
  local one="\${COMP_WORDS[1]}" two="\${COMP_WORDS[1]} \${COMP_WORDS[2]}"
  if [ "$COMP_CWORD" -gt 1 ]; then words=""; fi
  [ "$COMP_CWORD" -gt 1 ] && case "$one" in
${[...groups, ...cases.filter((line) => !twoWords.test(line))].join("\n")}
  esac
  [ "$COMP_CWORD" -gt 2 ] && case "$two" in
${cases.filter((line) => twoWords.test(line)).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _skein skein
`;
}
