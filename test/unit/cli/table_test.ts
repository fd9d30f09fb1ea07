import { renderTable } from "../../../src/cli/table.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("tables", () => {
  it("align their columns, without trailing spaces", () => {
    assert.equal(
      renderTable(["KEY", "N"], [["config/a", "1"], ["b"]]),
      "KEY       N\nconfig/a  1\nb\n",
    );
  });

  it("may have more rows than a call may have arguments", () => {
    const rows = Array.from({ length: 300_000 }, (_, row) => [`k${row}`]);
    const table = renderTable(["KEY"], rows);
    assert.equal(table.split("\n").length, rows.length + 2);
  });
});
