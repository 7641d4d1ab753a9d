import { VarveError } from "../../errors.ts";
import type { JsonObject, JsonValue } from "./strict_json.ts";

/** Reads typed fields of one JSON object. `null` counts as absent, as Go's readers have it. */
export class Fields {
  readonly #object: JsonObject;
  readonly #what: string;

  /**
   * Takes an object whose fields `names` will be read.
   *
   * A key that differs from a name only by case is refused: Go's readers would take it for the
   * field, others would not, and the same bytes would be two documents.
   */
  constructor(value: JsonValue | undefined, what: string, names: readonly string[]) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new VarveError("E_JSON", `Cannot read ${what}: it is ${kindOf(value)}, not an object`);
    }
    this.#object = value as JsonObject;
    this.#what = what;
    for (const key of Object.keys(this.#object)) {
      if (names.includes(key)) continue;
      const folded = fold(key);
      const twin = names.find((name) => fold(name) === folded);
      if (twin !== undefined) {
        throw new VarveError(
          "E_JSON",
          `Cannot read ${what}: the key ${JSON.stringify(key)} differs from "${twin}" only by case`,
        );
      }
    }
  }

  /** Whether a field is there and not null. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** A field of any type. */
  raw(name: string): JsonValue | undefined {
    return this.#object[name] ?? undefined;
  }

  /** An optional string. */
  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.#wrong(name, value, "a string");
  }

  /** An optional boolean. */
  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#wrong(name, value, "true or false");
  }

  /** An optional integer in the safe range. */
  integer(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value))) {
      return value as number | undefined;
    }
    throw this.#wrong(name, value, "an integer");
  }

  /** An optional array. */
  array(name: string): readonly JsonValue[] | undefined {
    const value = this.raw(name);
    if (value === undefined || Array.isArray(value)) return value as readonly JsonValue[];
    throw this.#wrong(name, value, "an array");
  }

  /** An array that must be there. @throws {VarveError} `E_FORMAT` */
  requiredArray(name: string): readonly JsonValue[] {
    return this.array(name) ?? this.missing(name);
  }

  /** An optional array of strings. */
  strings(name: string): readonly string[] | undefined {
    const value = this.array(name);
    value?.forEach((item, i) => {
      if (typeof item !== "string") throw this.#wrong(`${name}[${i}]`, item, "a string");
    });
    return value as readonly string[] | undefined;
  }

  /** An optional object. */
  object(name: string): JsonObject | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    throw this.#wrong(name, value, "an object");
  }

  /** An optional object of strings. */
  map(name: string): Readonly<Record<string, string>> | undefined {
    const object = this.object(name);
    if (object === undefined) return undefined;
    for (const [key, value] of Object.entries(object)) {
      if (typeof value !== "string") {
        throw this.#wrong(`${name}[${JSON.stringify(key)}]`, value, "a string");
      }
    }
    return object as Readonly<Record<string, string>>;
  }

  /** Says that a required field is not there. */
  missing(name: string): never {
    throw new VarveError("E_FORMAT", `Cannot read ${this.#what}: it has no "${name}"`);
  }

  #wrong(name: string, value: JsonValue, wanted: string): VarveError {
    return new VarveError(
      "E_JSON",
      `Cannot read ${this.#what}: "${name}" is ${kindOf(value)}, not ${wanted}`,
    );
  }
}

/** Folds case as Go's JSON reader does, also for `ſ` and the Kelvin sign. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "object") return "an object";
  return `the number ${value}`;
}

/** The same object without the fields that are `undefined`, for a value that is compared and printed. */
export function defined<T extends object>(fields: T): T {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as T;
}
