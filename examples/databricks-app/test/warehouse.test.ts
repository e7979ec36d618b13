import { afterEach, describe, expect, it } from "vitest";
import { Warehouse, type WarehouseOptions } from "../server/warehouse.ts";
import { startStandInWarehouse } from "./support/stand-in-warehouse.js";

type StandIn = Awaited<ReturnType<typeof startStandInWarehouse>>;
type Script = Parameters<typeof startStandInWarehouse>[0]["script"];

const token = "dapi-of-the-tests";
const numbers: Script = { states: ["SUCCEEDED"], columns: [["n", "INT"]], chunks: [[["1"]]] };
let standIn: StandIn | undefined;

afterEach(() => standIn?.[Symbol.asyncDispose]());

async function connect(script: Script, options: WarehouseOptions & { token?: string } = {}) {
  standIn = await startStandInWarehouse({ token, script });
  const config = { host: new URL(standIn.url), warehouseId: "w1", token: options.token ?? token };
  return {
    warehouse: new Warehouse(config, { pollMs: 1, ...options }),
    requests: standIn.requests,
  };
}

describe("a query", () => {
  it("sends its values beside the statement, not in it", async () => {
    const { warehouse, requests } = await connect(numbers);
    await warehouse.query("SELECT :n AS n", [
      { name: "n", value: "1; DROP TABLE t", type: "STRING" },
    ]);
    expect(requests[0]?.body).toMatchObject({
      warehouse_id: "w1",
      statement: "SELECT :n AS n",
      parameters: [{ name: "n", value: "1; DROP TABLE t", type: "STRING" }],
      on_wait_timeout: "CONTINUE",
      format: "JSON_ARRAY",
    });
  });

  it("asks again while the statement is pending or running", async () => {
    const states = ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"];
    const { warehouse, requests } = await connect({ ...numbers, states });
    expect((await warehouse.query("SELECT 1 AS n")).rows).toEqual([[1]]);
    expect(requests.map(({ method }) => method)).toEqual(["POST", "GET", "GET", "GET"]);
  });

  it("puts the chunks of a long result together in order", async () => {
    const chunks = [[["1"], ["2"]], [["3"]], [["4"]]];
    const { warehouse } = await connect({ ...numbers, chunks });
    expect((await warehouse.query("SELECT n FROM t")).rows).toEqual([[1], [2], [3], [4]]);
  });

  it("gives every cell the type of its column, and keeps the text where a number would lose digits", async () => {
    const { warehouse } = await connect({
      states: ["SUCCEEDED"],
      columns: [
        ["id", "LONG"],
        ["huge", "LONG"],
        ["price", "DECIMAL"],
        ["ratio", "DOUBLE"],
        ["odd", "DOUBLE"],
        ["ok", "BOOLEAN"],
        ["day", "DATE"],
        ["none", "INT"],
      ],
      chunks: [[["7", "9007199254740993", "1.10", "0.5", "NaN", "true", "2016-02-01", null]]],
    });
    const { rows } = await warehouse.query("SELECT * FROM t");
    expect(rows).toEqual([[7, "9007199254740993", "1.10", 0.5, "NaN", true, "2016-02-01", null]]);
  });

  it("can have no rows", async () => {
    const { warehouse } = await connect({ ...numbers, chunks: [] });
    expect(await warehouse.query("SELECT 1 AS n WHERE false")).toEqual({
      columns: [{ name: "n", type: "INT" }],
      rows: [],
      truncated: false,
    });
  });
});

describe("a query that fails", () => {
  it("says what the warehouse said", async () => {
    const { warehouse } = await connect({
      states: ["PENDING", "FAILED"],
      error: "Table not found: t",
    });
    await expect(warehouse.query("SELECT * FROM t")).rejects.toMatchObject({
      kind: "failed",
      message: "Table not found: t",
    });
  });

  it("says when somebody else canceled it", async () => {
    const { warehouse } = await connect({ states: ["RUNNING", "CANCELED"] });
    await expect(warehouse.query("SELECT 1")).rejects.toMatchObject({ kind: "canceled" });
  });

  it("tells a refused token from a refused statement, and shows no token", async () => {
    const { warehouse } = await connect(numbers, { token: "dapi-wrong" });
    const error = await warehouse.query("SELECT 1").catch((reason: Error) => reason);
    expect(error).toMatchObject({ kind: "unauthorized" });
    expect(String(error)).not.toContain("dapi-wrong");
  });

  it("says when nobody answers", async () => {
    const { warehouse } = await connect(numbers);
    await standIn?.[Symbol.asyncDispose]();
    await expect(warehouse.query("SELECT 1")).rejects.toMatchObject({ kind: "unreachable" });
  });
});

describe("a statement that nobody waits for any more", () => {
  const endless: Script = { states: ["RUNNING"] };
  const cancelPath = "/api/2.0/sql/statements/statement-1/cancel";

  it("is canceled in the warehouse when its time is up", async () => {
    const { warehouse, requests } = await connect(endless, { timeoutMs: 1_000 });
    await expect(warehouse.query("SELECT 1")).rejects.toMatchObject({ kind: "timeout" });
    expect(requests.map(({ path }) => path)).toContain(cancelPath);
  });

  it("is canceled in the warehouse when its caller gives up", async () => {
    const { warehouse, requests } = await connect(endless);
    const reason = new Error("changed my mind");
    const abort = new AbortController();
    const query = warehouse.query("SELECT 1", [], abort.signal);
    query.catch(() => {});
    // Once it polls it knows the statement's name, without which nothing can be canceled.
    await expect.poll(() => requests.length).toBeGreaterThan(1);
    abort.abort(reason);
    await expect(query).rejects.toBe(reason);
    expect(requests.map(({ path }) => path)).toContain(cancelPath);
  });
});
