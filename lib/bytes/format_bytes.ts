/**
 * A number of bytes in readable units: powers of 1000, as registries and `docker images` print them.
 *
 * The page of the explorer runs the text of this function in a browser, so it uses nothing outside of itself.
 */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // 999.95 and more would be printed as 1000.0, so it takes the next unit.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 9.995 ? 2 : 1)} ${units[unit]}`;
}
