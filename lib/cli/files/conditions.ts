/** The conditions of `varve find`, as predicates of an entry. */
import {
  type ByteString,
  fromText,
  secondsOf,
  type Timestamp,
  timestampFromBigInt,
  toHex,
  toText,
} from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Node, NodeType } from "../../tree/mod.ts";
import { parseDate } from "./date.ts";
import { globExpression } from "./glob.ts";
import type { IdNames } from "./id_names.ts";
import { sizeOf } from "./usage.ts";

/** What a condition looks at. */
export interface Candidate {
  /** Absolute path. */
  readonly path: ByteString;
  /** The part of the path after its last slash; `/` for the root. */
  readonly name: ByteString;
  readonly node: Node;
}

/** Whether an entry is found. */
export type Condition = (entry: Candidate) => boolean;

/** The condition of `--name` or `--path`. @throws {VarveError} `E_USAGE` */
export function matches(
  part: "name" | "path",
  pattern: string,
  ignoreCase = false,
): Condition {
  const expression = globExpression(pattern, ignoreCase);
  return (entry) => expression.test(toText(entry[part]));
}

const TYPES: Readonly<Record<string, NodeType>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  c: "char",
  b: "block",
  p: "fifo",
  w: "whiteout",
};

/** The condition of `--type`: letters with commas between them. @throws {VarveError} `E_USAGE` */
export function hasType(value: string): Condition {
  const types = value.split(",").map((letter) => {
    const type = Object.hasOwn(TYPES, letter) ? TYPES[letter] : undefined;
    if (type === undefined) throw refused("--type", value, `give some of ${Object.keys(TYPES)}`);
    return type;
  });
  return ({ node }) => types.includes(node.type);
}

/** Bytes of the units of `--size`. */
const UNITS = { c: 1, w: 2, b: 512, k: 1024, M: 1024 ** 2, G: 1024 ** 3 } as const;

/**
 * The condition of `--size`: `N`, `+N` (more) or `-N` (less) units. As in find(1), a size is rounded up to the unit. Only
 * files and symbolic links have one.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function hasSize(value: string): Condition {
  const [, sign, digits, unit = "b"] = /^([-+]?)([0-9]{1,15})([cwbkMG]?)$/.exec(value) ?? [];
  if (digits === undefined) {
    throw refused("--size", value, "give a number with c, k, M or G, such as +10M");
  }
  const bytes = UNITS[(unit === "" ? "b" : unit) as keyof typeof UNITS];
  const wanted = Number(digits);
  return ({ node }) => {
    if (node.type !== "file" && node.type !== "symlink") return false;
    const units = Math.ceil(sizeOf(node) / bytes);
    return sign === "+" ? units > wanted : sign === "-" ? units < wanted : units === wanted;
  };
}

/**
 * The condition of `--perm`: `MODE` (exactly), `-MODE` (all of these bits) or `/MODE` (any of them). MODE is octal, or
 * symbolic as in `u=s,g+w`.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function hasMode(value: string): Condition {
  const [, kind = "", text = ""] = /^([-/]?)(.*)$/s.exec(value) ?? [];
  const wanted = modeOf(text);
  if (wanted === undefined) {
    throw refused("--perm", value, "give an octal or symbolic mode, such as -4000 or /u=s,g=s");
  }
  return ({ node }) => {
    if (node.type === "whiteout") return false;
    if (kind === "-") return (node.mode & wanted) === wanted;
    if (kind === "/") return wanted === 0 || (node.mode & wanted) !== 0;
    return node.mode === wanted;
  };
}

function modeOf(text: string): number | undefined {
  if (/^0*[0-7]{1,4}$/.test(text)) return parseInt(text, 8);
  let mode = 0;
  for (const clause of text.split(",")) {
    const [, given, letters] = /^([ugoa]*)[=+]([rwxst]+)$/.exec(clause) ?? [];
    if (given === undefined || letters === undefined) return undefined;
    const who = given === "" || given.includes("a") ? "ugo" : given;
    for (const letter of letters) mode |= bitsOf(letter, who);
  }
  return mode;
}

const PERMISSIONS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function bitsOf(letter: string, who: string): number {
  if (letter === "t") return who.includes("o") ? 0o1000 : 0;
  if (letter === "s") return (who.includes("u") ? 0o4000 : 0) | (who.includes("g") ? 0o2000 : 0);
  let bits = 0;
  for (const one of who) bits |= (PERMISSIONS[letter] as number) << (SHIFTS[one] as number);
  return bits;
}

/** The condition of `--user` or `--group`. @throws {VarveError} `E_NOT_FOUND` the image does not know the name */
export function isOwnedBy(kind: "user" | "group", value: string, names: IdNames): Condition {
  const id = names.find(value);
  if (id === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find ${kind} ${value}: the image does not name it`,
      {
        subject: value,
        hint: "give its number",
      },
    );
  }
  const property = kind === "user" ? "uid" : "gid";
  return ({ node }) => node.type !== "whiteout" && node[property] === id;
}

/** A time as `--newer` takes it: RFC 3339, `YYYY-MM-DD` or `@SECONDS`; `undefined` for anything else. */
export function parseTime(value: string): Timestamp | undefined {
  const seconds = /^@(-?[0-9]{1,15})$/.exec(value)?.[1];
  if (seconds !== undefined) return timestampFromBigInt(BigInt(seconds));
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[-+]\d\d:\d\d))?$/.test(value)) {
    return undefined;
  }
  const milliseconds = parseDate(value);
  if (milliseconds === undefined) return undefined;
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? "";
  return timestampFromBigInt(
    BigInt(Math.floor(milliseconds / 1000)),
    Number(fraction.padEnd(9, "0")),
  );
}

/** The condition of `--newer`. */
export function isNewerThan(time: Timestamp): Condition {
  return ({ node }) => {
    if (node.type === "whiteout") return false;
    const [own, other] = [secondsOf(node.mtime), secondsOf(time)];
    return own > other || own === other && node.mtime.ns > time.ns;
  };
}

/** The condition of `--digest`: of a file's content, or the beginning of it. @throws {VarveError} `E_USAGE` */
export function hasDigest(value: string): Condition {
  const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(value)?.[1];
  if (hex === undefined) throw refused("--digest", value, "give at least 4 hexadecimal digits");
  return ({ node }) =>
    node.type === "file" &&
    (node.digest === null ? EMPTY : toHex(node.digest)).startsWith(hex);
}

/** SHA-256 of nothing. Trees leave out the digest of an empty file. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The condition of `--xattr`: a pattern for the name, and after `=` the value. @throws {VarveError} `E_USAGE` */
export function hasXattr(value: string): Condition {
  const at = value.indexOf("=");
  const name = globExpression(at < 0 ? value : value.slice(0, at));
  const wanted = at < 0 ? undefined : fromText(value.slice(at + 1));
  return ({ node }) =>
    node.type !== "whiteout" &&
    node.xattrs.some((one) =>
      name.test(toText(one.name)) && (wanted === undefined || one.value === wanted)
    );
}

function refused(option: string, value: string, next: string): VarveError {
  return new VarveError("E_USAGE", `Cannot use ${JSON.stringify(value)} for ${option}: ${next}`);
}
