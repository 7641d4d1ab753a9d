/**
 * What the page's program uses of the browser, as types: Deno has none of them.
 *
 * The functions of this folder, and `formatBytes`, run in the browser. The page holds their text as the runtime has it
 * (`Function.prototype.toString`), without types. So they use only parameters, each other and globals of a browser.
 */

/** An element. */
export interface PageElement {
  textContent: string;
  className: string;
  hidden: boolean;
  value: string;
  tabIndex: number;
  readonly style: Record<string, string>;
  readonly dataset: Record<string, string>;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly children: ArrayLike<PageElement>;
  readonly parentElement: PageElement | null;
  readonly nextElementSibling: PageElement | null;
  readonly previousElementSibling: PageElement | null;
  append(...children: (PageElement | string)[]): void;
  replaceChildren(...children: (PageElement | string)[]): void;
  setAttribute(name: string, value: string): void;
  getAttribute(name: string): string | null;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  focus(): void;
  select(): void;
  remove(): void;
}

/** An event. */
export interface PageEvent {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly target: PageElement;
  preventDefault(): void;
}

/** The document and the globals that the page's program uses. */
export interface Browser {
  readonly document: {
    title: string;
    readonly activeElement: PageElement | null;
    createElement(tag: string): PageElement;
    getElementById(id: string): PageElement | null;
    addEventListener(type: string, listener: (event: PageEvent) => void): void;
  };
  readonly location: { hash: string };
  addEventListener(type: string, listener: () => void): void;
}

/** Attributes and listeners of a new element: a function is a listener of the event that its key names. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | ((event: PageEvent) => void)>
>;

declare const document: Browser["document"];

/** Makes an element. Text is only ever text: there is no way to markup. */
export function element(
  tag: string,
  attributes: Attributes = {},
  ...children: (PageElement | string)[]
): PageElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "class") made.className = String(value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}
