/** The law of imports: reads the module graph and judges each of its edges. */
import { doorOf, roomIndex, roomOf, SPAWN } from "./rooms.ts";
import { listSources, toUrl } from "./sources.ts";

/** The door that serves jobs inside a worker. */
const POOL = "lib/pool/internal.ts";

/** One import, by value or by type. */
export interface Import {
  /** Path of the importing file, relative to the project. */
  readonly from: string;
  /** The specifier as written. */
  readonly written: string;
  /** Project path, or a package (`@std/x`, `npm:x`, `node:x`), or a URL. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** Line of the import, from 1. */
  readonly line: number;
}

/** What `deno info --json` says about the module that a dependency resolves to. */
interface Resolved {
  specifier?: string;
  error?: string;
  span?: { start: { line: number } };
}

interface Graph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { specifier: string; code?: Resolved; type?: Resolved }[];
  }[];
}

/** The module graph of the shipped code. */
export interface ProjectGraph {
  /** Every import of every shipped file. */
  readonly imports: readonly Import[];
  /** Modules and dependencies that could not be read or resolved, one line each. */
  readonly unreadable: readonly string[];
}

/**
 * Reads the graph of `mod.ts` and of all files of `lib/` and `workers/`.
 *
 * `deno info` takes one root, so a temporary file imports every file of the project. Files that
 * nothing else imports are judged, too.
 */
export async function readGraph(root: string): Promise<ProjectGraph> {
  const files = await listSources(root);
  const scratch = await Deno.makeTempDir({ prefix: "varve-law-" });
  try {
    const entry = `${scratch}/root.ts`;
    const lines = files.map((file) => `import ${JSON.stringify(toUrl(root, file))};`);
    await Deno.writeTextFile(entry, lines.join("\n") + "\n");
    const out = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", "--config", `${root}/deno.json`, entry],
      env: { NO_COLOR: "1" },
      stderr: "piped",
    }).output();
    if (!out.success) throw new Error(new TextDecoder().decode(out.stderr));
    return toImports(root, JSON.parse(new TextDecoder().decode(out.stdout)));
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function toImports(root: string, graph: Graph): ProjectGraph {
  const base = toUrl(root, "");
  const imports: Import[] = [];
  const unreadable: string[] = [];
  for (const module of graph.modules) {
    if (!module.specifier.startsWith(base)) continue;
    const from = module.specifier.slice(base.length);
    if (module.error !== undefined) unreadable.push(`${from}: ${module.error}`);
    if (from.startsWith("tests/")) continue;
    for (const dep of module.dependencies ?? []) {
      // Code and types may come from different modules. Then each is an import of its own.
      const ends = dep.code?.specifier === dep.type?.specifier ? [dep.code] : [dep.code, dep.type];
      for (const end of ends) {
        if (end === undefined) continue;
        if (end.specifier === undefined) {
          unreadable.push(`${from}: ${dep.specifier}: ${end.error ?? "not resolved"}`);
          continue;
        }
        imports.push({
          from,
          written: dep.specifier,
          to: target(base, dep.specifier, end.specifier),
          typeOnly: end !== dep.code,
          line: (end.span?.start.line ?? 0) + 1,
        });
      }
    }
  }
  return { imports, unreadable };
}

/** `@std` is judged as written, because its stand-ins resolve to files of this project. */
function target(base: string, written: string, resolved: string): string {
  if (written.startsWith("@std/")) return packageName(written);
  if (resolved.startsWith(base)) return resolved.slice(base.length);
  const npm = /^(?:npm|jsr):\/?((?:@[^/]+\/)?[^@/]+)/.exec(resolved);
  if (npm !== null) return `${resolved.slice(0, 4)}${npm[1]}`;
  return resolved;
}

function packageName(specifier: string): string {
  return specifier.split("/", 2).join("/");
}

/** The imports that break a rule, one line each: file and line, target, rule. */
export function judgeImports(imports: readonly Import[]): string[] {
  const out: string[] = [];
  for (const edge of imports) {
    const rule = brokenRule(edge);
    if (rule !== undefined) out.push(`${edge.from}:${edge.line} imports ${edge.to}: ${rule}`);
  }
  return out.sort();
}

function brokenRule({ from, to }: Import): string | undefined {
  const inProject = /^(mod\.ts$|lib\/|workers\/|tests\/)/.test(to);
  if (to.startsWith("tests/")) return "shipped code must not import tests";
  if (from === "mod.ts") {
    return doorOf(to) === "mod" ? undefined : "the public mod.ts imports only a mod.ts of a room";
  }
  if (from.startsWith("workers/")) {
    return doorOf(to) === "jobs" || to === POOL
      ? undefined
      : `a worker entry imports only jobs.ts of rooms and ${POOL}`;
  }
  const room = roomOf(from);
  if (room === undefined) return "the file is in no room of tests/law/rooms.ts";
  if (!inProject) {
    const only = room.onlyIn?.[to];
    if (only !== undefined) return from === only ? undefined : `only ${only} may import it`;
    // Types of an allowed package that ships none.
    const name = to.replace(/^npm:@types\//, "npm:");
    return room.packages.includes(name)
      ? undefined
      : `room ${room.name} may not import this package`;
  }
  if (to.startsWith("workers/")) {
    return from === SPAWN ? undefined : `only ${SPAWN} imports worker entries`;
  }
  if (to === "mod.ts") return "lib/ must not import the public mod.ts";
  const other = roomOf(to);
  if (other === undefined) return "the target is in no room of tests/law/rooms.ts";
  if (other === room) return undefined;
  if (roomIndex(other.name) > roomIndex(room.name)) {
    return `room ${other.name} comes after room ${room.name} in tests/law/rooms.ts`;
  }
  const door = doorOf(to);
  if (door === "jobs") return "jobs.ts is for worker entries";
  return door === undefined ? "another room only through its mod.ts or internal.ts" : undefined;
}
