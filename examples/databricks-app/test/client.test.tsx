import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { App } from "../client/src/app.tsx";
import { FaresView } from "../client/src/fares-view.tsx";
import { fetchFares } from "../client/src/fetch-fares.ts";
import type { FaresState } from "../client/src/use-fares.ts";
import { defaultQuery, type QueryResult } from "../shared/api.ts";

const result: QueryResult = {
  columns: [
    { name: "pickup_zip", type: "INT" },
    { name: "average_fare", type: "DOUBLE" },
  ],
  rows: [
    [10103, 11.5],
    [null, 0],
  ],
  truncated: false,
};

function render(state: FaresState): string {
  return renderToStaticMarkup(<FaresView state={state} onRetry={() => {}} />);
}

describe("the page", () => {
  it("starts with a labelled form and says that it is loading", () => {
    const page = renderToStaticMarkup(<App />);
    for (const [, id] of page.matchAll(/<input id="([^"]+)"/g))
      expect(page).toContain(`for="${id}"`);
    expect(page).toMatch(/aria-busy="true".*role="status"/);
  });

  it("shows a result as a table with a caption and column headings", () => {
    const table = render({ status: "loaded", result });
    expect(table).toContain("<caption>Busiest first</caption>");
    expect(table).toContain('<th scope="col">Pickup zip</th><th scope="col">Average fare</th>');
    expect(table).toContain('<td class="number">10103</td><td class="number">11.5</td>');
  });

  it("shows a missing value as a dash, and zero as zero", () => {
    expect(render({ status: "loaded", result })).toContain('<td>–</td><td class="number">0</td>');
  });

  it("says when nothing matches, and when there is more", () => {
    expect(render({ status: "loaded", result: { ...result, rows: [] } })).toContain(
      "No trip matches",
    );
    expect(render({ status: "loaded", result: { ...result, truncated: true } })).toContain(
      "There is more",
    );
  });

  it("shows an error as an alert, as text, and offers to try again", () => {
    const alert = render({ status: "failed", message: "<b>Table</b> not found" });
    expect(alert).toMatch(
      /role="alert".*&lt;b&gt;Table&lt;\/b&gt; not found.*<button type="button">Try again/,
    );
  });
});

describe("asking the server", () => {
  afterEach(() => vi.unstubAllGlobals());

  function answerWith(body: object, init?: ResponseInit) {
    const fetch = vi.fn(async (_url: string) => Response.json(body, init));
    vi.stubGlobal("fetch", fetch);
    return fetch;
  }

  it("sends the form's values and returns the rows", async () => {
    const fetch = answerWith(result);
    expect(await fetchFares({ minFare: 2.5, limit: 7 }, new AbortController().signal)).toEqual(
      result,
    );
    expect(fetch.mock.calls[0]?.[0]).toBe("/api/fares?minFare=2.5&limit=7");
  });

  it("rejects with the server's reason", async () => {
    answerWith({ error: "limit must be a whole number" }, { status: 400 });
    const asked = fetchFares(defaultQuery, new AbortController().signal);
    await expect(asked).rejects.toThrow("limit must be a whole number");
  });
});
