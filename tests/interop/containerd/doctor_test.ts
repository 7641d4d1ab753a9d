/** What `doctor` says about a running containerd. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { containerdConfig } from "../../../lib/cli/verbs/containerd/setup_texts.ts";
import { Cli } from "../../support/cli/cli.ts";
import { proxyConfig } from "../../support/containerd/proxy_config.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { startContainerd } from "../../support/peers/containerd.ts";

interface Line {
  readonly check: string;
  readonly ok: boolean | null;
  readonly found: string;
  readonly wayOut: string | null;
}

Deno.test({
  name: "doctor finds what containerd's configuration lacks, and that nothing is wrong",
  ...needs({ root: true, mount: true, tools: ["containerd", "unshare"] }),
  async fn(test) {
    await using dir = await tempDir("varve-test-", "/var/tmp");
    const socket = dir.join("varve.sock");
    const cli = new Cli(dir.join("store"));
    const args = ["doctor", "--containerd", dir.join("c.sock"), "--socket", socket];
    const ask = async (): Promise<Line[]> => (await cli.json(args)).containerd;
    const wrong = async () => (await ask()).filter(({ ok }) => ok !== true);

    await test.step("no containerd", async () => {
      const [line] = await wrong();
      assertEquals([line?.check, line?.ok], ["reachable", false]);
      assertStringIncludes(line?.wayOut ?? "", "--containerd");
    });
    await test.step("a containerd that does not know varve", async () => {
      await using _ = await startContainerd(dir.path);
      assertEquals((await wrong()).map(({ check }) => check), [
        "snapshotter",
        "differ",
        "first differ",
        "unpack",
        "overlayfs",
      ]);
      const { stdout } = await cli.any(args);
      assertStringIncludes(stdout, "CONTAINERD");
      assertStringIncludes(stdout, "[proxy_plugins.varve]");
    });
    await test.step("walking comes first, and the transfer service does not know varve", async () => {
      const config = proxyConfig(socket).replace(
        '["varve-diff", "walking"]',
        '["walking", "varve-diff"]',
      );
      await using _ = await startContainerd(dir.path, config);
      assertEquals((await wrong()).map(({ check, found }) => [check, found]), [
        ["first differ", "walking, varve-diff"],
        ["unpack", "no entry"],
        ["overlayfs", "overlayfs with no differ"],
      ]);
    });
    await test.step("as varve prints it", async () => {
      const printed = containerdConfig("1.7", {
        socket,
        containerd: dir.join("c.sock"),
        root: dir.join("store"),
        platform: "linux/amd64",
        command: ["varve"],
      }).replace("version = 2\n", "");
      await using _ = await startContainerd(dir.path, printed);
      assertEquals(await wrong(), []);
      const unshared = new Cli(dir.join("store"), {}, ["unshare", "-m", ...cli.command([])]);
      const lines: Line[] = (await unshared.json(args)).containerd;
      assertEquals(lines.filter(({ ok }) => ok !== true).map(({ check }) => check), [
        "mount namespace",
      ]);
    });
  },
});
