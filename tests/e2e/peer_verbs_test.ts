/** The ways that PEERS.md shows: each command works, and no verb of an installed peer is missing. */
import { assertEquals, assertMatch } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";

import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { PEERS } from "../support/peers/verbs.ts";
import { servedStore } from "../support/registry/served_store.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const BASE = { name: "etc/name", content: "one\n" };

Deno.test({
  name: "each command that stands beside a verb of a peer does it",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  ...needs({ root: true }),
  async fn() {
    await using temp = await tempDir();
    const image = (name: string, layers: Parameters<typeof buildImage>[0]["layers"]) =>
      archiveTar(ociFiles([buildImage({ name, layers })]));
    await Deno.mkdir(temp.join("root"));
    await Deno.writeFile(temp.join("app.tar"), image("app:1", [[BASE]]));
    await Deno.writeFile(
      temp.join("app2.tar"),
      image("app:2", [[BASE], [{ name: "etc/name", content: "second\n" }]]),
    );
    await Deno.writeFile(temp.join("layer.tar"), tarOf([{ name: "more" }]));
    await using server = await servedStore(temp.join("served"));
    const varve = commandOn(temp.join("store"));
    const env = { HOME: temp.path, DOCKER_CONFIG: temp.join("docker"), PATH: "/usr/bin" };
    const stdin = new TextEncoder().encode("secret\n");
    const inPlace = (text: string) =>
      text.replaceAll("./", `${temp.path}/`).replaceAll("localhost:5000", server.host);
    const does = async (command: string) => {
      const { code, stdout, stderr } = await varve(wordsOf(inPlace(command)), { env, stdin });
      assertEquals(code, 0, `varve ${command}: ${stderr}`);
      return stdout.replaceAll(server.host, "localhost:5000");
    };
    for (
      const command of [
        ...["load ./app.tar", "load ./app2.tar", "tag app:1 app:other", "tag app:1 gone:1"],
        ...["snapshot prepare work app:1", "push app:1 localhost:5000/library/app:1"],
        ...["push app:1 localhost:5000/library/old:1"],
        ...["import ./root app:arm --platform linux/arm64", "index create app:multi app:1 app:arm"],
      ]
    ) await does(command);
    const done = new Map<string, string>();
    for (const { verbs } of PEERS) {
      for (const way of Object.values(verbs)) {
        if (!("run" in way)) continue;
        const printed = done.get(way.run) ?? await does(way.run);
        done.set(way.run, printed);
        if (way.prints !== undefined) assertMatch(printed, way.prints, `varve ${way.run}`);
      }
    }
  },
});

/** The words of a command line as a shell reads them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

/** The verbs in the help of a peer: the first words of lines below a heading of commands. */
function verbsOf(help: string): string[] {
  const [, list = ""] = /^(?:Available )?Commands:$([\s\S]*?)(?:^\S|$(?![\s\S]))/im.exec(help) ??
    [];
  return [...list.matchAll(/^ {2,5}([a-z][a-z-]*),?(?: [a-z]+)?(?: {2}|$)/gm)].map(([, verb]) =>
    verb ?? ""
  );
}

for (const { name, source, verbs } of PEERS) {
  if (source.startsWith("https:")) continue;
  const [program = "", ...args] = source.split(" ");
  Deno.test({
    name: `PEERS.md has each verb of ${name}`,
    ...needs({ tools: [program] }),
    async fn() {
      const { stdout } = await run([program, ...args]);
      const told = verbsOf(stdout);
      assertEquals(told.length > 2, true, stdout);
      assertEquals(told.sort(), Object.keys(verbs).sort());
    },
  });
}
