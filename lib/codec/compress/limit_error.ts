import { VarveError } from "../../errors.ts";
import type { CompressLimits } from "./limits.ts";

/** The error for an exceeded limit. It names the setting. */
export function limitError(
  limit: keyof CompressLimits,
  what: string,
  allowed: number,
  actual: number,
): VarveError {
  const setting = `limits.${limit}`;
  return new VarveError(
    "E_LIMIT",
    `Cannot decompress stream: ${what} exceeds ${setting} (${allowed})`,
    {
      expected: allowed,
      actual,
      setting,
      hint: "if you trust the source, raise this limit",
    },
  );
}
