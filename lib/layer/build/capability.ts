import type { ByteString } from "../../bytes/mod.ts";

/** `linux/capability.h`: revision and length of the two forms that Linux still takes. */
const FORMS: readonly (readonly [revision: number, length: number])[] = [
  [0x0200_0000, 20],
  [0x0300_0000, 24],
];
const EFFECTIVE = 1;

/** Whether the value of `security.capability` is one that Linux takes (`cap_convert_nscap`). */
export function isCapability(value: ByteString): boolean {
  if (value.length < 4) return false;
  const magic = (value.charCodeAt(0) | (value.charCodeAt(1) << 8) | (value.charCodeAt(2) << 16) |
    (value.charCodeAt(3) << 24)) >>> 0;
  const revision = (magic & ~EFFECTIVE) >>> 0;
  return FORMS.some(([known, length]) => known === revision && length === value.length);
}
