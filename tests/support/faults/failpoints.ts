/**
 * Failure points inside of a process, in the syntax of containerd (internal/failpoint/fail.go): terms that follow each
 * other, each for some hits: `2*off->1*error(EIO)->delay(5)->panic`. A term without a count is for all further hits.
 *
 * - `off`: nothing happens
 * - `error(NAME)`: the call fails, with an error number of the kernel or, at a commit, of SQLite
 * - `delay(MS)`: the thread stands still
 * - `panic`: the process is killed
 */
import { DatabaseSync, StatementSync } from "node:sqlite";
import { constants } from "node:os";

/** The named points. */
export type Point =
  | "after-blob-write"
  | "after-sync"
  | "before-rename"
  | "after-rename"
  | "before-db-commit"
  | "after-db-commit"
  | "mid-worker-message";

/** One term. */
export interface Term {
  readonly kind: "off" | "error" | "delay" | "panic";
  /** For how many hits. */
  readonly count: number;
  readonly argument: string;
}

/** Parses terms. @throws {SyntaxError} */
export function parseTerms(text: string): Term[] {
  return text.split("->").map((part) => {
    const match = /^(?:([0-9]+)\*)?(off|error|delay|panic)(?:\(([^)]*)\))?$/.exec(part.trim());
    if (match === null) throw new SyntaxError(`Cannot read the failure point ${part}`);
    const [, count, kind, argument = ""] = match;
    return { kind: kind as Term["kind"], count: Number(count ?? Infinity), argument };
  });
}

/** The term of a hit, from 1. */
export function termAt(terms: readonly Term[], hit: number): Term | undefined {
  let before = 0;
  return terms.find(({ count }) => hit <= (before += count));
}

/** An error of Deno's file API, or of node:sqlite. */
function errorOf(name: string, isDatabase: boolean): Error {
  const number = constants.errno[name as keyof typeof constants.errno];
  if (!isDatabase) {
    return Object.assign(new Error(`failure point (os error ${number})`), { code: name });
  }
  const [IOERR, FULL] = [10, 13];
  const errcode = name === "ENOSPC" ? FULL : IOERR;
  return Object.assign(new Error("failure point"), { code: "ERR_SQLITE_ERROR", errcode });
}

// deno-lint-ignore no-explicit-any
type Target = any;

/** Puts the points into this process, for good. @returns how often each was hit so far */
export function setFailpoints(
  terms: Readonly<Partial<Record<Point, string>>>,
): ReadonlyMap<Point, number> {
  const hits = new Map<Point, number>();
  const hit = (point: Point): void => {
    const number = (hits.get(point) ?? 0) + 1;
    hits.set(point, number);
    const text = terms[point];
    const term = text === undefined ? undefined : termAt(parseTerms(text), number);
    if (term === undefined || term.kind === "off") return;
    if (term.kind === "panic") Deno.kill(Deno.pid, "SIGKILL");
    if (term.kind === "error") throw errorOf(term.argument, point.endsWith("db-commit"));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(term.argument));
  };
  /** Calls `before` ahead of a method, and `after` when it has ended well. */
  const wrap = (
    target: Target,
    name: string,
    { before, after }: { before?: (self: Target) => void; after?: (self: Target) => void },
  ) => {
    const original = target[name];
    target[name] = function (this: Target, ...args: unknown[]) {
      before?.(this);
      const result = original.apply(this, args);
      const ended = (value: unknown) => (after?.(this), value);
      return result instanceof Promise ? result.then(ended) : ended(result);
    };
  };
  /** Files that are being written into an ingest. */
  const staged = new WeakSet<Deno.FsFile>();
  const open = Deno.open;
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    if (options?.write === true && /\/ingest\/[0-9a-f]+\//.test(String(path))) staged.add(file);
    return file;
  };
  for (const name of ["write", "writeSync"]) {
    wrap(Deno.FsFile.prototype, name, {
      after: (file) => staged.has(file) && hit("after-blob-write"),
    });
  }
  for (const name of ["sync", "syncSync"]) {
    wrap(Deno.FsFile.prototype, name, { after: () => hit("after-sync") });
  }
  for (const name of ["rename", "renameSync"]) {
    wrap(Deno, name, { before: () => hit("before-rename"), after: () => hit("after-rename") });
  }
  const commits = new WeakSet<StatementSync>();
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (...args) {
    const statement = prepare.apply(this, args);
    if (args[0] === "COMMIT") commits.add(statement);
    return statement;
  };
  wrap(StatementSync.prototype, "run", {
    before: (statement) => commits.has(statement) && hit("before-db-commit"),
    after: (statement) => commits.has(statement) && hit("after-db-commit"),
  });
  wrap(Worker.prototype, "postMessage", { before: () => hit("mid-worker-message") });
  return hits;
}
