import { VarveError } from "../../errors.ts";

/** A directory or file of the host that a container sees, or a file system in memory. */
export interface Volume {
  /** Its path on the host; `tmpfs` for a file system in memory. */
  readonly source: string;
  /** Its absolute path in the container. */
  readonly target: string;
  /** Whether the container may only read it. */
  readonly readOnly: boolean;
  /** Options of mount(8) for a file system in memory; absent for a path of the host. */
  readonly tmpfs?: readonly string[] | undefined;
}

/**
 * Parses `SRC:DST[:ro|rw]`. SRC is a path: there are no named volumes.
 *
 * @throws {VarveError} `E_USAGE` the text does not have this form
 */
export function parseVolume(text: string): Volume {
  const [source = "", target = "", mode = "rw", ...more] = text.split(":");
  const state = !/^\.{0,2}\//.test(source)
    ? "SRC is not a path (give /… or ./…)"
    : !target.startsWith("/")
    ? "DST is not absolute"
    : normalizePath(target) === "/"
    ? "DST is the root"
    : !["ro", "rw"].includes(mode) || more.length > 0
    ? "give ro or rw after DST, and no other colon"
    // deno-lint-ignore no-control-regex
    : /[\u0000-\u001f\u007f]/.test(text)
    ? "it holds control characters"
    : undefined;
  if (state !== undefined) {
    throw new VarveError("E_USAGE", `Cannot use volume ${JSON.stringify(text)}: ${state}`, {
      hint: "give SRC:DST or SRC:DST:ro",
    });
  }
  return { source, target: normalizePath(target), readOnly: mode === "ro" };
}

/** Words among the options of a tmpfs that exclude each other, as docker has them. The first is the default. */
const SWITCHES: readonly (readonly [string, string])[] = [
  ["nosuid", "suid"],
  ["nodev", "dev"],
  ["noexec", "exec"],
  ["rw", "ro"],
];

/** Options of a tmpfs with a value. */
const VALUE =
  /^(?:size|nr_blocks|nr_inodes)=[0-9]{1,18}[kmgKMG%]?$|^mode=[0-7]{1,4}$|^[ug]id=[0-9]{1,10}$/;

/**
 * Parses `DIR[:OPTION,…]`, as `docker run --tmpfs` does: a file system in memory, which is empty at each start.
 *
 * @throws {VarveError} `E_USAGE` the text does not have this form
 */
export function parseTmpfs(text: string): Volume {
  const colon = text.indexOf(":");
  const target = normalizePath(colon < 0 ? text : text.slice(0, colon));
  const words = colon < 0 ? [] : text.slice(colon + 1).split(",");
  const switches = SWITCHES.map((pair) => words.findLast((word) => pair.includes(word)) ?? pair[0]);
  const values = words.filter((word) => !SWITCHES.some((pair) => pair.includes(word)));
  const wrong = values.find((word) => !VALUE.test(word));
  const state = !text.startsWith("/")
    ? "DIR is not absolute"
    : target === "/"
    ? "DIR is the root"
    : wrong !== undefined
    ? `${JSON.stringify(wrong)} is not an option`
    // deno-lint-ignore no-control-regex
    : /[\u0000-\u001f\u007f]/.test(text)
    ? "it holds control characters"
    : undefined;
  if (state !== undefined) {
    throw new VarveError("E_USAGE", `Cannot use tmpfs ${JSON.stringify(text)}: ${state}`, {
      hint: "give DIR or DIR:size=64m,mode=1777,exec",
    });
  }
  const mode = values.some((word) => word.startsWith("mode=")) ? [] : ["mode=1777"];
  return {
    source: "tmpfs",
    target,
    readOnly: switches.includes("ro"),
    tmpfs: [...switches, ...mode, ...values],
  };
}

/** Makes a path absolute, without `.`, `..` and empty parts. It changes only the text: links are not followed. */
export function normalizePath(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") out.pop();
    else if (part !== "" && part !== ".") out.push(part);
  }
  return `/${out.join("/")}`;
}
