/** The project path of a file that is being linted. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** `lib/oci/mod.ts` for the file of that name below this project; other paths stay as they are. */
export function lintPath(context: Deno.lint.RuleContext): string {
  const file = context.filename;
  return file.startsWith(ROOT) ? file.slice(ROOT.length) : file;
}

/** An identifier that stands for a value or a type, not for the name of a property. */
export function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node & Record<string, unknown>;
  switch (parent.type) {
    case "MemberExpression":
      return parent["property"] !== node || parent["computed"] === true;
    case "TSQualifiedName":
      return parent["left"] === node;
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      if (parent["shorthand"] === true) return parent["value"] === node;
      return parent["key"] !== node || parent["computed"] === true;
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
      return parent["key"] !== node || parent["computed"] === true;
    case "ImportSpecifier":
      return parent["local"] === node;
    case "ExportSpecifier":
      return parent["local"] === node;
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return false;
    default:
      return true;
  }
}
