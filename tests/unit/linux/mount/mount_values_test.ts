import { assertEquals, assertThrows } from "@std/assert";
import { asByteString, fromText } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  bindMount,
  findMount,
  kernelRelease,
  OVERLAY_OPTIONS,
  overlayMount,
  parseMountInfo,
  readMountInfo,
  releaseAtLeast,
  splitOverlayPaths,
} from "../../../../lib/linux/mod.ts";
import { planMount } from "../../../../lib/linux/mount/mount_plan.ts";
import { needs } from "../../../support/machine/needs.ts";
import { prng } from "../../../support/prng.ts";

const b = fromText;

Deno.test("an overlay is described in the form that mount(2) and containerd take", () => {
  const upper = { directory: b("/s/2/fs"), work: b("/s/2/work") };
  assertEquals(overlayMount({ lowers: [b("/l/9"), b("/l/8")], upper }), {
    type: "overlay",
    source: b("overlay"),
    options: [
      "lowerdir=/l/9:/l/8",
      "upperdir=/s/2/fs",
      "workdir=/s/2/work",
      "redirect_dir=nofollow",
      "metacopy=off",
      "index=off",
      "xino=off",
      "uuid=null",
    ],
  });
  assertEquals(overlayMount({ lowers: [b("/a"), b("/b")] }).options.slice(0, 2), [
    "ro",
    "lowerdir=/a:/b",
  ]);
  assertThrows(() => overlayMount({ lowers: [] }), RangeError, "no lower");
  assertEquals(bindMount(b("/x"), { readOnly: true }).options, ["bind", "ro"]);
});

Deno.test("I15 no path can add an option or a lower", () => {
  const random = prng(11);
  const alphabet = [..."a,:\\= \n\xff"];
  for (let i = 0; i < 2000; i++) {
    const path = () =>
      asByteString(
        "/" + Array.from({ length: random.int(1, 12) }, () => random.pick(alphabet)).join(""),
      );
    const lowers = Array.from({ length: random.int(1, 5) }, path);
    const upper = { directory: path(), work: path() };
    const mount = overlayMount({ lowers, upper });
    const { parameters, data } = planMount(mount);
    assertEquals(
      parameters.filter(({ key }) => key === "lowerdir+").map(({ value }) => value),
      lowers,
    );
    assertEquals(parameters.find(({ key }) => key === "upperdir")?.value, upper.directory);
    assertEquals(parameters.find(({ key }) => key === "workdir")?.value, upper.work);
    assertEquals(parameters.length, lowers.length + 2 + OVERLAY_OPTIONS.length);
    // The kernel splits the string at commas without a backslash.
    assertEquals(data.match(/(?:\\.|[^,\\])+/gs)?.length, 3 + OVERLAY_OPTIONS.length);
  }
});

Deno.test("options are sorted into flags, attributes and parameters of the file system", () => {
  const plan = planMount({
    type: "overlay",
    source: b("overlay"),
    options: ["ro", "nosuid", "nodev", "lowerdir=/a:/b\\:c::/data", "volatile", "userxattr"],
  });
  assertEquals(plan.flags, 1 | 2 | 4);
  assertEquals(plan.attributes, 1 | 2 | 4);
  assertEquals(plan.data, b("lowerdir=/a:/b\\:c::/data,volatile,userxattr"));
  assertEquals(plan.parameters, [
    { key: "lowerdir+", value: b("/a"), path: true },
    { key: "lowerdir+", value: b("/b:c"), path: true },
    { key: "datadir+", value: b("/data"), path: true },
    { key: "volatile" },
    { key: "userxattr" },
  ]);
  assertEquals(planMount(bindMount(b("/x"), { recursive: true })).recursive, true);
  assertEquals(splitOverlayPaths("a\\\\b:c\\,d:"), [b("a\\b"), b("c,d"), b("")]);
});

Deno.test("mountinfo is parsed with its escapes and optional fields", () => {
  const text = b([
    "36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue",
    "37 36 0:41 / /a\\134b\\011c ro - overlay over\\040lay rw,lowerdir+=/x\\072y,lowerdir+=/z",
    "38 37 0:42 / /a\\134b\\011c rw - tmpfs none",
    "",
  ].join("\n"));
  const mounts = parseMountInfo(text);
  assertEquals(mounts[0], {
    id: 36,
    parent: 35,
    device: "98:0",
    root: b("/mnt1"),
    mountPoint: b("/mnt two"),
    options: [b("rw"), b("noatime")],
    optional: [b("master:1"), b("shared:2")],
    type: b("ext3"),
    source: b("/dev/root"),
    superOptions: [b("rw"), b("errors=continue")],
  });
  assertEquals(mounts[1]?.mountPoint, b("/a\\b\tc"));
  assertEquals(mounts[1]?.superOptions, ["rw", "lowerdir+=/x:y", "lowerdir+=/z"].map(b));
  // The later mount is on top.
  assertEquals(findMount(mounts, b("/a\\b\tc"))?.id, 38);
  assertEquals(findMount(mounts, b("/none")), undefined);
  for (const bad of ["x", "1 2 3", "a b 0:1 / / rw - t s", "1 2 0:1 / / rw t s"]) {
    assertThrows(() => parseMountInfo(b(bad)), VarveError, "malformed");
  }
});

Deno.test({
  name: "this process's own mounts and kernel are read",
  ...needs({}),
  fn: () => {
    const mounts = readMountInfo();
    assertEquals(findMount(mounts, b("/proc"))?.type, b("proc"));
    assertEquals(/^\d+\.\d+/.test(kernelRelease()), true);
  },
});

Deno.test("releases are compared by their numbers", () => {
  assertEquals(releaseAtLeast("6.18.44-fc", "6.7"), true);
  assertEquals(releaseAtLeast("6.7.0", "6.7"), true);
  assertEquals(releaseAtLeast("6.6.99", "6.7"), false);
  assertEquals(releaseAtLeast("5.15", "5.15.1"), false);
  assertEquals(releaseAtLeast("10.0", "9.99"), true);
});
