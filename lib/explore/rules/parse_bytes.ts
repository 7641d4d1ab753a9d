const UNITS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * Reads a number of bytes as dive does: `20MB`, `1.5 GiB`, `700k`, `1,000`. Without an `i` a unit is a power of 1000.
 * `undefined` when it is none.
 */
export function parseBytes(text: string): number | undefined {
  const match = /^([0-9][0-9,]*(?:\.[0-9]+)?) *(?:([kmgtp])(i?)b?|b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, digits = "", unit = "", binary = ""] = match;
  const power = UNITS[unit.toLowerCase()] ?? 0;
  return Math.floor(Number(digits.replaceAll(",", "")) * (binary === "" ? 1000 : 1024) ** power);
}
