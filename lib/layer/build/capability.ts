import type { ByteString } from "../../bytes/mod.ts";

/** Revision and length in bytes of the two forms that Linux still accepts (`linux/capability.h`). */
const FORMS: readonly (readonly [revision: number, length: number])[] = [
  [0x0200_0000, 20],
  [0x0300_0000, 24],
];
/** `VFS_CAP_FLAGS_EFFECTIVE`, which may be set in both forms. */
const EFFECTIVE = 1;

/** Whether Linux accepts the value as `security.capability` (`cap_convert_nscap`). */
export function isCapability(value: ByteString): boolean {
  if (value.length < 4) return false;
  const magic = (value.charCodeAt(0) | (value.charCodeAt(1) << 8) | (value.charCodeAt(2) << 16) |
    (value.charCodeAt(3) << 24)) >>> 0;
  const revision = (magic & ~EFFECTIVE) >>> 0;
  return FORMS.some(([known, length]) => known === revision && length === value.length);
}
