/** containerd's own suite for snapshotters: 21 cases, none skipped, none changed. */
import { assertEquals } from "@std/assert";
import { Cli } from "../../support/cli/cli.ts";
import { goSuite } from "../../support/containerd/go_suite.ts";
import { proxyConfig } from "../../support/containerd/proxy_config.ts";
import { served } from "../../support/containerd/served.ts";
import { needs } from "../../support/machine/needs.ts";
import { runAny } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { startContainerd } from "../../support/peers/containerd.ts";

const NEEDS = needs({
  root: true,
  mount: true,
  kernel: "6.12",
  tools: ["go", "apt-get", "containerd"],
});

/** How many cases the suite has. */
const CASES = 21;

/** Runs the suite, and returns what it said of its cases: name → `PASS`, `FAIL` or `SKIP`. */
async function runSuite(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly cases: ReadonlyMap<string, string>; readonly output: string }> {
  // The upper directories of overlays need a real file system.
  const { stdout, stderr } = await runAny([await goSuite(), "-test.v", "-test.timeout=20m"], {
    cwd: directory,
    env: { TMPDIR: directory, ...env },
    timeout: 25 * 60_000,
  });
  const lines = stdout.matchAll(/^\s+--- (PASS|FAIL|SKIP): TestSuite\/(\S+)/gm);
  return {
    cases: new Map([...lines].map(([, verdict = "", name = ""]) => [name, verdict])),
    output: `${stdout}\n${stderr}`.slice(-20_000),
  };
}

function assertAll({ cases, output }: Awaited<ReturnType<typeof runSuite>>): void {
  const failed = [...cases].filter(([, verdict]) => verdict !== "PASS");
  assertEquals(failed, [], output);
  assertEquals(cases.size, CASES, output);
}

for (const driver of ["erofs", "overlay", "native"]) {
  Deno.test({
    name: `containerd's suite passes straight on the socket: ${driver}`,
    ...NEEDS,
    async fn() {
      await using dir = await tempDir("varve-test-", "/var/tmp");
      const cli = new Cli(dir.join("store"));
      assertAll(
        await runSuite(dir.path, {
          ...cli.env,
          VARVE: JSON.stringify(cli.command([])),
          VARVE_DRIVER: driver,
        }),
      );
    },
  });
}

Deno.test({
  name: "containerd's suite passes through containerd: erofs",
  ...NEEDS,
  async fn() {
    await using dir = await tempDir("varve-test-", "/var/tmp");
    const socket = dir.join("varve.sock");
    await using _ = await served(dir.join("store"), {
      args: ["--socket", socket, "--containerd", dir.join("c.sock")],
      env: { VARVE_DRIVER: "erofs" },
    });
    await using containerd = await startContainerd(dir.path, proxyConfig(socket));
    assertAll(await runSuite(dir.path, { CONTAINERD: containerd.ctr[2] as string }));
  },
});
