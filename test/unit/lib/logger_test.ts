import { createLogger, type LogFormat, type LogLevel } from "../../../src/lib/logger.ts";
import { assert, describe, it } from "../../harness/test.ts";

function recorded(level: LogLevel, format: LogFormat) {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    format,
    write: (line) => lines.push(line),
    timestamp: () => "T",
  });
  return { lines, logger };
}

describe("the logger", () => {
  it("writes a line of text with its fields", () => {
    const { lines, logger } = recorded("info", "text");
    logger.with({ node: 2 }).warn("Disk is slow", { ms: 12.5, path: "/a b", why: undefined });
    assert.deepEqual(lines, ['T WARN  Disk is slow node=2 ms=12.5 path="/a b"']);
  });

  it("writes one JSON object a line", () => {
    const { lines, logger } = recorded("info", "json");
    logger.error("Lost", { list: [1, "x"] });
    assert.deepEqual(JSON.parse(lines[0] ?? ""), {
      time: "T",
      level: "error",
      message: "Lost",
      list: [1, "x"],
    });
  });

  it("lets no field take the place of the event's own members", () => {
    const { lines, logger } = recorded("info", "json");
    logger.info("Real", { message: "forged", level: "debug", time: "never" });
    assert.deepEqual(JSON.parse(lines[0] ?? ""), { time: "T", level: "info", message: "Real" });
  });

  it("keeps a line break or an escape sequence from forging a line", () => {
    const { lines, logger } = recorded("info", "text");
    logger.info("a\nT ERROR b", { key: "x\n\x1b[2Jy", plain: "a=b" });
    assert.deepEqual(lines, ['T INFO  a\\nT ERROR b key="x\\n\\u001b[2Jy" plain="a=b"']);
  });

  it("drops what is quieter than its level", () => {
    const { lines, logger } = recorded("warn", "text");
    logger.debug("1");
    logger.info("2");
    logger.warn("3");
    logger.error("4");
    assert.deepEqual(lines, ["T WARN  3", "T ERROR 4"]);
  });
});
