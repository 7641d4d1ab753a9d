/** `varve mutate`: the whole config and annotations change, the layers do not. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("mutate sets, adds and removes fields, and keeps layers and what it does not know", async () => {
  await using temp = await tempDir("varve-mutate-");
  const varve = commandOn(temp.join("store"));
  const ok = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await varve(args, { env: { SOURCE_DATE_EPOCH: "1" } });
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const image = buildImage({ name: "app:1", layers: [[{ name: "f", content: "f" }]] });
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
  await ok(["load", temp.join("app.tar"), "--name", "app:1"]);
  const inspect = async (name: string) =>
    JSON.parse(await ok(["inspect", name, "--format", "json"]));
  await ok([
    ...["mutate", "app:1", "app:2", "--cmd", '["serve","-v"]', "--entrypoint", '["/init"]'],
    ...["--env", "A=1", "--env", "B=$A", "--label", "__proto__=x", "--label", "a=b c"],
    ...["--expose", "80", "--expose", "53/udp", "--volume", "/data dir", "--workdir", "/w"],
    ...["--user", "1:2", "--stop-signal", "SIGINT", "--author", "me", "--annotation", "k=v=w"],
    ...["--change", "ONBUILD RUN x", "--message", "why"],
  ]);
  const [before, after] = [await inspect("app:1"), await inspect("app:2")];
  assertEquals(after.manifest.layers, before.manifest.layers);
  assertEquals(after.manifest.annotations, { k: "v=w" });
  const { config, history, rootfs, created, author } = after.config;
  assertEquals(rootfs, before.config.rootfs);
  assertEquals([created, author], ["1970-01-01T00:00:01Z", "me"]);
  assertEquals(config, {
    Cmd: ["serve", "-v"],
    Entrypoint: ["/init"],
    Env: ["PATH=/usr/bin:/bin", "A=1", "B=$A"],
    ExposedPorts: { "53/udp": {}, "80/tcp": {} },
    Labels: JSON.parse('{"__proto__":"x","a":"b c"}'),
    OnBuild: ["RUN x"],
    StopSignal: "SIGINT",
    User: "1:2",
    Volumes: { "/data dir": {} },
    WorkingDir: "/w",
  });
  assertEquals(history.at(-1), {
    created,
    created_by: "varve mutate",
    author: "me",
    comment: "why",
    empty_layer: true,
  });
  await ok([
    ...[
      "mutate",
      "app:2",
      "app:3",
      "--unset",
      "env.A",
      "--unset",
      "label.__proto__",
      "--no-history",
    ],
    ...["--unset", "port.80", "--unset", "user", "--unset", "annotations", "--unset", "volumes"],
    ...["--unset", "onbuild", "--unset", "entrypoint", "--env", "B=2", "--annotation", "n=m"],
  ]);
  const third = await inspect("app:3");
  assertEquals(third.manifest.annotations, { n: "m" });
  assertEquals(third.config.history, history);
  assertEquals(third.config.config, {
    Cmd: ["serve", "-v"],
    Env: ["PATH=/usr/bin:/bin", "B=2"],
    ExposedPorts: { "53/udp": {} },
    Labels: { a: "b c" },
    StopSignal: "SIGINT",
    WorkingDir: "/w",
  });
  for (
    const [args, said] of [
      [["--unset", "env."], "it is not known"],
      [["--unset", "toString"], "it is not known"],
      [["--env", "=1"], "it is not NAME=value"],
      [["--expose", "x"], "is not a port"],
      [["--volume", "data"], "does not begin with /"],
      [["--cmd", '["a",'], "not a JSON list"],
      [["--change", "RUN x"], "it is not one of"],
    ] as const
  ) {
    const { code, stderr } = await varve(["mutate", "app:1", "app:9", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, said);
  }
  assertEquals((await varve(["inspect", "app:9"])).code, 4);
});
