import { formatBytes } from "../../bytes/mod.ts";
import type { PageData } from "./data.ts";
import { element, type PageElement } from "./dom.ts";
import { icicle, treemap } from "./layouts.ts";
import { entriesOf, indexOf, lastChange, type PageModel, pathOf } from "./model.ts";
import { longText, percentText, tableOf } from "./text.ts";
import { type PageState, writeState } from "./state.ts";

/** What a view gets. */
export interface ViewContext {
  readonly data: PageData;
  readonly model: PageModel;
  readonly state: PageState;
  /** Bytes below each path, of the layers that count. */
  readonly bytes: Float64Array;
  /** Goes to another state. */
  go(change: Partial<PageState>): void;
}

/** A link to another state. */
export function stateLink(
  { state }: ViewContext,
  text: string,
  change: Partial<PageState>,
): PageElement {
  return element("a", { href: writeState({ ...state, ...change }) }, text);
}

/** The layers as a time line. */
export function layersView(view: ViewContext): PageElement[] {
  const { model: { image }, data: { kinds } } = view;
  const most = image.layers.reduce((one, { bytes }) => Math.max(one, bytes), 1);
  const rows = image.layers.map((layer, i) => {
    const bar = element("span", { class: `bar c${i % 8}` });
    bar.style["width"] = `${(100 * layer.bytes / most).toFixed(1)}%`;
    return [
      stateLink(view, `layer ${i}`, { view: "tree", layer: i, at: "/" }),
      element("code", {}, layer.id),
      element("span", { class: "bars" }, bar, formatBytes(layer.bytes)),
      ...layer.changes.map(([count]) => count),
      layer.created,
      longText(layer.command),
    ];
  });
  return [
    tableOf("Layers, lowest first", [
      "Layer",
      "Diff ID",
      "Bytes",
      ...kinds,
      "Created",
      "Created by",
    ], rows),
  ];
}

/** A path with what each layer does to it. */
export function detailsView(
  { data: { kinds, live }, model, bytes, state }: ViewContext,
  at: number,
): PageElement {
  const { image } = model;
  const changes = image.changes[at] as readonly number[];
  const rows = changes.flatMap((code, i) => {
    if (i % 2 === 1) return [];
    const layer = Math.floor(code / 5);
    const { command = "" } = image.layers[layer] ?? {};
    const kind = kinds[code % 5] ?? "";
    return [[layer, kind, formatBytes(changes[i + 1] as number), longText(command)]];
  });
  const path = element("input", { readonly: true, id: "path", value: pathOf(model, at) });
  path.addEventListener("focus", () => path.select());
  const isFolded = image.types[at] === "+";
  const isShownFile = image.types[at] === "-" && (changes.at(-2) ?? 4) % 5 !== 4;
  const query = `?image=${state.image}&path=${encodeURIComponent(pathOf(model, at))}`;
  const links = live && isShownFile
    ? [["text", "text"], ["hex", "bytes"], ["file", "download"]].flatMap(([name, said]) => [
      element("a", { href: `${name}${query}` }, said ?? ""),
      " ",
    ])
    : [];
  return element(
    "section",
    { "aria-label": "Selected path" },
    element("label", { for: "path" }, "Path"),
    path,
    element(
      "p",
      {},
      `${formatBytes(bytes[at] as number)} of the layers that count`,
      isFolded ? "; its entries are folded: they are too many for this page" : "",
    ),
    element("p", {}, ...links),
    ...rows.length === 0 ? [] : [
      tableOf(
        "Layers that have it, lowest first",
        ["Layer", "Change", "Bytes", "Created by"],
        rows,
      ),
    ],
  );
}

/** The way from the root to a path. */
export function crumbs(view: ViewContext, at: number): PageElement {
  const { model } = view;
  const way: number[] = [];
  for (let i = at; i !== 0; i = model.parents[i] as number) way.unshift(i);
  const shown = way.length > 12 ? [...way.slice(0, 3), -1, ...way.slice(-8)] : way;
  const items = [0, ...shown].map((i) =>
    i < 0 ? element("li", {}, "…") : element(
      "li",
      {},
      stateLink(view, i === 0 ? "/" : model.image.names[i] as string, { at: pathOf(model, i) }),
    )
  );
  return element("nav", { "aria-label": "Way to the path" }, element("ol", {}, ...items));
}

/** A directory and what is in it, as a tree that opens. */
export function treeView(view: ViewContext): PageElement[] {
  const { model, state } = view;
  const at = indexOf(model, state.at);
  return [crumbs(view, at), detailsView(view, at), treeList(view, at, 0)];
}

/** The entries of a directory, from the `from`th on. */
export function treeList(view: ViewContext, at: number, from: number): PageElement {
  const { model, bytes, state: { layer }, data: { kinds } } = view;
  const { image } = model;
  const step = 300;
  const all = entriesOf(model, at).filter((one) =>
    layer < 0 || (bytes[one] as number) > 0 ||
    lastChange(model, one, layer) >= 0 || (model.ends[one] as number) > one + 1
  );
  const list = element("ul", { class: "tree" });
  for (const one of all.slice(from, from + step)) {
    const code = lastChange(model, one, layer);
    const name = image.names[one] as string;
    const kind = code < 0 ? "" : `${kinds[code % 5]} by layer ${Math.floor(code / 5)}`;
    const said = element(
      "span",
      { class: "about" },
      ` ${formatBytes(bytes[one] as number)} ${kind}`,
    );
    const item = element("li", {});
    const isDirectory = (model.ends[one] as number) > one + 1;
    if (isDirectory) {
      const toggle = element("button", {
        "aria-expanded": "false",
        "aria-label": `open ${name}`,
        click() {
          const isOpen = toggle.getAttribute("aria-expanded") === "true";
          toggle.setAttribute("aria-expanded", String(!isOpen));
          toggle.textContent = isOpen ? "+" : "−";
          if (isOpen) inside.replaceChildren();
          else inside.replaceChildren(treeList(view, one, 0));
        },
      }, "+");
      item.append(toggle);
    }
    const inside = element("div", {});
    const mark = element("span", {
      class: `mark k${code < 0 ? 3 : code % 5}`,
      "aria-hidden": "true",
    });
    item.append(mark, stateLink(view, name, { at: pathOf(model, one) }), said, inside);
    list.append(item);
  }
  if (all.length > from + step) {
    const more = element("button", {
      click() {
        const item = more.parentElement;
        list.append(...Array.from(treeList(view, at, from + step).children));
        item?.remove();
      },
    }, `${all.length - from - step} more`);
    list.append(element("li", {}, more));
  }
  return list;
}

/** The bytes below a directory as rectangles. */
export function mapView(view: ViewContext, width: number, height: number): PageElement[] {
  const { model, bytes, state, go } = view;
  const { image } = model;
  const selected = indexOf(model, state.at);
  const isFile = (model.ends[selected] as number) === selected + 1;
  const root = isFile ? model.parents[selected] as number : selected;
  const source = {
    entries: (at: number) => entriesOf(model, at),
    bytes: (at: number) => bytes[at] as number,
  };
  const bounds = { width, height, least: 4, most: 700 };
  const boxes = (state.map === "icicle" ? icicle : treemap)(source, root, bounds);
  const area = element("div", { class: "map", role: "group", "aria-label": "Map of bytes" });
  area.style["height"] = `${height}px`;
  for (const [i, box] of boxes.entries()) {
    const code = lastChange(model, box.at, state.layer);
    const color = code < 0
      ? "none"
      : state.color === "kind"
      ? `k${code % 5}`
      : `c${Math.floor(code / 5) % 8}`;
    const name = box.at === 0 ? "/" : image.names[box.at] as string;
    const label = `${name}, ${formatBytes(source.bytes(box.at))}`;
    const button = element("button", {
      class: color,
      title: label,
      "aria-label": label,
      click: () => go({ at: pathOf(model, box.at) }),
      keydown(event) {
        const forward = ["ArrowRight", "ArrowDown"].includes(event.key);
        if (!forward && !["ArrowLeft", "ArrowUp"].includes(event.key)) return;
        event.preventDefault();
        const next = forward ? button.nextElementSibling : button.previousElementSibling;
        if (next === null) return;
        button.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      },
    });
    button.tabIndex = i === 0 ? 0 : -1;
    for (const [side, value] of Object.entries({ left: box.x, top: box.y })) {
      button.style[side] = `${value.toFixed(1)}px`;
    }
    button.style["width"] = `${Math.max(1, box.width - 1).toFixed(1)}px`;
    button.style["height"] = `${Math.max(1, box.height - 1).toFixed(1)}px`;
    if (box.width > 40 && box.height > 14) button.textContent = name;
    area.append(button);
  }
  return [crumbs(view, root), area, detailsView(view, selected)];
}

/** What is of no use, and what is there twice. */
export function wasteView(view: ViewContext): PageElement[] {
  const { data: { causes }, model: { image } } = view;
  const link = (path: string) => stateLink(view, path, { view: "tree", at: path, layer: -1 });
  const sums = image.waste.map(([count, bytes], i) => [causes[i] ?? "", count, formatBytes(bytes)]);
  return [
    element(
      "p",
      {},
      `Efficiency ${percentText(image.efficiency)}. The score of dive is ` +
        `${percentText(image.dive.score)}, with ${formatBytes(image.dive.wasted)} wasted.`,
    ),
    tableOf("Waste by cause", ["Cause", "Files", "Bytes"], sums),
    tableOf(
      "Wasted files, largest first",
      ["Bytes", "Cause", "Layer", "Hidden by", "Path"],
      image.wasted.map(([path, cause, layer, by, bytes]) => [
        formatBytes(bytes),
        causes[cause] ?? "",
        layer,
        by,
        link(path),
      ]),
    ),
    tableOf(
      `Equal files: ${image.duplicates[0]} more than needed, ${formatBytes(image.duplicates[1])}`,
      ["Bytes", "Files", "Paths"],
      image.duplicateFiles.map(([size, count, paths]) => [
        formatBytes(size),
        count,
        element(
          "ul",
          {},
          ...paths.map((path) => element("li", {}, link(path))),
          ...count > paths.length ? [element("li", {}, `${count - paths.length} more`)] : [],
        ),
      ]),
    ),
    tableOf(
      "Paths that dive counts as inefficient",
      ["Bytes", "Layers", "Path"],
      image.dive.paths.map(([path, count, bytes]) => [formatBytes(bytes), count, link(path)]),
    ),
  ];
}

/** The paths that hold a text. `paths` are all of them, in small letters. */
export function searchView(view: ViewContext, paths: readonly string[]): PageElement[] {
  const { state: { find }, model, bytes } = view;
  const most = 200;
  const wanted = find.toLowerCase();
  const found: number[] = [];
  let count = 0;
  if (wanted !== "") {
    for (let at = 1; at < paths.length; at++) {
      if (!(paths[at] as string).includes(wanted)) continue;
      if (count++ < most) found.push(at);
    }
  }
  const said = wanted === ""
    ? "Type a part of a path into the search."
    : `${count} paths${count > most ? `, the first ${most} of them` : ""}`;
  return [
    element("p", { role: "status" }, said),
    element(
      "ul",
      {},
      ...found.map((at) => {
        const path = pathOf(model, at);
        const link = stateLink(view, path, { view: "tree", at: path });
        return element("li", {}, link, ` ${formatBytes(bytes[at] as number)}`);
      }),
    ),
  ];
}

/** What differs from the first image to the second. */
export function diffView(view: ViewContext): PageElement[] {
  const { data: { diff, images } } = view;
  if (diff === null) return [];
  const from = images[0]?.name ?? "";
  const to = images[1]?.name ?? "";
  const words: Record<string, string> = { A: "added", M: "changed", D: "deleted" };
  const rows = diff.entries.map(([kind, path, before, after]) => [
    words[kind] ?? kind,
    formatBytes(before),
    formatBytes(after),
    stateLink(view, path, { view: "tree", at: path, image: kind === "D" ? 0 : 1 }),
  ]);
  return [
    ...diff.more === 0 ? [] : [element("p", {}, `${diff.more} more are left out of this page.`)],
    tableOf(`From ${from} to ${to}`, ["Change", "Before", "After", "Path"], rows),
  ];
}
