import { expect, it } from "vitest";
import { readConfig } from "../server/config.ts";

const env = {
  DATABRICKS_HOST: "https://dbc-1.cloud.databricks.com",
  DATABRICKS_WAREHOUSE_ID: "w1",
  DATABRICKS_TOKEN: "dapi-of-the-tests",
};

it("takes a host with and without its scheme, and nothing after it", () => {
  const hosts = ["dbc-1.cloud.databricks.com", "https://dbc-1.cloud.databricks.com/?o=1"];
  for (const DATABRICKS_HOST of hosts) {
    expect(readConfig({ ...env, DATABRICKS_HOST }).host.href).toBe(
      "https://dbc-1.cloud.databricks.com/",
    );
  }
});

it("names every variable that is missing", () => {
  expect(() => readConfig({ DATABRICKS_HOST: "h" })).toThrow(
    /DATABRICKS_WAREHOUSE_ID, DATABRICKS_TOKEN/,
  );
});

it("sends the token over plain HTTP on loopback only", () => {
  expect(() =>
    readConfig({ ...env, DATABRICKS_HOST: "http://dbc-1.cloud.databricks.com" }),
  ).toThrow(/https/);
  expect(readConfig({ ...env, DATABRICKS_HOST: "http://127.0.0.1:80" }).host.hostname).toBe(
    "127.0.0.1",
  );
});
