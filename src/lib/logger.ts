/** A structured logger: one line an event, for people or for machines, to stderr. */

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

/** What belongs to an event besides its sentence. */
export type LogFields = Readonly<Record<string, LogValue>>;
export type LogValue = string | number | boolean | null | undefined | readonly LogValue[];

/** Says one sentence an event, without its full stop, and what belongs to it. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to everything it says. */
  with(fields: LogFields): Logger;
}

/** What is said, how and to whom. */
export interface LoggerOptions {
  /** Quieter events than this are dropped. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line, without its line end. */
  readonly write: (line: string) => void;
  /** The time of an event, e.g. in ISO 8601. */
  readonly timestamp: () => string;
}

/** `bound` stands on every line. */
export function createLogger(options: LoggerOptions, bound: LogFields = {}): Logger {
  const quietest = logLevels.indexOf(options.level);
  const render = options.format === "json" ? jsonLine : textLine;
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < quietest) return;
    const time = options.timestamp();
    options.write(render({ time, level, message, fields: { ...bound, ...fields } }));
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** For tests and for programs that embed a node: says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
};

interface Event {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** The event's own members win over a field of the same name, and stand in front. */
function jsonLine({ time, level, message, fields }: Event): string {
  const own = { time, level, message };
  return JSON.stringify({ ...own, ...fields, ...own });
}

function textLine({ time, level, message, fields }: Event): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${oneLine(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${textValue(value)}`;
  }
  return line;
}

/** Quoted when it holds what would make the line ambiguous. */
function textValue(value: LogValue): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=\\\p{C}]+$/u.test(value) ? value : JSON.stringify(value);
}

/** A line break or control sequence in a message must not forge another line. */
function oneLine(text: string): string {
  return text.replace(/\p{C}/gu, (letter) => JSON.stringify(letter).slice(1, -1));
}
