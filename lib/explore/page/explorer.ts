import { formatBytes } from "../../bytes/mod.ts";
import type { PageData } from "./data.ts";
import { type Browser, element, type PageElement } from "./dom.ts";
import { bytesBelow, lowerPaths, modelOf, type PageModel } from "./model.ts";
import { percentText } from "./text.ts";
import { type PageState, readState, writeState } from "./state.ts";
import {
  diffView,
  layersView,
  mapView,
  searchView,
  treeView,
  type ViewContext,
  wasteView,
} from "./views.ts";

declare const document: Browser["document"];
declare const location: Browser["location"];
declare const history: { replaceState(data: null, title: string, url: string): void };
declare const addEventListener: Browser["addEventListener"];

/** Runs the page: reads its data, and shows what the address says. */
export function explorer(): void {
  const byId = (id: string) => document.getElementById(id) as PageElement;
  const data: PageData = JSON.parse(byId("data").textContent);
  const models = data.images.map((): PageModel | undefined => undefined);
  const searched = data.images.map((): readonly string[] | undefined => undefined);
  const names = ["layers", "tree", "map", "waste", "search", ...data.diff === null ? [] : ["diff"]];
  let state: PageState;

  const modelAt = (i: number) => models[i] ??= modelOf(data.images[i] as PageData["images"][0]);
  const go = (change: Partial<PageState>) => {
    location.hash = writeState({ ...state, ...change });
  };
  const pathsAt = (i: number) => searched[i] ??= lowerPaths(modelAt(i));

  function choice(
    label: string,
    name: keyof PageState,
    options: readonly (readonly [value: string, text: string])[],
  ): PageElement {
    const select = element(
      "select",
      {
        id: `choose-${name}`,
        change: () => go({ [name]: isNumber ? Number(select.value) : select.value }),
      },
      ...options.map(([value, text]) =>
        element("option", { value, selected: value === String(state[name]) }, text)
      ),
    );
    const isNumber = typeof state[name] === "number";
    return element("span", {}, element("label", { for: `choose-${name}` }, label), select);
  }

  function head(model: PageModel): void {
    const { name, about, image, layers, layerBytes, store, efficiency, folded } = model.image;
    byId("name").textContent = name;
    byId("about").textContent = `${about} · ${image[0]} paths with ${formatBytes(image[1])}, of ` +
      `${layers.length} layers with ${formatBytes(layerBytes)} · efficiency ${
        percentText(efficiency)
      }` +
      (store === null
        ? ""
        : ` · in the store ${formatBytes(store.size)}, ${formatBytes(store.unique)} of its own`) +
      (folded[0] === 0 ? "" : ` · ${folded[0]} directories are folded, with ${folded[1]} paths`);
    byId("views").replaceChildren(...names.map((view) => {
      const link = element("a", { href: writeState({ ...state, view }) }, view);
      if (view === state.view) link.setAttribute("aria-current", "page");
      return link;
    }));
    const layerOptions = layers.map((_, i) => [String(i), `layer ${i}`] as const);
    byId("choices").replaceChildren(
      ...data.images.length < 2
        ? []
        : [choice("Image", "image", data.images.map((one, i) => [String(i), one.name]))],
      choice("Count", "layer", [["-1", "all layers"], ...layerOptions]),
      ...state.view !== "map" ? [] : [
        choice("Map", "map", [["treemap", "treemap"], ["icicle", "icicle"]]),
        choice("Colours", "color", [["layer", "last layer"], ["kind", "last change"]]),
      ],
    );
  }

  function show(): void {
    state = readState(location.hash);
    const image = state.image < data.images.length ? state.image : 0;
    const layer = state.layer < (data.images[image]?.layers.length ?? 0) ? state.layer : -1;
    const view = names.includes(state.view) ? state.view : "layers";
    state = { ...state, image, layer, view };
    const model = modelAt(image);
    const bytes = bytesBelow(model, layer);
    const context: ViewContext = { data, model, state, bytes, go };
    const hadFocus = byId("content").dataset["focus"] === "1";
    head(model);
    byId("title").textContent = view;
    document.title = `${view}: ${model.image.name}`;
    const search = byId("find");
    if (search.value !== state.find) search.value = state.find;
    const content = byId("content");
    const width = Math.max(200, content.clientWidth);
    const made = view === "tree"
      ? treeView(context)
      : view === "map"
      ? mapView(context, width, Math.max(240, Math.round(width * 0.5)))
      : view === "waste"
      ? wasteView(context)
      : view === "search"
      ? searchView(context, pathsAt(image))
      : view === "diff"
      ? diffView(context)
      : layersView(context);
    content.replaceChildren(...made);
    if (hadFocus) byId("title").focus();
  }

  byId("content").addEventListener("focusin", () => byId("content").dataset["focus"] = "1");
  byId("content").addEventListener("focusout", () => byId("content").dataset["focus"] = "0");
  byId("find").addEventListener("input", () => {
    history.replaceState(
      null,
      "",
      writeState({ ...state, view: "search", find: byId("find").value }),
    );
    show();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = ["find", "path"].includes(event.target.getAttribute?.("id") ?? "");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = names[Number(event.key) - 1];
    if (event.key === "/") byId("find").focus();
    else if (event.key === "Escape") go({ at: state.at.replace(/\/[^/]*$/, "") || "/" });
    else if (chosen !== undefined) go({ view: chosen });
    else return;
    event.preventDefault();
  });
  addEventListener("hashchange", show);
  addEventListener("resize", () => {
    if (state.view === "map") show();
  });
  show();
  byId("content").dataset["ready"] = "1";
}
