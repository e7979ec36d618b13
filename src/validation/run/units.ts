/** `512 MiB`, `2 GiB`, `1.5 TiB`. */
export function inUnits(mebibytes: number): string {
  let value = mebibytes;
  let unit = "MiB";
  for (const larger of ["GiB", "TiB"]) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}
