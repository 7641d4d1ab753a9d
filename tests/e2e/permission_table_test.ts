/** Each verb with the permissions that the README's table names: they are enough, and none can be left out. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GROUPS, VERBS } from "../../lib/cli/catalog.ts";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { MAIN } from "../support/cli/cli.ts";
import { boxLayer, BUSYBOX } from "../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { missing, needs } from "../support/machine/needs.ts";
import { run, runAny, type RunResult } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { PERMISSION_ROWS, type PermissionRow, STORE_FLAGS } from "../support/permissions/rows.ts";
import { openStore } from "../../lib/store/mod.ts";

const PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin";
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
const CODE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The values of the words in flags and command lines. */
type Words = Readonly<Record<string, string>>;

/** A machine for the commands: a store with an image, sources, a home, and a registry. */
async function prepare(temp: TempDir, registry: string): Promise<Words> {
  const home = temp.join("home");
  for (
    const name of ["source", "source/root", "dir", "dir/mounted", "socket", "home", "home/.docker"]
  ) {
    await Deno.mkdir(temp.join(name));
  }
  const hasBox = await Deno.stat(BUSYBOX).then(() => true, () => false);
  const layer = [...(hasBox ? await boxLayer() : [{ name: "etc/" }]), { name: "etc/f" }];
  const image = buildImage({ name: "docker.io/library/app:1", layers: [layer] });
  await Deno.writeFile(temp.join("source", "app.tar"), archiveTar(ociFiles([image])));
  await Deno.writeTextFile(temp.join("source", "root", "f"), "f");
  await Deno.writeTextFile(temp.join("source", "rules"), "maxLayers: 9");
  await run(["tar", "-cf", temp.join("source", "layer.tar"), "-C", temp.join("source/root"), "f"]);
  const names = ["http", "https", "all", "no"].map((name) => `${name}_proxy`);
  const all = { env: environment(home) };
  const store = ["--root", temp.join("store")];
  await run([...program(["-A"]), ...store, "load", temp.join("source", "app.tar")], all);
  await run(
    [...program(["-A"]), ...store, "push", "--plain-http", "app:1", `${registry}/app:1`],
    all,
  );
  return {
    STORE: temp.join("store"),
    LIBC: `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
    SOURCE: temp.join("source"),
    TEMPORARY: "/tmp",
    DIR: temp.join("dir"),
    SOCKET: temp.join("socket"),
    REGISTRY: registry,
    ADDRESS: "127.0.0.1:0",
    SETTINGS: [
      `${home}/.config/varve/certs.d`,
      "/etc/containerd/certs.d",
      `${home}/.docker/config.json`,
      `${home}/.config/containers/auth.json`,
      `/run/containers/${Deno.uid()}/auth.json`,
    ].join(),
    VARIABLES: [
      "SSL_CERT_FILE",
      "REGISTRY_AUTH_FILE",
      "XDG_RUNTIME_DIR",
      "XDG_CONFIG_HOME",
      "HOME",
      "DOCKER_CONFIG",
      "PATH",
      "GATEWAY_INTERFACE",
      ...names,
      ...names.map((name) => name.toUpperCase()),
    ].join(),
    DOCKER: `${home}/.docker`,
    PROGRAMS: PROGRAMS.replaceAll(":", ","),
    HOME: home,
  };
}

function environment(home: string): Record<string, string> {
  return { HOME: home, PATH: PROGRAMS, NO_COLOR: "1", VARVE_DURABILITY: "none", DENO_DIR };
}

function program(flags: readonly string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "--no-check", "--no-prompt", ...flags, MAIN];
}

function fill(text: string, words: Words): string {
  return text.replaceAll(/\b[A-Z]{3,}\b/g, (word) => words[word] ?? word);
}

/** The flags of a row, as Deno takes them. */
function flagsOf({ flags, isWithoutStore = false }: PermissionRow): readonly string[] {
  return isWithoutStore ? flags : [...STORE_FLAGS, ...flags];
}

async function call(
  flags: readonly string[],
  command: readonly string[],
  words: Words,
): Promise<RunResult> {
  // Quotes are for a shell; and what runs without workers needs no permission to read them.
  const given = flags.map((flag) =>
    flag.includes("_*") ? flag.replaceAll("'", "") : fill(flag, words)
  );
  const line = [...program(given), "--root", words["STORE"] ?? "", "--quiet"];
  const options = { env: environment(words["HOME"] ?? ""), clearEnv: true, stdin: "secret\n" };
  const args = command.map((word) => fill(word, words));
  if (command.includes("serve") || command.includes("--port")) {
    return await untilItServes([...line, ...args], options.env);
  }
  return await runAny([...line, ...args], options);
}

/** Runs a server until it says where it listens, or ends. */
async function untilItServes(
  [file = "", ...args]: readonly string[],
  env: Record<string, string>,
): Promise<RunResult> {
  const child = new Deno.Command(file, {
    args,
    env,
    clearEnv: true,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (!done) child.kill("SIGINT");
  const { code, signal, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    code: done ? code : 0,
    signal,
    stdout: text(stdout),
    stderr: text(stderr),
    bytes: stdout,
  };
}

Deno.test("the table of permissions has every verb", async () => {
  const groups = await Promise.all(
    Object.entries(GROUPS).map(async ([name, { verbs }]) => ({
      name,
      count: (await verbs()).length,
    })),
  );
  const shown = PERMISSION_ROWS.flatMap(({ verbs }) => verbs);
  const isShown = (name: string) =>
    shown.some((verb) => verb === name || verb.startsWith(`${name} `));
  const names = [...Object.keys(VERBS), ...groups.map(({ name }) => name)];
  assertEquals(names.filter((name) => !isShown(name)), []);
});

Deno.test({
  name: "each verb works with the permissions of the table, and with none of them left out",
  ...needs({}),
  async fn(t) {
    await using temp = await tempDir();
    await using served = await openStore({ root: temp.join("served"), durability: "none" });
    await using server = await serveRegistry(served);
    const words = await prepare(temp, new URL(server.url).host);
    const isPrivileged = missing({ root: true, mount: true, tools: ["busybox"] }).length === 0;
    for (const row of PERMISSION_ROWS) {
      if (row.isPrivileged && !isPrivileged) continue;
      await t.step(row.verbs.join(", "), async () => {
        const flags = flagsOf(row);
        const [first = []] = row.commands;
        // Those of the store are left out in a test of their own.
        for (const flag of row.flags) {
          const others = flags.filter((other) => other !== flag);
          const { code, stderr } = await call(others, first, words);
          const kind = /^--allow-[a-z]+/.exec(flag)?.[0] ?? "";
          assertEquals(code, first[0] === "run" ? 125 : 11, `without ${flag}: ${stderr}`);
          assertMatch(stderr, /^varve: Cannot .*\(run Deno with .*\)\n$/);
          assertStringIncludes(stderr, kind);
        }
        for (const command of row.commands) {
          const { code, stderr } = await call(flags, command, words);
          assertEquals(code, 0, `${command.join(" ")}: ${stderr}`);
          assertEquals(stderr.includes("NotCapable"), false, stderr);
        }
      });
    }
  },
});

Deno.test({
  name: "workers need permission to read the code, and without it a warning says so",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    const image = buildImage({ name: "docker.io/library/app:1", layers: [[{ name: "f" }]] });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    const base = ["--allow-env", "--allow-sys=uid", `--allow-read=${temp.path}`];
    const flags = [...base, `--allow-write=${temp.path}`];
    const load = async (root: string, more: readonly string[]) => {
      const line = [...program([...flags, ...more]), "--root", temp.join(root), "--progress=none"];
      return (await run([...line, "load", temp.join("app.tar")], { env: { NO_COLOR: "1" } }))
        .stderr;
    };
    assertEquals(await load("a", [`--allow-read=${CODE}`]), "");
    assertMatch(
      await load("b", []),
      /^varve: warning: jobs run one at a time on the main thread, .*\(run Deno with --allow-read=/,
    );
  },
});
