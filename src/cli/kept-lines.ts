/** A line for each engine that has kept setups, and what they may take. */
export async function keptLines(): Promise<string[]> {
  const { engineAdmins } = await import("../engines/admin.js");
  const { count, size } = await import("./view/format.js");
  const lines: string[] = [];
  for (const { name, kept } of engineAdmins()) {
    const found = await kept?.();
    if (found === undefined || found.count === 0) continue;
    const { bytes, limitBytes } = found;
    const setups = count(found.count, "cached setup");
    lines.push(
      `${setups} of the ${name} engine: ${size(bytes)} of at most ${size(limitBytes)} (FORKBOX_KEPT_MIB).`,
    );
  }
  return lines;
}
