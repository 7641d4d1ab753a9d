/** The HTML file of the explorer in a real browser. */
import { assert, assertEquals, assertMatch } from "@std/assert";
// deno-lint-ignore no-import-prefix
import axe from "npm:axe-core@4.14.1";
import { type BrowserPage, startBrowser } from "../support/browser/chromium.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const NAMES = [
  "</script><script>document.title='ran'</script>",
  "<img src=x onerror=document.title='ran'>",
  "\u202etxt.exe",
  "\x1b[31mred",
  "new\nline",
  "&lt;b&gt;",
  "plain",
];

const text = new TextEncoder();

/** An image of two layers with hostile names, another one, and their page. */
async function fixture(root: string, file: string) {
  const varve = commandOn(root);
  const deep = Array.from({ length: 900 }, () => "d").join("/");
  const layer = tarOf([
    ...NAMES.map((name, i) => ({ name: `names/${name}`, content: `content ${i} `.repeat(50) })),
    { name: new Uint8Array([...text.encode("names/"), 0xff]), content: "odd" },
    { name: `${deep}/file`, content: "deep" },
    { name: "usr/bin/tool", content: "tool".repeat(2000), mode: 0o755 },
    { name: "usr/bin/twin", content: "tool".repeat(2000), mode: 0o755 },
    { name: "usr/share/old", content: "old".repeat(900) },
  ]);
  const top = tarOf([
    { name: "usr/bin/tool", content: "tool".repeat(2000), mode: 0o700 },
    { name: "usr/share/.wh.old" },
    { name: "new", content: "new" },
  ]);
  await Deno.writeFile(`${root}.1.tar`, layer);
  await Deno.writeFile(`${root}.2.tar`, top);
  for (
    const args of [
      ["import", `${root}.1.tar`, "example.org/page:1"],
      ["append", "example.org/page:1", `${root}.2.tar`, "example.org/page:2"],
      ["explore", "example.org/page:1", "example.org/page:2", "-o", file],
    ]
  ) {
    const { code, stderr } = await varve(args);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  return varve;
}

const VIEWS = ["layers", "tree", "map", "waste", "search", "diff"];

/** Goes to a state, and waits until it is shown. */
async function go(page: BrowserPage, hash: string): Promise<void> {
  await page.eval(`new Promise((resolve) => {
    if (location.hash === ${JSON.stringify(hash)}) return resolve();
    addEventListener("hashchange", () => resolve(), { once: true });
    location.hash = ${JSON.stringify(hash)};
  })`);
}

const content = 'document.getElementById("content")';

Deno.test({
  name: "the page of the explorer, in a browser",
  ...needs({ tools: ["chromium-headless-shell"] }),
  async fn(t) {
    await using temp = await tempDir("varve-page-");
    const file = temp.join("page.html");
    const varve = await fixture(temp.join("store"), file);
    await using browser = await startBrowser();
    const { page } = browser;
    await page.open(`file://${file}#image=1`);

    await t.step("hostile names are text, and can be given to cat", async () => {
      await go(page, "#view=tree&at=/names");
      const paths: string[] = await page.eval(
        `Array.from(${content}.querySelectorAll(".tree a"), (link) => link.textContent)`,
      );
      assertEquals(paths.length, NAMES.length + 1);
      for (const name of paths) {
        // deno-lint-ignore no-control-regex
        assert(!/[\x00-\x1f\x7f\u202e]/.test(name), name);
        const { code } = await varve(["cat", `example.org/page:2:/names/${name}`]);
        assertEquals(code, 0, name);
      }
      await go(page, `#view=tree&at=${encodeURIComponent(`/names/${paths[0]}`)}`);
      const shown = await page.eval(`document.getElementById("path").value`);
      assertEquals(shown, `/names/${paths[0]}`);
      await go(page, `#view=tree&at=${"/d".repeat(900)}/file`);
      assertEquals(
        await page.eval(`document.getElementById("path").value.length`),
        2 * 900 + 5,
      );
    });

    await t.step("each view is in the address, and shows what the report says", async () => {
      for (const view of VIEWS) {
        await go(page, `#view=${view}&image=1`);
        assertEquals(await page.eval(`document.getElementById("title").textContent`), view);
        assertEquals(await page.eval(`${content}.children.length > 0`), true, view);
      }
      const said = () => page.eval(`${content}.textContent`);
      await go(page, "#view=waste&image=1");
      assertMatch(await said(), /deleted12\.70 kB/);
      assertMatch(await said(), /copied18\.00 kB/);
      await go(page, "#view=diff");
      assertMatch(await said(), /deleted2\.70 kB0 B\/usr\/share\/old/);
      assertMatch(await said(), /added0 B3 B\/new/);
      await go(page, "#view=layers&image=1");
      assertMatch(await said(), /layer 1[^]*varve append/);
      for (const map of ["treemap", "icicle"]) {
        for (const color of ["layer", "kind"]) {
          await go(page, `#view=map&image=1&map=${map}&color=${color}&at=/usr`);
          const label = await page.eval(
            `Array.from(${content}.querySelectorAll(".map button"), (one) => one.title).join()`,
          );
          assertMatch(label, /bin, 24\.0 kB/);
        }
      }
      await go(page, "#view=map&image=1&layer=1");
      assertMatch(
        await page.eval(`${content}.querySelector(".map button").title`),
        /usr, 8\.00 kB/,
      );
    });

    await t.step("every action by keyboard alone", async () => {
      await go(page, "#view=layers&image=1");
      const hash = () => page.eval("location.hash");
      await page.press("3");
      assertMatch(await hash(), /view=map/);
      await go(page, "#view=map&image=1&at=%2F");
      await page.eval(`${content}.querySelector(".map button").focus()`);
      const first = await page.eval("document.activeElement.title");
      await page.press("ArrowRight");
      assert(await page.eval("document.activeElement.title") !== first);
      await page.press("Enter");
      assertMatch(await hash(), /at=%2F./);
      const inside = decodeURIComponent(/at=([^&]*)/.exec(await hash())?.[1] ?? "");
      await page.press("Escape");
      assert(!(await hash()).includes(`at=${encodeURIComponent(inside)}&`));
      await page.press("/");
      assertEquals(await page.eval("document.activeElement.id"), "find");
      for (const key of "TOOL") await page.press(key);
      assertMatch(await hash(), /view=search.*find=TOOL/);
      assertMatch(await page.eval(`${content}.textContent`), /1 paths\/usr\/bin\/tool/);
      await page.press("Tab");
      await page.press("Enter");
      assertMatch(await hash(), /view=tree.*at=%2Fusr%2Fbin%2Ftool/);
      await go(page, "#view=tree&image=1&at=%2F");
      await page.eval(`${content}.querySelector(".tree button").focus()`);
      await page.press("Enter");
      assertEquals(await page.eval(`${content}.querySelectorAll(".tree .tree").length`), 1);
      await page.press("Enter");
      assertEquals(await page.eval(`${content}.querySelectorAll(".tree .tree").length`), 0);
    });

    await t.step("axe-core finds nothing, in light and in dark", async () => {
      // Through the protocol, which no policy of a page stops.
      await page.eval(`${(axe as unknown as { source: string }).source}; undefined`);
      for (const scheme of ["light", "dark"] as const) {
        await page.prefer(scheme);
        for (const view of [...VIEWS, "map&map=icicle&color=kind", "search&find=e"]) {
          await go(page, `#image=1&view=${view}&at=/usr`);
          const { violations, passes } = JSON.parse(
            await page.eval(`axe.run().then(({ violations, passes }) => JSON.stringify({
              violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
              passes: passes.length,
            }))`),
          );
          assert(passes > 10, `${passes} rules`);
          assertEquals(violations, [], `${scheme} ${view}`);
        }
      }
    });

    assertEquals(await page.eval("document.title.includes('ran')"), false);
    assertEquals(page.problems, []);
    assertEquals(page.requests.filter((url) => !url.startsWith(`file://${file}`)), []);
  },
});
