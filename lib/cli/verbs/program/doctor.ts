import { formatBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { chooseInflater } from "../../../layer_job/internal.ts";
import { absolutePath, isSupported } from "../../../linux/mod.ts";
import { type DriverFinding, DRIVERS, judgeDriver, selectDriver } from "../../../snapshot/mod.ts";
import type { DiskStore } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { table } from "../../display/table.ts";
import {
  containerFacts,
  findTool,
  machineFacts,
  type StoreFacts,
  storeFacts,
  TOOLS,
} from "./doctor_facts.ts";
import { inflaterOf } from "../../options.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { failuresOf } from "./doctor_failures.ts";
import { slowFacts } from "./doctor_faster.ts";
import { mendsOf, mendText } from "./doctor_mend_report.ts";
import { CONTAINERD_SOCKET, containerdLines, VARVE_SOCKET } from "./doctor_containerd.ts";
import { openTrialStore } from "./trial_store.ts";
import { VERSION } from "./version.ts";

/** `varve doctor`. */
export const doctor: Verb = {
  usage: "doctor",
  withoutStore: "reports",
  summary: "show what this machine can do, which driver is used, and why",
  help:
    `doctor makes no store. Where there is none yet, it tries the drivers in a temporary directory on the file system
on which the store would be, and removes it.

JSON: {"version","machine":{"os","arch","kernel","cores","memory","user","maySystemCall","mayMount","openFiles"},
"store":{"root","fileSystem","size","available","freeInodes","readOnly","exists","durability"}|{"root","error"},
"drivers":[{"name","works","why"}],"driver","tools":[{"name","path","for"}],
"inflater":{"name","why"},
"containers":{"runtime":NAME|null,"cgroups":"1"|"2"|"hybrid"},
"faster":[{"check","found","wayOut"}],"containerd":[{"check","ok":true|false|null,"found","wayOut":TEXT|null}]|null,
"mend":[{"check","found","commands":[TEXT]}]}

mend has what fails, and the commands that mend it, to be pasted into a shell. Packages have the names of the
distribution that runs here.

faster tells what makes loads, pulls and mounts slower here than they could be, and what to do.

containerd is checked where its default socket is, or at --containerd: whether it knows varve, and is configured and
placed so that containers see the right files.

Exit code: 0 if load and unpack work here, else 9.

Example:
  varve doctor`,
  configure(command) {
    command
      .option("--containerd <path>", `containerd's socket (default ${CONTAINERD_SOCKET})`)
      .option("--socket <path>", `the socket of 'varve serve' (default ${VARVE_SOCKET})`);
  },
  async run(context, _args, options) {
    const machine = machineFacts();
    await using stack = new AsyncDisposableStack();
    const { store, exists, error } = await tryStore(context, stack);
    const drivers = store === undefined ? [] : DRIVERS.map((name) => judgeDriver(store, name));
    const driver = store === undefined ? null : usedDriver(context, store, drivers);
    const tools = await Promise.all(TOOLS.map(async (tool) => ({
      ...tool,
      path: await findTool(tool.name, context.io.env("PATH") ?? ""),
    })));
    const containers = await containerFacts(context.io.env("PATH") ?? "");
    const inflater = inflaterFinding(context, store);
    const facts: Partial<StoreFacts> = store === undefined ? {} : storeFacts(store);
    const storePart = store === undefined
      ? { root: context.options.root, error: error?.message ?? "" }
      : {
        ...facts,
        root: absolutePath(context.options.root),
        exists,
        durability: store.durability,
      };
    const { fileSystem } = facts;
    const faster = slowFacts({
      inflater: { ...inflater, wanted: inflaterOf(context.options, store) },
      drivers,
      driver,
      fileSystem,
    });
    const containerd = await containerdLines(
      context.options.root,
      stringOption(options, "containerd"),
      stringOption(options, "socket"),
    );
    const missing = tools.filter(({ path }) => path === null).map(({ name }) => name);
    const mends = failuresOf({
      machine,
      store: facts,
      error,
      drivers,
      faster,
      runtime: containers.runtime,
      missing,
      containerd,
    });
    const mend = mends.length === 0
      ? []
      : await mendsOf(context, mends, { missing, containerd, options });
    const works = store !== undefined && isSupported() && facts.readOnly !== true;
    return {
      json: {
        version: VERSION,
        machine,
        store: storePart,
        drivers,
        driver,
        inflater,
        tools,
        containers,
        faster,
        containerd,
        mend,
      },
      text: [
        `varve ${VERSION}`,
        table(
          ["MACHINE", ""],
          Object.entries(machine).map(([key, value]) => [key, show(key, value)]),
          context.columns,
        ),
        table(
          ["STORE", ""],
          Object.entries(storePart).map(([key, value]) => [key, show(key, value)]),
          context.columns,
        ),
        table(
          ["DRIVER", "", ""],
          drivers.map(({ name, works, why }) => [name, works ? "works" : "does not work", why]),
          context.columns,
        ),
        `driver in use: ${driver ?? "none"}\n`,
        `inflater in use: ${inflater.name} (${inflater.why})\n`,
        `runtime in use: ${containers.runtime ?? "none"}, cgroups: ${
          containers.cgroups === "hybrid"
            ? "both versions (crun refuses such a mix, so version 2 is hidden from it)"
            : `version ${containers.cgroups}`
        }\n`,
        table(
          ["TOOL", "PATH", "FOR"],
          tools.map((tool) => [tool.name, tool.path ?? "not found", tool.for]),
          context.columns,
        ),
        ...containerd === null ? [] : [table(
          ["CONTAINERD", "", ""],
          containerd.map(({ check, ok, found }) => [
            check,
            ok === null ? "unknown" : ok ? "good" : "wrong",
            found,
          ]),
          context.columns,
        )],
        ...mend.length === 0 ? [] : [mendText(mend, [...faster, ...containerd ?? []])],
      ].join("\n"),
      exit: works ? 0 : 9,
    };
  },
};

/** What doctor found where the store should be. */
interface FoundStore {
  /** The store. Where there is none yet, a temporary store in its place. */
  readonly store?: DiskStore | undefined;
  /** Whether `store` is the user's store. */
  readonly exists?: boolean | undefined;
  readonly error?: VarveError | undefined;
}

/** Opens the store. A failure is part of the report, not an error of the verb. */
async function tryStore(context: Context, stack: AsyncDisposableStack): Promise<FoundStore> {
  try {
    const store = await context.storeIfAny();
    if (store !== undefined) return { store, exists: true };
    return { store: await openTrialStore(context.options, stack), exists: false };
  } catch (error) {
    if (error instanceof VarveError) return { error };
    throw error;
  }
}

function usedDriver(
  context: Context,
  store: DiskStore,
  drivers: readonly DriverFinding[],
): string {
  const wanted = context.options.driver ?? store.settings.get("driver") ?? "auto";
  const best = drivers.find((driver) => driver.works);
  if (wanted === "auto" && best !== undefined) return best.name;
  return selectDriver(store, { wanted }).name;
}

/** What decompresses gzip here. If the inflater that the user chose does not work, the report says so. */
function inflaterFinding(
  context: Context,
  store: DiskStore | undefined,
): { readonly name: string; readonly why: string } {
  try {
    const { name, why } = chooseInflater(inflaterOf(context.options, store));
    return { name, why };
  } catch (error) {
    if (error instanceof VarveError) return { name: "none", why: error.message };
    throw error;
  }
}

const SIZES = new Set(["memory", "size", "available"]);

function show(key: string, value: unknown): string {
  if (key === "exists") {
    return value === true ? "yes" : "not yet: the first load, pull or import makes it";
  }
  return typeof value === "number" && SIZES.has(key) ? formatBytes(value) : String(value);
}
