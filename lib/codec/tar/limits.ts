import { VarveError } from "../../errors.ts";

/** What a {@linkcode TarReader} accepts at most; an archive that goes beyond is refused with `E_LIMIT`. */
export interface TarLimits {
  /** Bytes of one PAX header or GNU long name. */
  readonly metaHeaderBytes: number;
  /** Bytes of the map of one sparse file, as stored. */
  readonly sparseMapBytes: number;
  /** Bytes of a path or of a hard link's target; beyond it is `E_NAME_TOO_LONG`. */
  readonly pathBytes: number;
  /** GNU long names and long links in front of one entry. */
  readonly longNames: number;
  /** Bytes of the whole archive and, so that holes count too, of all its files together. */
  readonly layerBytes: number;
  /** Entries, meta headers not counted. */
  readonly entries: number;
}

/** The limits that hold where none are given. */
export const DEFAULT_TAR_LIMITS: TarLimits = {
  metaHeaderBytes: 1024 * 1024,
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

/** Limits that follow those of the layer, and so have their settings. */
const FOLLOWING: { readonly [K in keyof TarLimits]?: string } = {
  entries: "limits.layer.entries",
  pathBytes: "limits.layer.path",
};

/** The error of a limit that was exceeded; it names the setting. */
export function limitError(limit: keyof TarLimits, what: string, allowed: number): VarveError {
  const setting = FOLLOWING[limit] ?? `limits.${limit}`;
  return new VarveError(
    "E_LIMIT",
    `Cannot read tar archive: ${what} exceeds ${setting} (${allowed})`,
    { expected: allowed, setting, hint: `raise it with: varve config set ${setting} N` },
  );
}
