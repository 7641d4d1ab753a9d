const UNITS = "KMGTPEZY";

/** A number of bytes as `ls -h` and `du -h` print it: in powers of 1024, rounded up, `1.5K`. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  let [value, unit] = [bytes, -1];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  const tenths = Math.ceil(value * 10) / 10;
  if (tenths < 10) return `${tenths.toFixed(1)}${UNITS[unit]}`;
  const whole = Math.ceil(value);
  return whole < 1024 ? `${whole}${UNITS[unit]}` : `1.0${UNITS[unit + 1]}`;
}
