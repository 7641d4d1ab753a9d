import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  commandLine,
  environment,
  workingDirectory,
} from "../../../lib/container/bundle/process.ts";
import { runtimeSpec, type SpecInput } from "../../../lib/container/bundle/spec.ts";
import { normalizePath, parseTmpfs, parseVolume } from "../../../lib/container/bundle/volume.ts";
import { VarveError } from "../../../lib/errors.ts";

Deno.test("commandLine: entrypoint and command of image and caller, as Docker joins them", () => {
  const config = { entrypoint: ["e", "1"], cmd: ["c"] };
  assertEquals(commandLine(config, {}), ["e", "1", "c"]);
  assertEquals(commandLine(config, { command: ["x", ""] }), ["e", "1", "x", ""]);
  assertEquals(commandLine(config, { entrypoint: "f" }), ["f"]);
  assertEquals(commandLine(config, { entrypoint: "f", command: ["x"] }), ["f", "x"]);
  assertEquals(commandLine(config, { entrypoint: "", command: ["x"] }), ["x"]);
  assertEquals(commandLine({ cmd: ["c", "d"] }, {}), ["c", "d"]);
  for (const none of [{}, { cmd: [] }, { cmd: [""] }]) {
    assertEquals(assertThrows(() => commandLine(none, {}), VarveError).code, "E_PRECONDITION");
  }
  assertEquals(assertThrows(() => commandLine({ cmd: ["a\0b"] }, {}), VarveError).code, "E_FORMAT");
});

Deno.test("environment: defaults, then the image, then the caller; the last value of a name counts", () => {
  const machine = { hostname: "h", home: "/root" };
  assertEquals(environment({}, {}, machine), [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOSTNAME=h",
    "HOME=/root",
  ]);
  const config = { env: ["PATH=/bin", "A=1", "B=x=y", "A=2", "no", "=none", "HOME="] };
  assertEquals(environment(config, { env: ["B=", "C=3"], tty: true }, machine), [
    "PATH=/bin",
    "HOSTNAME=h",
    "HOME=",
    "TERM=xterm",
    "A=2",
    "B=",
    "C=3",
  ]);
});

Deno.test("workingDirectory: absolute, whatever the image says", () => {
  assertEquals(workingDirectory({}, {}), "/");
  assertEquals(workingDirectory({ workingDir: "a/../../b" }, {}), "/b");
  assertEquals(workingDirectory({ workingDir: "/a" }, { workingDir: "/c//d/" }), "/c/d");
});

Deno.test("parseVolume: paths, and ro or rw", () => {
  assertEquals(parseVolume("/a:/b"), { source: "/a", target: "/b", readOnly: false });
  assertEquals(parseVolume("./a:/b/../c/:ro"), { source: "./a", target: "/c", readOnly: true });
  assertEquals(parseVolume("../a:/b:rw").readOnly, false);
  for (
    const bad of ["", "/a", "a:/b", "/a:b", "/a:/", "/a:/b/..", "/a:/b:z", "/a:/b:ro:x", "/a:/b\n"]
  ) {
    assertEquals(assertThrows(() => parseVolume(bad), VarveError).code, "E_USAGE", bad);
  }
});

Deno.test("parseTmpfs: docker's defaults, and its options", () => {
  assertEquals(parseTmpfs("/run/"), {
    source: "tmpfs",
    target: "/run",
    readOnly: false,
    tmpfs: ["nosuid", "nodev", "noexec", "rw", "mode=1777"],
  });
  assertEquals(
    parseTmpfs("/run:exec,size=64m,noexec,exec,mode=700,ro,uid=5").tmpfs,
    ["nosuid", "nodev", "exec", "ro", "size=64m", "mode=700", "uid=5"],
  );
  const words = ["x", "size=", "size=1 m", "mode=9", "mpol=x", "", "bind", "lowerdir=/etc"];
  for (const bad of ["", "run", "/", "/..:rw", "/a\n", ...words.map((word) => `/a:${word}`)]) {
    assertEquals(assertThrows(() => parseTmpfs(bad), VarveError).code, "E_USAGE", bad);
  }
});

Deno.test("normalizePath: by names, never above the root", () => {
  assertEquals(normalizePath("//a/./b//../c"), "/a/c");
  assertEquals(normalizePath("/../a"), "/a");
});

const INPUT: SpecInput = {
  id: "varve-1",
  config: { cmd: ["c"] },
  options: {},
  user: { uid: 0, gid: 0, groups: [0], home: fromText("/root") },
  root: "/root/of/it",
  readOnly: false,
  hostname: "h",
  network: "host",
  volumes: [],
  init: null,
  cgroupNamespace: false,
  consoleSize: null,
};

Deno.test("runtimeSpec: root has Docker's capabilities, other users only their bounding set", () => {
  const root = runtimeSpec(INPUT).process.capabilities;
  assertEquals(root.bounding.length, 14);
  assertEquals([root.effective, root.permitted], [root.bounding, root.bounding]);
  const user = { ...INPUT.user, uid: 1 };
  const { capabilities } = runtimeSpec({ ...INPUT, user }).process;
  assertEquals(capabilities, { bounding: root.bounding, effective: [], permitted: [] });
});

Deno.test("runtimeSpec: namespaces follow network and cgroups; no limits, no host paths", () => {
  const types = (input: Partial<SpecInput>) =>
    runtimeSpec({ ...INPUT, ...input }).linux.namespaces.map(({ type }) => type);
  assertEquals(types({}), ["pid", "mount", "ipc", "uts"]);
  assertEquals(types({ network: "none", cgroupNamespace: true }), [
    ...types({}),
    "network",
    "cgroup",
  ]);
  const spec = runtimeSpec(INPUT);
  assert(!JSON.stringify(spec).includes("rlimits"));
  assertEquals(spec.mounts.filter(({ type }) => type === "bind"), []);
  assertEquals(spec.linux.resources.devices, [{ allow: false, access: "rwm" }]);
});

Deno.test("runtimeSpec: volumes lie on those that lead to them, the init last", () => {
  const volume = (target: string, readOnly = false) => ({ source: "/s", target, readOnly });
  const { mounts, process } = runtimeSpec({
    ...INPUT,
    volumes: [volume("/a/b/c", true), volume("/a")],
    init: "/usr/bin/tini",
  });
  const binds = mounts.filter(({ type }) => type === "bind");
  assertEquals(binds.map(({ destination, options }) => [destination, options.at(-1)]), [
    ["/a", "rw"],
    ["/a/b/c", "ro"],
    ["/dev/init", "ro"],
  ]);
  assertEquals(process.args, ["/dev/init", "--", "c"]);
  assert(mounts.findIndex(({ destination }) => destination === "/dev") < mounts.indexOf(binds[2]!));
});

Deno.test("runtimeSpec: a container's terminal has the size of the caller's", () => {
  const spec = runtimeSpec({
    ...INPUT,
    options: { tty: true },
    consoleSize: { columns: 90, rows: 30 },
  });
  assertEquals([spec.process.terminal, spec.process.consoleSize], [true, {
    height: 30,
    width: 90,
  }]);
  assertEquals(runtimeSpec(INPUT).process.consoleSize, undefined);
});
