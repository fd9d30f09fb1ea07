/** One option of a command. */
export interface Option {
  /** Without the hyphens. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What stands for the value in help; absent: the option takes none. */
  readonly value?: string;
  readonly description: string;
  /** Also taken from `SKEIN_<NAME>` when it is not on the command line. */
  readonly variable?: true;
}

/** The environment variable of an option. */
export function optionVariable(option: Option): string {
  return `SKEIN_${option.name.replaceAll("-", "_").toUpperCase()}`;
}
