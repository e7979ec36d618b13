/**
 * What runners of many packages write before each line: `packages/a test: ` (pnpm, bun), `[a]: ` (yarn), `a:test: `
 * (turbo). "" where there is none; much else looks alike, so a line is read as it is first.
 */
export function prefixOf(line: string): string {
  return /^(?:\[[^\]]{1,80}\]:? |[^\s[]\S{0,79}(?: [\w:.-]{1,60})?: )/.exec(line)?.[0] ?? "";
}
