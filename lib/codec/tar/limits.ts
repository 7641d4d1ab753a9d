import { VarveError } from "../../errors.ts";

/** Limits of a {@linkcode TarReader}. An archive that exceeds a limit is refused with `E_LIMIT`. */
export interface TarLimits {
  /** Size of one PAX header or GNU long name, in bytes. */
  readonly metaHeaderBytes: number;
  /** Size of all PAX headers, GNU long names and sparse maps together, in bytes. */
  readonly metaBytes: number;
  /** Size of the map of one sparse file as stored in the archive, in bytes. */
  readonly sparseMapBytes: number;
  /**
   * Length of a path or of the target of a hard link, in bytes. A longer path or target is refused
   * with `E_NAME_TOO_LONG`.
   */
  readonly pathBytes: number;
  /** Number of GNU long names and long links before one entry. */
  readonly longNames: number;
  /**
   * Size of the archive in bytes. It limits the total size of its files too, which includes holes.
   */
  readonly layerBytes: number;
  /** Number of entries, without meta headers. */
  readonly entries: number;
}

/** The default limits. */
export const DEFAULT_TAR_LIMITS: TarLimits = {
  metaHeaderBytes: 1024 * 1024,
  metaBytes: 512 * 1024 ** 2,
  sparseMapBytes: 1024 * 1024,
  pathBytes: 64 * 1024,
  longNames: 16,
  layerBytes: 64 * 1024 ** 3,
  entries: 5_000_000,
};

/**
 * Completes limits with the defaults.
 *
 * @throws {RangeError} when a limit is not a safe integer of at least 0
 */
export function resolveTarLimits(limits: Partial<TarLimits> = {}): TarLimits {
  const all = { ...DEFAULT_TAR_LIMITS, ...limits };
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot limit a tar archive: ${name} is ${value}`);
    }
  }
  return all;
}

/** Limits that use the setting of a layer limit. */
const FOLLOWING: { readonly [K in keyof TarLimits]?: string } = {
  entries: "limits.layer.entries",
  pathBytes: "limits.layer.path",
};

/** The error for an exceeded limit. It names the setting. */
export function limitError(limit: keyof TarLimits, what: string, allowed: number): VarveError {
  const setting = FOLLOWING[limit] ?? `limits.${limit}`;
  return new VarveError(
    "E_LIMIT",
    `Cannot read tar archive: ${what} exceeds ${setting} (${allowed})`,
    { expected: allowed, setting, hint: "if you trust the source, raise this limit" },
  );
}
