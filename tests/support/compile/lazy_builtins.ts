/**
 * Makes bundled code load the modules of Node when it first uses them.
 *
 * A static import of `node:fs`, `node:crypto` or `node:zlib` costs 20 ms of CPU, more than an empty program takes in
 * all. commander alone imports six such modules, and needs them for help and for what varve does not use. So the one
 * file would pay 60 ms at each start for code that `varve images` never calls.
 */

/** An import of a module of Node, as the bundler writes it: on one line, at the top level. */
const IMPORT = /^import (?:(\w+)|\{ ([^{}]+) \}) from "(node:[\w/]+)";$/gm;

/** Modules that cost much and that few commands use. */
const MODULES = ["child_process", "crypto", "fs", "module", "path", "process", "util", "zlib"];
const LAZY_MODULES: ReadonlySet<string> = new Set(MODULES.map((name) => `node:${name}`));

/** How the bundler gives code in CommonJS its `require`. Making it loads `node:module`. */
const REQUIRE = /^var __require = (\w+\(import\.meta\.url\));$/m;

/**
 * What replaces an import: a stand-in that reads the module or the export at each use. It can be called, constructed,
 * and read. A class cannot extend it before its module is loaded.
 */
const LAZY = `const __lazy = (module, name) => {
  const target = () => {
    const all = globalThis.process.getBuiltinModule(module);
    return name === "default" ? all : all[name];
  };
  return new Proxy(function () {}, {
    get: (_, key) => target()[key],
    has: (_, key) => key in target(),
    apply: (_, self, args) => Reflect.apply(target(), self, args),
    construct: (_, args) => Reflect.construct(target(), args),
  });
};
`;

/** The import of what a command of commander extends. */
const EVENTS = /^import \{ EventEmitter \} from "node:events";$/m;

/** All that commander uses of it. The module costs 5 ms. */
const EMITTER = `class EventEmitter {
  #listeners = new Map();
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return this;
  }
  emit(name, ...values) {
    const listeners = this.#listeners.get(name) ?? [];
    for (const listener of listeners) Reflect.apply(listener, this, values);
    return listeners.length > 0;
  }
  listenerCount(name) {
    return this.#listeners.get(name)?.length ?? 0;
  }
}`;

/** The same code, with its imports of Node's modules made lazy. */
export function lazyBuiltins(code: string): string {
  let found = false;
  const lazyRequire = code.replace(REQUIRE, "var __require = (name) => $1(name);");
  const changed = lazyRequire.replace(EVENTS, EMITTER).replaceAll(
    IMPORT,
    (line, whole, names, module) => {
      if (!LAZY_MODULES.has(module)) return line;
      found = true;
      const parts = whole === undefined ? names.split(", ") : [`default as ${whole}`];
      return parts.map((part: string) => {
        const [name, local = name] = part.split(" as ");
        return `const ${local} = __lazy(${JSON.stringify(module)}, ${JSON.stringify(name)});`;
      }).join(" ");
    },
  );
  return found ? `${LAZY}${changed}` : code;
}
