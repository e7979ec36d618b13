/** The value at the end of a path of response keys; undefined for a word that stands for anything. */
export type Leaf = (path: readonly string[]) => unknown;

/** An answer of the form that a query asks for. It reads the queries that forkbox writes, not all of GraphQL. */
export function answerTo(query: string, leaf: Leaf): unknown {
  const tokens = query.match(/"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_][A-Za-z0-9_]*|[{}()[\]:]|[^\s,]/g) ?? [];
  let at = 0;

  const skipArguments = () => {
    let depth = 0;
    do {
      if (tokens[at] === "(") depth++;
      if (tokens[at] === ")") depth--;
      at++;
    } while (depth > 0);
  };

  const selection = (path: readonly string[]): Record<string, unknown> => {
    const answer: Record<string, unknown> = {};
    at++;
    while (tokens[at] !== "}") {
      if (tokens[at] === "...") {
        at += 3;
        Object.assign(answer, selection(path));
        continue;
      }
      const key = tokens[at++] as string;
      if (tokens[at] === ":") at += 2;
      if (tokens[at] === "(") skipArguments();
      const here = [...path, key];
      const inner = tokens[at] === "{" ? selection(here) : undefined;
      answer[key] = leaf(here) ?? inner ?? `some ${key}`;
    }
    at++;
    return answer;
  };

  return selection([]);
}
