/** What a command is: one value that parsing, help and shell completion are all derived from. */

import type { Runtime } from "../runtime/mod.ts";
import type { Arguments } from "./arguments.ts";
import type { Option } from "./option.ts";
import type { InspectBackup, RecoverNode, StartServer } from "./server_port.ts";
import type { Terminal } from "./terminal.ts";

/** One command, found by its name. */
export interface Command {
  /** One or two words: `put`, `member list`. */
  readonly name: string;
  /** One line, without its full stop. */
  readonly summary: string;
  /** The positional arguments as they stand in the usage line. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** A whole command line that works. */
  readonly example: string;
  /** Resolves with the exit code. */
  run(context: CommandContext): Promise<number>;
}

/** What a command works with. */
export interface CommandContext {
  readonly runtime: Runtime;
  readonly terminal: Terminal;
  readonly startServer: StartServer;
  readonly recoverNode: RecoverNode;
  readonly inspectBackup: InspectBackup;
  readonly args: Arguments;
}
