import { VarveError } from "../../errors.ts";
import { fractionText, type JsonObject, type JsonValue } from "./strict_json.ts";

/** Reads typed fields of one JSON object. `null` counts as absent, as in Go's JSON reader. */
export class Fields {
  readonly #object: JsonObject;
  readonly #what: string;

  /**
   * Wraps an object. `names` are all fields that will be read.
   *
   * A key that differs from a name only by case is refused. Go's JSON reader would accept it as the
   * field, but other readers would not, so the same bytes would be two documents.
   *
   * @param what what the object is, for messages
   * @throws {VarveError} `E_JSON` when `value` is not an object or has such a key
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

  /** Whether a field exists and is not null. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** A field of any type; `undefined` when it is absent. */
  raw(name: string): JsonValue | undefined {
    return this.#object[name] ?? undefined;
  }

  /** A string; `undefined` when it is absent. @throws {VarveError} `E_JSON` for another type */
  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.#wrong(name, value, "a string");
  }

  /** A boolean; `undefined` when it is absent. @throws {VarveError} `E_JSON` for another type */
  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#wrong(name, value, "true or false");
  }

  /**
   * A safe integer. For any other value, its text, cut to 40 characters. A number with a fraction
   * or an exponent does not count as an integer, because Go refuses `2.0` and `2e0`.
   */
  integerOrText(name: string): number | { readonly text: string } {
    const value = this.raw(name);
    const fraction = fractionText(this.#object, name);
    if (typeof value === "number" && Number.isSafeInteger(value) && fraction === undefined) {
      return value;
    }
    return { text: (fraction ?? JSON.stringify(value, bigints) ?? "missing").slice(0, 40) };
  }

  /** An array; `undefined` when it is absent. @throws {VarveError} `E_JSON` for another type */
  array(name: string): readonly JsonValue[] | undefined {
    const value = this.raw(name);
    if (value === undefined || Array.isArray(value)) return value as readonly JsonValue[];
    throw this.#wrong(name, value, "an array");
  }

  /** An array. @throws {VarveError} `E_FORMAT` when it is absent, `E_JSON` for another type */
  requiredArray(name: string): readonly JsonValue[] {
    return this.array(name) ?? this.missing(name);
  }

  /**
   * An array of strings; `undefined` when it is absent.
   *
   * @throws {VarveError} `E_JSON` for anything else
   */
  strings(name: string): readonly string[] | undefined {
    const value = this.array(name);
    value?.forEach((item, i) => {
      if (typeof item !== "string") throw this.#wrong(`${name}[${i}]`, item, "a string");
    });
    return value as readonly string[] | undefined;
  }

  /** An object; `undefined` when it is absent. @throws {VarveError} `E_JSON` for another type */
  object(name: string): JsonObject | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    throw this.#wrong(name, value, "an object");
  }

  /**
   * An object of strings; `undefined` when it is absent.
   *
   * @throws {VarveError} `E_JSON` for anything else
   */
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

  /** Throws the error of a required field that is absent. @throws {VarveError} `E_FORMAT` */
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

/**
 * Folds case as Go's JSON reader does. That reader also equates `ſ` with `s` and the Kelvin sign
 * with `k`.
 */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
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

/** Drops fields that are `undefined`, because users compare and print the value. */
export function defined<T extends object>(fields: T): T {
  const out = {} as T;
  for (const key of Object.keys(fields) as (keyof T)[]) {
    if (fields[key] !== undefined) out[key] = fields[key];
  }
  return out;
}
