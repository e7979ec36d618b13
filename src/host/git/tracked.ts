/** What git tracks of a worktree. */
export class Tracked {
  readonly #lists: readonly (readonly string[])[];

  /** @param lists - Each sorted, as latin1 of their bytes. */
  constructor(lists: readonly (readonly string[])[]) {
    this.#lists = lists;
  }

  /** The path itself. Of a submodule it is its directory. */
  has(path: string): boolean {
    return this.#lists.some((list) => list[firstFrom(list, path)] === path);
  }

  /** Something in this directory. */
  hasBelow(directory: string): boolean {
    const prefix = `${directory}/`;
    return this.#lists.some((list) => list[firstFrom(list, prefix)]?.startsWith(prefix) === true);
  }
}

function firstFrom(list: readonly string[], wanted: string): number {
  let low = 0;
  for (let high = list.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as string) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
