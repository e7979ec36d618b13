import type { QueryResult } from "../../shared/api.ts";

interface Props {
  caption: string;
  result: QueryResult;
}

/** Any query's result. Neither rows nor cells have an identity but their place, so keys are indices. */
export function ResultTable({ caption, result: { columns, rows, truncated } }: Props) {
  if (rows.length === 0) return <p>No trip matches.</p>;
  return (
    <>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {heading(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: see above
                <td key={column} className={typeof cell === "number" ? "number" : undefined}>
                  {cell === null ? "–" : String(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {truncated && <p>There is more than the warehouse would send.</p>}
    </>
  );
}

/** `average_fare` is shown as "Average fare". */
function heading(column: string): string {
  const words = column.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
