/** What the modules of the project export, re-export and import, by name. */
import { listSources } from "./sources.ts";

/** A name that a module takes from another; `*` for all of them. */
export interface Taken {
  readonly name: string;
  /** Project path of the other module. */
  readonly from: string;
}

/** A name that a module passes on under a name of its own. */
export interface PassedOn extends Taken {
  readonly as: string;
  /** Whether only its type is passed on. */
  readonly isType: boolean;
}

/** The names of one module. */
export interface ModuleNames {
  /** What it declares and exports: exported name → whether its own code uses it, too. */
  readonly own: ReadonlyMap<string, boolean>;
  readonly passedOn: readonly PassedOn[];
  /** Modules all of whose names it passes on. */
  readonly all: readonly string[];
  readonly imports: readonly Taken[];
}

/** Project path → names. */
export type Modules = ReadonlyMap<string, ModuleNames>;

/** Reads all shipped modules of a project. Works in tests only, as `Deno.lint.runPlugin` does. */
export async function readModules(root: string): Promise<Modules> {
  const modules = new Map<string, ModuleNames>();
  for (const path of await listSources(root)) {
    modules.set(path, readNames(path, await Deno.readTextFile(`${root}/${path}`)));
  }
  return modules;
}

function readNames(path: string, source: string): ModuleNames {
  const exported = new Map<string, string>();
  const uses = new Map<string, number>();
  const passedOn: PassedOn[] = [];
  const all: string[] = [];
  const imports: Taken[] = [];
  const projectPath = (specifier: string) =>
    new URL(specifier, `file:///${path}`).pathname.slice(1);
  const isRelative = (specifier: unknown): specifier is string =>
    typeof specifier === "string" && specifier.startsWith(".");
  const visitor: Deno.lint.LintVisitor = {
    Identifier: ({ name }) => void uses.set(name, (uses.get(name) ?? 0) + 1),
    ImportDeclaration({ source, specifiers }) {
      if (!isRelative(source.value)) return;
      const from = projectPath(source.value);
      for (const specifier of specifiers) {
        const isNamed = specifier.type === "ImportSpecifier";
        imports.push({ name: isNamed ? nameOf(specifier.imported) : "*", from });
      }
    },
    ImportExpression({ source }) {
      if (source.type !== "Literal" || !isRelative(source.value)) return;
      imports.push({ name: "*", from: projectPath(source.value) });
    },
    ExportAllDeclaration: ({ source }) => void all.push(projectPath(source.value)),
    ExportNamedDeclaration({ source, specifiers, declaration, exportKind }) {
      for (const { local, exported: as, exportKind: ownKind } of specifiers) {
        if (source === null) exported.set(nameOf(as), nameOf(local));
        else {
          const isType = exportKind === "type" || ownKind === "type";
          const from = projectPath(source.value);
          passedOn.push({ name: nameOf(local), as: nameOf(as), isType, from });
        }
      }
      for (const name of declaredBy(declaration)) exported.set(name, name);
    },
  };
  const plugin: Deno.lint.Plugin = { name: "names", rules: { names: { create: () => visitor } } };
  Deno.lint.runPlugin(plugin, `/${path}`, source);
  // Once in its declaration; more than that is use.
  const own = [...exported].map(([name, local]) => [name, (uses.get(local) ?? 0) > 1] as const);
  return { own: new Map(own), passedOn, all, imports };
}

function nameOf(node: Deno.lint.Identifier | Deno.lint.StringLiteral): string {
  return node.type === "Identifier" ? node.name : node.value;
}

function declaredBy(declaration: Deno.lint.ExportNamedDeclaration["declaration"]): string[] {
  if (declaration === null) return [];
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => id.type === "Identifier" ? [id.name] : []);
  }
  const id = "id" in declaration ? declaration.id : null;
  return id?.type === "Identifier" ? [id.name] : [];
}
